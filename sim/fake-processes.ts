/** Fake container processes. They live as long as the host does, whoever supervises it: a supervisor that is gone is
 *  told nothing, the next one finds them as survivors and learns how those that ended meanwhile did. */

import type { ContainerProcess, Runtime, TellProcess } from '../actors/ports.ts';
import type { Answer } from '../machines/domain/control.ts';
import type { Survivor } from '../machines/domain/record.ts';
import { describeExit, type Exit } from '../machines/domain/recovery.ts';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import type { VirtualClock } from './clock.ts';
import type { Decide, Decision } from './conduct.ts';
import type { Diary } from './diary.ts';

/** A supervisor that processes talk to. */
export interface Listener {
  readonly open: boolean;
  signalReady(container: string): Answer;
}

interface Process {
  readonly name: string;
  readonly startedAt: number;
  /** Undefined while the runtime is still starting it. */
  pid: number | undefined;
  readonly birth: Decision;
  listener: Listener | undefined;
  tell: TellProcess | undefined;
  /** The present `tell` knows the pid. */
  introduced: boolean;
  /** Sent while nobody listened; init tries again until somebody does. */
  readyUnheard: boolean;
  halt: Decision | undefined;
  killed: boolean;
  readonly timers: unknown[];
}

export class FakeProcesses {
  readonly #alive = new Map<string, Process>();
  /** How the last start ended, and which one it was. */
  readonly #pastExits = new Map<string, { readonly startedAt: number; readonly exit: Exit }>();
  readonly #starts = new Map<string, number>();
  readonly #clock: VirtualClock;
  readonly #diary: Diary;
  readonly #decide: Decide;
  readonly #usable: (container: string) => boolean;
  #nextPid = 1000;

  constructor(clock: VirtualClock, diary: Diary, decide: Decide, usable: (container: string) => boolean) {
    this.#clock = clock;
    this.#diary = diary;
    this.#decide = decide;
    this.#usable = usable;
  }

  get alive(): string[] {
    return [...this.#alive.keys()];
  }

  isAlive(container: string): boolean {
    return this.#alive.has(container);
  }

  /** How often a container's start was asked for since the host exists. */
  starts(container: string): number {
    return this.#starts.get(container) ?? 0;
  }

  /** Init ends by itself now; false when there is none. */
  crash(container: string, exit: Exit): boolean {
    const process = this.#alive.get(container);
    if (process?.pid === undefined) return false;
    this.#end(process, exit);
    return true;
  }

  /** Init sends its readiness signal now; undefined when there is no process or nobody listens. */
  signalReady(container: string): Answer | undefined {
    const process = this.#alive.get(container);
    return process === undefined ? undefined : this.#signal(process);
  }

  /** A supervisor is gone: its processes go on and tell nobody. */
  abandon(listener: Listener): void {
    for (const process of this.#alive.values()) if (process.listener === listener) silence(process);
  }

  /** The power went: every process and every trace is gone. */
  clear(): void {
    for (const process of this.#alive.values()) this.#disarm(process);
    this.#alive.clear();
    this.#pastExits.clear();
  }

  /** The port as one supervisor sees it. */
  runtime(listener: Listener): Runtime {
    return {
      start: (container, startedAt, tell) => this.#start(container, startedAt, tell, listener),
      adopt: (container, survivor, tell) => this.#adopt(container, survivor, tell, listener),
      survivors: (containers) => Promise.resolve(this.#survivors(containers)),
      pastExit: ({ name }, startedAt) => {
        const past = this.#pastExits.get(name);
        return Promise.resolve(past?.startedAt === startedAt ? past.exit : undefined);
      },
    };
  }

  #start(
    { name }: ContainerSpec,
    startedAt: number,
    tell: TellProcess,
    listener: Listener,
  ): ContainerProcess {
    this.#diary.call(name, `start ${name}`);
    this.#starts.set(name, this.starts(name) + 1);
    if (!this.#usable(name)) this.#diary.violation(name, `start ${name}: its volumes are not mounted`);
    const found = this.#alive.get(name);
    if (found !== undefined) {
      this.#diary.violation(name, `start ${name}: it runs already`);
      return this.#handle(found);
    }
    const process: Process = {
      name,
      startedAt,
      pid: undefined,
      birth: this.#decide('start', name),
      listener,
      tell,
      introduced: false,
      readyUnheard: false,
      halt: undefined,
      killed: false,
      timers: [],
    };
    this.#alive.set(name, process);
    if (process.birth.hangs !== true)
      this.#after(process, process.birth.latencyMs, () => this.#born(process));
    return this.#handle(process);
  }

  #born(process: Process): void {
    const { fault, exit, exitAfterMs, readyAfterMs } = process.birth;
    if (fault !== undefined) {
      this.#end(process, { kind: 'startFailed', fault });
      return;
    }
    const pid = this.#nextPid++;
    process.pid = pid;
    this.#diary.happening(process.name, `${process.name} runs as pid ${pid}`);
    if (exit !== undefined) this.#after(process, exitAfterMs, () => this.#end(process, exit));
    if (readyAfterMs !== undefined) this.#after(process, readyAfterMs, () => this.#signal(process));
    if (process.halt !== undefined) this.#obeyHalt(process, process.halt);
    this.#introduce(process, pid);
  }

  #introduce(process: Process, pid: number): void {
    if (process.tell === undefined || process.introduced) return;
    process.introduced = true;
    process.tell({ type: 'process.started', pid });
  }

  #adopt(
    { name }: ContainerSpec,
    survivor: Survivor,
    tell: TellProcess,
    listener: Listener,
  ): ContainerProcess {
    this.#diary.call(name, `adopt ${name}`);
    const process = this.#alive.get(name);
    if (process === undefined) {
      const exit = this.#pastExits.get(name)?.exit ?? ({ kind: 'unknown' } as const);
      this.#clock.setTimeout(() => listener.open && tell({ type: 'process.exited', exit }), 0);
      return { halt() {}, kill() {}, detach() {} };
    }
    if (process.listener?.open === true) {
      this.#diary.violation(name, `adopt ${name}: another supervisor holds it`);
    }
    if (survivor.pid !== undefined && survivor.pid !== process.pid) {
      this.#diary.violation(name, `adopt ${name}: its pid is ${process.pid}, not ${survivor.pid}`);
    }
    process.listener = listener;
    process.tell = tell;
    process.introduced = false;
    this.#after(process, 0, () => {
      if (process.pid === undefined) return;
      this.#introduce(process, process.pid);
      if (process.readyUnheard) this.#signal(process);
    });
    return this.#handle(process);
  }

  #survivors(containers: readonly ContainerSpec[]): Survivor[] {
    return containers.flatMap(({ name }) => {
      const process = this.#alive.get(name);
      return process === undefined ? [] : [{ name, pid: process.pid }];
    });
  }

  #handle(process: Process): ContainerProcess {
    return {
      halt: () => this.#halt(process),
      kill: () => this.#kill(process),
      detach: () => silence(process),
    };
  }

  #halt(process: Process): void {
    if (this.#alive.get(process.name) !== process) return;
    this.#diary.call(process.name, `halt ${process.name}`);
    process.halt = this.#decide('halt', process.name);
    if (process.pid !== undefined) this.#obeyHalt(process, process.halt);
  }

  #obeyHalt(process: Process, { hangs, latencyMs, exit }: Decision): void {
    if (hangs !== true)
      this.#after(process, latencyMs, () => this.#end(process, exit ?? { kind: 'code', code: 0 }));
  }

  #kill(process: Process): void {
    if (this.#alive.get(process.name) !== process) return;
    this.#diary.call(process.name, `kill ${process.name}`);
    if (process.killed) return;
    process.killed = true;
    const { latencyMs } = this.#decide('kill', process.name);
    this.#after(process, latencyMs, () => this.#end(process, { kind: 'signal', signal: 'SIGKILL' }));
  }

  #signal(process: Process): Answer | undefined {
    const { name, listener } = process;
    if (listener?.open !== true) {
      this.#diary.happening(name, `${name} signals ready, nobody listens`);
      process.readyUnheard = true;
      return undefined;
    }
    process.readyUnheard = false;
    this.#diary.happening(name, `${name} signals ready`);
    const answer = listener.signalReady(name);
    if (!answer.ok) this.#diary.happening(name, `${name}'s signal is refused: ${answer.message}`);
    return answer;
  }

  #end(process: Process, exit: Exit): void {
    this.#disarm(process);
    this.#alive.delete(process.name);
    this.#pastExits.set(process.name, { startedAt: process.startedAt, exit });
    this.#diary.happening(process.name, `${process.name} exited: ${describeExit(exit)}`);
    process.tell?.({ type: 'process.exited', exit });
  }

  #after(process: Process, delayMs: number | undefined, call: () => void): void {
    process.timers.push(this.#clock.setTimeout(call, delayMs ?? 0));
  }

  #disarm(process: Process): void {
    for (const timer of process.timers) this.#clock.clearTimeout(timer);
  }
}

function silence(process: Process): void {
  process.listener = undefined;
  process.tell = undefined;
}
