/** Fake volumes: which containers are mounted, and the Mounter that changes it.
 *  A mount under way when its supervisor dies stays half done until the next one sweeps. */

import type { Mounter } from '../actors/ports.ts';
import { describeFault, SupervisorError } from '../machines/domain/fault.ts';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import type { ClockView } from './clock.ts';
import type { Decide } from './conduct.ts';
import type { Diary } from './diary.ts';

type Mounted = 'mounting' | 'mounted' | 'unmounting';

export class FakeVolumes {
  readonly #states = new Map<string, Mounted>();
  readonly #diary: Diary;
  readonly #decide: Decide;
  readonly #alive: (container: string) => boolean;

  constructor(diary: Diary, decide: Decide, alive: (container: string) => boolean) {
    this.#diary = diary;
    this.#decide = decide;
    this.#alive = alive;
  }

  /** Containers with anything mounted, half done included. */
  get mounted(): string[] {
    return [...this.#states.keys()];
  }

  usable(container: string): boolean {
    return this.#states.get(container) === 'mounted';
  }

  /** The power went: nothing stays mounted. */
  clear(): void {
    this.#states.clear();
  }

  /** The port as one supervisor sees it; its operations end with `work`. */
  mounter(work: ClockView): Mounter {
    return {
      mount: (container, signal) => this.#mount(container, signal, work),
      unmount: (container) => this.#unmount(container, work),
      sweep: (keep) => this.#sweep(keep),
    };
  }

  #mount({ name }: ContainerSpec, signal: AbortSignal, work: ClockView): Promise<void> {
    this.#diary.call(name, `mount ${name}`);
    const found = this.#states.get(name);
    if (found !== undefined) this.#diary.violation(name, `mount ${name}: it is ${found} already`);
    if (signal.aborted) return Promise.reject(aborted(name));
    this.#states.set(name, 'mounting');
    const { latencyMs = 0, fault, hangs = false } = this.#decide('mount', name);

    return new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        signal.removeEventListener('abort', abort);
        if (fault === undefined) {
          this.#states.set(name, 'mounted');
          resolve();
          return;
        }
        this.#states.delete(name);
        this.#diary.happening(name, `mount ${name} failed: ${describeFault(fault)}`);
        reject(asError(fault));
      };
      const abort = (): void => {
        work.clearTimeout(timer);
        this.#states.delete(name);
        this.#diary.happening(name, `mount ${name} aborted`);
        reject(aborted(name));
      };
      let timer: unknown;
      if (latencyMs === 0 && !hangs) {
        finish();
        return;
      }
      if (!hangs) timer = work.setTimeout(finish, latencyMs);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #unmount({ name }: ContainerSpec, work: ClockView): Promise<void> {
    this.#diary.call(name, `unmount ${name}`);
    const found = this.#states.get(name);
    if (found === undefined) return Promise.resolve();
    if (found !== 'mounted') this.#diary.violation(name, `unmount ${name}: it is ${found}`);
    if (this.#alive(name)) this.#diary.violation(name, `unmount ${name}: its process is alive`);
    this.#states.set(name, 'unmounting');
    const { latencyMs = 0, fault } = this.#decide('unmount', name);

    return new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        if (fault === undefined) {
          this.#states.delete(name);
          resolve();
          return;
        }
        this.#states.set(name, 'mounted');
        this.#diary.happening(name, `unmount ${name} failed: ${describeFault(fault)}`);
        reject(asError(fault));
      };
      if (latencyMs === 0) finish();
      else work.setTimeout(finish, latencyMs);
    });
  }

  #sweep(keep: ReadonlySet<string>): Promise<void> {
    for (const name of this.#states.keys()) {
      if (keep.has(name)) continue;
      this.#diary.happening(name, `sweep takes down the mounts of ${name}`);
      if (this.#alive(name)) this.#diary.violation(name, `sweep: the process of ${name} is alive`);
      this.#states.delete(name);
    }
    return Promise.resolve();
  }
}

function asError({ code, message, ...details }: SupervisorError['fault']): SupervisorError {
  return new SupervisorError(code, message, details);
}

function aborted(name: string): SupervisorError {
  return new SupervisorError('MOUNT_FAILED', `mount ${name}: aborted`, { subject: name });
}
