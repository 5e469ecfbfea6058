/** One run's cast: the clock, the host, and the supervisor that is running at the moment, if any.
 *  Performs happenings and looks at expectations; when to do either is decided in `run.ts`. */

import type { Supervisor } from '../actors/ports.ts';
import { createSupervisor } from '../actors/supervisor.ts';
import type { Answer } from '../machines/domain/control.ts';
import { toFault } from '../machines/domain/fault.ts';
import { describeExit } from '../machines/domain/recovery.ts';
import type { VirtualClock } from './clock.ts';
import type { Decide } from './conduct.ts';
import { type Check, checkExpectation } from './expect.ts';
import { type Attachment, createFakeHost, type FakeHost } from './host.ts';
import type { Deed, Expectation, Happening, Scenario } from './scenario.ts';
import type { Trace } from './trace.ts';

export interface StageInput {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly decide: Decide;
}

export class Stage {
  readonly host: FakeHost;
  readonly checks: Check[] = [];
  readonly #scenario: Scenario;
  readonly #clock: VirtualClock;
  readonly #trace: Trace;
  #attachment: Attachment | undefined;
  #supervisor: Supervisor | undefined;

  constructor({ scenario, clock, trace, decide }: StageInput) {
    this.#scenario = scenario;
    this.#clock = clock;
    this.#trace = trace;
    this.host = createFakeHost({
      clock,
      decide,
      device: scenario.device,
      note: (entry) => trace.diary(entry),
    });
  }

  /** The next supervisor begins; an earlier one must be gone. */
  async boot(): Promise<void> {
    const attachment = this.host.attach((name) => this.#hear(name));
    this.#attachment = attachment;
    const supervisor = await createSupervisor(attachment.ports, {
      revision: this.#scenario.revision,
      defaultGoalTimeoutMs: this.#scenario.defaultGoalTimeoutMs,
      listen: (announcement) => {
        if (this.#attachment === attachment) this.#trace.announced(announcement);
      },
      crashed: (error) => this.#bug(toFault(error).message),
    });
    this.#supervisor = supervisor;
    supervisor.start();
  }

  async perform({ deed, answer: expected }: Happening): Promise<void> {
    const what = describe(deed);
    this.#trace.add({ at: this.#clock.now(), source: 'scenario', subject: '', text: what });
    const answer = await this.#do(deed);
    const seen = answer === undefined ? 'unheard' : answer.ok ? 'ok' : answer.code;
    const ok = seen === expected;
    this.checks.push({
      atMs: this.#clock.now(),
      ok,
      what: `${what}, answer ${expected}`,
      seen: ok ? '' : seen,
    });
  }

  check(expectation: Expectation): void {
    const scene = { supervisor: this.#supervisor, host: this.host, trace: this.#trace };
    this.checks.push(...checkExpectation(expectation, scene));
  }

  /** The run is over: what must hold after every run. */
  close(): void {
    this.#letGo();
    const { violations } = this.host;
    const bugs = this.#trace.entries.filter(({ source }) => source === 'bug').length;
    this.#always('nothing was asked of the host that reality forbids', violations.join('; '));
    this.#always('no chart broke and no timer leaked', bugs === 0 ? '' : `${bugs} bugs, see the trace`);
  }

  async #do(deed: Deed): Promise<Answer | undefined> {
    switch (deed.kind) {
      case 'command':
        return this.#supervisor?.send(deed.command);
      case 'ready':
        return this.host.signalReady(deed.container);
      case 'crash':
        return this.host.crash(deed.container, deed.exit) ? { ok: true } : undefined;
      case 'powerCycle':
        this.#kill();
        this.host.powerCycle();
        await this.boot();
        return { ok: true };
      case 'supervisor':
        return this.#supervise(deed.what);
      default:
        return deed satisfies never;
    }
  }

  async #supervise(what: 'kill' | 'detach' | 'boot'): Promise<Answer | undefined> {
    if ((what === 'boot') === (this.#supervisor !== undefined)) return undefined;
    if (what === 'boot') await this.boot();
    else if (what === 'detach') this.#letGo();
    else this.#kill();
    return { ok: true };
  }

  #letGo(): void {
    if (this.#supervisor === undefined) return;
    this.#supervisor.detach();
    const left = this.#attachment?.pendingTimers ?? 0;
    if (left > 0) this.#bug(`${left} timers of the supervisor are armed after it let go`);
    this.#kill();
  }

  #kill(): void {
    this.#attachment?.cut();
    this.#attachment = undefined;
    this.#supervisor = undefined;
  }

  #hear(name: string): Answer {
    return (
      this.#supervisor?.send({ type: 'signal.ready', name }) ?? {
        ok: false,
        code: 'not-found',
        message: 'The supervisor has not begun yet',
      }
    );
  }

  #always(what: string, seen: string): void {
    this.checks.push({ atMs: undefined, ok: seen === '', what, seen });
  }

  #bug(text: string): void {
    this.#trace.add({ at: this.#clock.now(), source: 'bug', subject: '', text });
  }
}

function describe(deed: Deed): string {
  switch (deed.kind) {
    case 'command': {
      const { command } = deed;
      const verb = command.type.slice(command.type.indexOf('.') + 1);
      return 'name' in command ? `user: ${verb} ${command.name}` : `user: ${verb} the device`;
    }
    case 'ready':
      return `${deed.container} sends its readiness signal`;
    case 'crash':
      return `${deed.container} ends: ${describeExit(deed.exit)}`;
    case 'supervisor':
      return {
        kill: 'the supervisor is killed',
        detach: 'the supervisor lets go',
        boot: 'a supervisor begins',
      }[deed.what];
    case 'powerCycle':
      return 'the device is power-cycled';
    default:
      return deed satisfies never;
  }
}
