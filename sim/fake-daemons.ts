/** Fake helper processes. They live as long as the host does, whoever supervises it, as real ones would. */

import type { DaemonSpawner, TellDaemon } from '../actors/ports.ts';
import type { VirtualClock } from './clock.ts';
import type { Diary } from './diary.ts';

export interface FakeDaemonsOptions {
  readonly clock: VirtualClock;
  readonly diary: Diary;
  /** Names that have an executable; others are missing. */
  readonly installed: ReadonlySet<string>;
  /** From SIGTERM to the exit; 0 unless said, `Infinity` for one that ignores it. */
  readonly terminateMs?: number;
}

interface Process {
  readonly pid: number;
  tell: TellDaemon | undefined;
}

export class FakeDaemons {
  readonly #options: FakeDaemonsOptions;
  readonly #alive = new Map<string, Process>();
  #nextPid = 400;

  constructor(options: FakeDaemonsOptions) {
    this.#options = options;
  }

  get alive(): string[] {
    return [...this.#alive.keys()];
  }

  /** A daemon ends by itself now; false when it does not run. */
  crash(name: string): boolean {
    const process = this.#alive.get(name);
    if (process !== undefined) this.#end(name, process);
    return process !== undefined;
  }

  /** The power went. */
  clear(): void {
    this.#alive.clear();
  }

  /** As one supervisor sees it. */
  spawner(): DaemonSpawner {
    return {
      spawn: (name, tell) => {
        const { clock, diary, installed, terminateMs = 0 } = this.#options;
        diary.call(name, `spawn ${name}`);
        if (!installed.has(name) && !this.#alive.has(name)) {
          clock.setTimeout(() => tell({ type: 'daemon.missing' }), 0);
          return GONE;
        }
        const process = this.#alive.get(name) ?? this.#birth(name);
        process.tell = tell;
        clock.setTimeout(() => {
          if (process.tell === tell) tell({ type: 'daemon.started', pid: process.pid });
        }, 0);
        return {
          terminate: () => {
            diary.call(name, `terminate ${name}`);
            if (Number.isFinite(terminateMs)) clock.setTimeout(() => this.#end(name, process), terminateMs);
          },
          kill: () => {
            diary.call(name, `kill ${name}`);
            this.#end(name, process);
          },
          detach: () => {
            process.tell = undefined;
          },
        };
      },
    };
  }

  #birth(name: string): Process {
    const process: Process = { pid: this.#nextPid, tell: undefined };
    this.#nextPid += 1;
    this.#alive.set(name, process);
    return process;
  }

  #end(name: string, process: Process): void {
    if (this.#alive.get(name) !== process) return;
    this.#alive.delete(name);
    this.#options.diary.happening(name, `${name} exited`);
    process.tell?.({ type: 'daemon.exited' });
  }
}

const GONE = { terminate: () => undefined, kill: () => undefined, detach: () => undefined };
