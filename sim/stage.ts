/** One run's cast: the clock, the host, and the supervisor that is running at the moment, if any.
 *  Performs happenings and looks at expectations; when to do either is decided in `run.ts`. */

import type { Supervisor } from '../actors/ports.ts';
import type { Answer } from '../machines/domain/control.ts';
import { toFault } from '../machines/domain/fault.ts';
import type { VirtualClock } from './clock.ts';
import { type Deed, describeDeed, type Happening } from './deeds.ts';
import { Diary } from './diary.ts';
import { type Check, checkExpectation } from './expect.ts';
import type { Reply } from './fake-client.ts';
import { createFakeHost, type FakeHost } from './host.ts';
import { type Companion, createPlainLife, type Departure, type Life, type Served } from './life.ts';
import type { Random } from './random.ts';
import { conductOf } from './revision-conduct.ts';
import type { RevisionDevice, RevisionDeviceOptions } from './revision-device.ts';
import type { Expectation, Scenario } from './scenario.ts';
import type { Trace } from './trace.ts';

export interface StageInput {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly random: Random;
  /** Nothing but the supervisor unless given. Only where there is a store. */
  readonly surroundings?: Surroundings;
  /** The device is to go. Whoever says so is in the middle of something: `powerDown` and `powerUp` must wait for its end.
   *  Unless it is given, a reboot and switching off are the end. */
  readonly departed?: (way: Departure) => void;
  /** Of a device with a store. */
  readonly createRevisionDevice?: (options: RevisionDeviceOptions) => RevisionDevice;
}

/** What stands beside the supervisors of a device, such as its control API. */
export interface Surroundings {
  /** Before a supervisor begins. */
  begin(served: Served): Promise<Companion>;
  powerCycle(): void;
}

export class Stage {
  readonly host: FakeHost;
  readonly checks: Check[] = [];
  readonly #input: StageInput;
  readonly #device: RevisionDevice | undefined;
  #life: Life | undefined;
  #companion: Companion | undefined;
  #powered = false;
  #boots = 0;
  /** Of the containers that ran when the last command on revisions was given. */
  #pids: ReadonlyMap<string, number | undefined> = new Map();

  constructor(input: StageInput) {
    const { scenario, clock, trace, random, departed, createRevisionDevice } = input;
    this.#input = input;
    const diary = new Diary(
      () => clock.now(),
      (entry) => trace.diary(entry),
    );
    const conduct = conductOf(scenario, random);
    this.host = createFakeHost({ clock, decide: conduct.decide, device: scenario.device, diary });
    this.#device =
      scenario.storage &&
      createRevisionDevice?.({
        scenario,
        storage: scenario.storage,
        clock,
        diary,
        host: this.host,
        begins: conduct.begins,
        departed: (way) => departed?.(way),
      });
  }

  /** How often the device has begun. */
  get boots(): number {
    return this.#boots;
  }

  /** The power is there, and a supervisor begins. */
  async powerUp(): Promise<void> {
    this.#powered = true;
    this.#boots += 1;
    this.#device?.powerUp();
    await this.boot();
  }

  /** The power goes, and with it everything but the disk. */
  async powerDown(): Promise<void> {
    this.#powered = false;
    await this.#kill();
    if (this.#device === undefined) this.host.powerCycle();
    else this.#device.powerDown();
    this.#input.surroundings?.powerCycle();
  }

  /** The power goes and comes back: everything begins anew. */
  async powerCycle(): Promise<void> {
    await this.powerDown();
    await this.powerUp();
  }

  /** The next supervisor begins; an earlier one must be gone. */
  async boot(): Promise<void> {
    const { scenario, trace, surroundings } = this.#input;
    const present: { life?: Life; companion?: Companion | undefined } = {};
    const options = {
      signalReady: (name: string) => this.#hear(name),
      listen: (announcement: Parameters<Companion['hear']>[0]) => {
        if (this.#life === undefined || this.#life !== present.life) return;
        trace.announced(announcement);
        present.companion?.hear(announcement);
      },
      crashed: (error: unknown) => {
        if (this.#life === present.life) this.bug(error);
      },
      departed: (way: Departure) => this.#input.departed?.(way),
      accompany: async (served: Served) => {
        present.companion = await surroundings?.begin(served);
        return present.companion;
      },
    };
    const life = await (this.#device?.begin(options) ?? createPlainLife(this.host, scenario, options));
    present.life = life;
    this.#life = life;
    this.#companion = present.companion;
    await life.begin();
  }

  async perform({ deed, answer: expected }: Happening): Promise<void> {
    const what = describeDeed(deed);
    this.#input.trace.add({ at: this.#input.clock.now(), source: 'scenario', subject: '', text: what });
    const answer = await this.#do(deed);
    const seen = answer === undefined ? 'unheard' : answer.ok ? 'ok' : answer.code;
    const ok = seen === expected;
    this.checks.push({
      atMs: this.#input.clock.now(),
      ok,
      what: `${what}, answer ${expected}`,
      seen: ok ? '' : seen,
    });
  }

  check(expectation: Expectation): void {
    const scene = {
      supervisor: this.#life?.supervisor,
      host: this.host,
      trace: this.#input.trace,
      device: this.#device,
      pids: this.#pids,
    };
    this.checks.push(...checkExpectation(expectation, scene));
  }

  /** The run is over: what must hold after every run. */
  async close(): Promise<void> {
    await this.#letGo();
    const { violations } = this.host;
    const bugs = this.#input.trace.entries.filter(({ source }) => source === 'bug').length;
    this.#always('nothing was asked of the host that reality forbids', violations.join('; '));
    this.#always('no chart broke and no timer leaked', bugs === 0 ? '' : `${bugs} bugs, see the trace`);
  }

  async #do(deed: Deed): Promise<Reply | undefined> {
    switch (deed.kind) {
      case 'command':
        return this.#life?.supervisor.send(deed.command);
      case 'ready':
        return this.host.signalReady(deed.container);
      case 'crash':
        return this.host.crash(deed.container, deed.exit) ? { ok: true } : undefined;
      case 'powerCycle':
        await this.powerCycle();
        return { ok: true };
      case 'supervisor':
        return this.#supervise(deed.what);
      case 'revision':
        this.#pids = pidsOf(this.#life?.supervisor);
        return this.#device?.do(deed);
      case 'install':
      case 'cut':
        return this.#device?.do(deed);
      default:
        return deed satisfies never;
    }
  }

  async #supervise(what: 'kill' | 'detach' | 'boot'): Promise<Answer | undefined> {
    if (!this.#powered || (what === 'boot') === (this.#life !== undefined)) return undefined;
    if (what === 'boot') await this.boot();
    else if (what === 'detach') await this.#letGo();
    else await this.#kill();
    return { ok: true };
  }

  async #letGo(): Promise<void> {
    await this.#life?.detach();
    const left = this.#life?.pendingTimers ?? 0;
    if (left > 0) this.#bug(`${left} timers of the supervisor are armed after it let go`);
    await this.#kill();
  }

  async #kill(): Promise<void> {
    const companion = this.#companion;
    this.#life?.cut();
    this.#life = undefined;
    this.#companion = undefined;
    await companion?.end();
  }

  #hear(name: string): Answer {
    return (
      this.#life?.supervisor.send({ type: 'signal.ready', name }) ?? {
        ok: false,
        code: 'not-found',
        message: 'The supervisor has not begun yet',
      }
    );
  }

  #always(what: string, seen: string): void {
    this.checks.push({ atMs: undefined, ok: seen === '', what, seen });
  }

  /** Something that is not a SupervisorError came of the machinery. */
  readonly bug = (error: unknown): void => this.#bug(toFault(error).message);

  #bug(text: string): void {
    this.#input.trace.add({ at: this.#input.clock.now(), source: 'bug', subject: '', text });
  }
}

function pidsOf(supervisor: Supervisor | undefined): ReadonlyMap<string, number | undefined> {
  const containers = supervisor?.view().groups.flatMap((group) => group.containers) ?? [];
  return new Map(containers.map(({ name, record }) => [name, record?.pid]));
}
