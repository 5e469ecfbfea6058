/** Plays one plan: a fake host, supervisors one after the other, and an audit that listens to both. The second half is
 *  what makes a supervisor mortal: ports that do nothing any more once its process has been killed. */

import type { Ports, Supervisor } from '../../actors/ports.ts';
import { createSupervisor } from '../../actors/supervisor.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { settle, VirtualClock } from '../../sim/clock.ts';
import { type Decide, decideFromTape } from '../../sim/conduct.ts';
import type { Attachment } from '../../sim/host.ts';
import { createFakeHost, type FakeHost } from '../../sim/host.ts';
import { createTape } from '../../sim/random.ts';
import { Audit } from './audit.ts';
import { DEFAULT_TIMEOUT_MS, type Deed, type Plan, revisionFor } from './plan.ts';

/** One line of what happened, as data: shown to people, and compared byte for byte. */
export interface Line {
  readonly at: number;
  readonly from: 'script' | 'tape' | 'host' | 'supervisor';
  readonly what: unknown;
}

export interface Life {
  readonly complaints: readonly string[];
  readonly lines: readonly Line[];
  readonly steps: number;
}

/** Makes the supervisors under audit; mutants come in here. */
export type Create = typeof createSupervisor;

/** No plan keeps a host busy for longer: beyond it something runs in circles. */
const MAX_STEPS = 3_000;

export async function live(plan: Plan, create: Create = createSupervisor): Promise<Life> {
  const stage = new Stage(plan, create);
  try {
    await stage.play(plan);
  } catch (error) {
    stage.audit.complaints.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { complaints: stage.audit.complaints, lines: stage.lines, steps: stage.steps };
}

interface Session {
  readonly attachment: Attachment;
  supervisor: Supervisor | undefined;
  dead: boolean;
}

class Stage {
  readonly lines: Line[] = [];
  readonly audit: Audit;
  steps = 0;
  readonly #clock = new VirtualClock();
  readonly #host: FakeHost;
  readonly #revision: Revision;
  readonly #create: Create;
  #session: Session | undefined;
  /** What may still be said before the supervisor is killed. */
  #wordsLeft = Number.POSITIVE_INFINITY;
  #downMs = 0;
  #bootDue = false;

  constructor(plan: Plan, create: Create) {
    this.#create = create;
    this.#revision = revisionFor(plan);
    const fromTape = decideFromTape(createTape(plan.tape));
    const decide: Decide = (operation, subject) => {
      const decision = fromTape(operation, subject);
      if (operation === 'record') return decision;
      this.#write('tape', { operation, subject, ...decision });
      this.audit.hearsDecision(operation, subject, decision);
      return decision;
    };
    this.#host = createFakeHost({
      clock: this.#clock,
      decide,
      note: (entry) => {
        this.#write('host', entry.line);
        this.audit.hearsDiary(entry);
        if (entry.kind === 'call') this.#spendWord();
      },
    });
    this.audit = new Audit({
      revision: this.#revision,
      defaultTimeoutMs: DEFAULT_TIMEOUT_MS,
      now: () => this.#clock.now(),
      host: () => this.#host,
    });
  }

  async play({ script }: Plan): Promise<void> {
    await this.#boot();
    for (const { afterMs, deed } of script) {
      await this.#passTo(this.#clock.now() + afterMs);
      this.#do(deed);
      await this.#afterEvent();
    }
    await this.#passTo(Number.POSITIVE_INFINITY);
    this.audit.restsForever();
    if (this.#session?.supervisor?.phase() === 'running') {
      this.#do({ kind: 'device.stop' });
      await this.#afterEvent();
      await this.#passTo(Number.POSITIVE_INFINITY);
      this.audit.restsForever();
    }
    this.#end();
  }

  async #boot(): Promise<void> {
    this.#bootDue = false;
    this.#write('script', 'a supervisor begins');
    this.audit.hearsBirth();
    const attachment = this.#host.attach((name) => {
      const answer = session.supervisor?.send({ type: 'signal.ready', name });
      return answer ?? { ok: false, code: 'not-found', message: 'no supervisor' };
    });
    const session: Session = { attachment, supervisor: undefined, dead: false };
    this.#session = session;
    session.supervisor = await this.#create(mortal(attachment.ports, session), {
      revision: this.#revision,
      defaultGoalTimeoutMs: DEFAULT_TIMEOUT_MS,
      listen: (announcement) => {
        if (session.dead) return;
        this.#write('supervisor', announcement);
        this.audit.hears(announcement);
        this.#spendWord();
      },
      crashed: (error) => {
        if (!session.dead) this.#complain(`a chart broke: ${error instanceof Error ? error.stack : error}`);
      },
    });
    session.supervisor.start();
    await this.#afterEvent();
  }

  #do(deed: Deed): void {
    this.#write('script', deed);
    const supervisor = this.#session?.supervisor;
    switch (deed.kind) {
      case 'kill':
        if (supervisor === undefined) break;
        this.#downMs = deed.downMs;
        this.#wordsLeft = deed.afterWords;
        if (deed.afterWords === 0) this.#kill();
        break;
      case 'device.stop':
      case 'device.force':
        supervisor?.send({ type: deed.kind });
        break;
      case 'crash': {
        const name = this.#target(deed.target);
        if (name !== undefined) this.#host.crash(name, { kind: 'code', code: deed.code });
        break;
      }
      default:
        this.#order(deed.kind, this.#target(deed.target));
    }
  }

  #order(order: 'stop' | 'start' | 'restart' | 'ready', name: string | undefined): void {
    const supervisor = this.#session?.supervisor;
    if (supervisor === undefined || name === undefined) return;
    const expected = this.audit.hearsOrder(order, name);
    const { ok } = supervisor.send({
      type: order === 'ready' ? 'signal.ready' : (`container.${order}` as const),
      name,
    });
    if (expected !== undefined && ok !== expected) {
      this.#complain(`${order} ${name} is ${ok ? 'accepted' : 'refused'} (lifecycle §7, §11)`);
    }
  }

  #target(index: number): string | undefined {
    const { containers } = this.#revision;
    return containers[index % Math.max(1, containers.length)]?.name;
  }

  #spendWord(): void {
    this.#wordsLeft -= 1;
    if (this.#wordsLeft === 0) this.#kill();
  }

  /** Whatever the supervisor was about to do, it does not do it any more. */
  #kill(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#write('script', 'the supervisor is killed');
    this.#wordsLeft = Number.POSITIVE_INFINITY;
    this.#session = undefined;
    session.dead = true;
    session.attachment.cut();
    this.audit.hearsDeath();
    this.#clock.setTimeout(() => {
      this.#bootDue = true;
    }, this.#downMs);
  }

  async #passTo(at: number): Promise<void> {
    for (let next = this.#clock.nextAt; next !== undefined && next <= at; next = this.#clock.nextAt) {
      this.steps += 1;
      if (this.steps > MAX_STEPS) throw new Error('the device never comes to rest');
      this.#clock.step();
      await this.#afterEvent();
    }
    if (Number.isFinite(at)) this.#clock.passTo(at);
  }

  async #afterEvent(): Promise<void> {
    await settle();
    if (this.#bootDue) await this.#boot();
    if (this.#session !== undefined && this.#clock.nextAt !== this.#clock.now()) this.audit.rests();
  }

  #end(): void {
    const session = this.#session;
    if (session?.supervisor === undefined) return;
    const { attachment, supervisor } = session;
    const phase = supervisor.phase();
    const armed = attachment.pendingTimers;
    if (phase !== this.audit.phase) this.#complain(`the phase is ${phase}, announced ${this.audit.phase}`);
    if (armed > 0) this.#complain(`${armed} timers are armed though the device is ${phase}`);
    supervisor.detach();
    if (attachment.pendingTimers > 0) this.#complain('timers are armed after the supervisor let go');
    const reboots = this.#host.reboots.length;
    if (reboots !== (phase === 'rebooting' ? 1 : 0) && !this.#wasKilled())
      this.#complain(`${reboots} reboots`);
  }

  #wasKilled(): boolean {
    return this.lines.some(({ what }) => what === 'the supervisor is killed');
  }

  #complain(what: string): void {
    this.audit.complaints.push(`at ${this.#clock.now()} ms: ${what}`);
  }

  #write(from: Line['from'], what: unknown): void {
    this.lines.push({ at: this.#clock.now(), from, what });
  }
}

/** The ports of a process that can be killed between any two of its steps: after that, nothing comes of its calls. */
function mortal(ports: Ports, session: { readonly dead: boolean }): Ports {
  const never = new Promise<never>(() => {});
  const unless = <T>(call: () => Promise<T>): Promise<T> => (session.dead ? never : call());
  const { mounter, modules, runtime, journal, rebooter } = ports;
  const silent = { halt() {}, kill() {}, detach() {} };
  return {
    ...ports,
    mounter: {
      mount: (container, signal) => unless(() => mounter.mount(container, signal)),
      unmount: (container) => unless(() => mounter.unmount(container)),
      sweep: (keep) => unless(() => mounter.sweep(keep)),
    },
    modules: {
      load: (request, signal) => unless(() => modules.load(request, signal)),
      unload: (module) => unless(() => modules.unload(module)),
    },
    runtime: {
      ...runtime,
      start: (container, startedAt, tell) =>
        session.dead ? silent : guarded(runtime.start(container, startedAt, hearing(tell))),
      adopt: (container, survivor, tell) =>
        session.dead ? silent : guarded(runtime.adopt(container, survivor, hearing(tell))),
    },
    journal: {
      read: journal.read,
      write: (record) => {
        if (!session.dead) journal.write(record);
      },
    },
    rebooter: {
      reboot: (because) => {
        if (!session.dead) rebooter.reboot(because);
      },
      powerOff: (because) => {
        if (!session.dead) rebooter.powerOff(because);
      },
    },
  };

  function hearing<Fact>(tell: (fact: Fact) => void): (fact: Fact) => void {
    return (fact) => {
      if (!session.dead) tell(fact);
    };
  }

  function guarded(process: { halt(): void; kill(): void; detach(): void }): typeof process {
    return {
      halt: () => {
        if (!session.dead) process.halt();
      },
      kill: () => {
        if (!session.dead) process.kill();
      },
      detach: () => {
        if (!session.dead) process.detach();
      },
    };
  }
}
