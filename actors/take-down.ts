/** Takes containers of the running revision down for the next one: stopped, their volumes unmounted (lifecycle §8.2,
 *  §12.4 step 1). All at once; each has its grace. */

import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import type { Announcement } from '../machines/domain/report.ts';

export interface TakeDownOptions {
  /** Containers that exist. */
  readonly names: ReadonlySet<string>;
  /** Asks for it. */
  readonly release: (names: Iterable<string>) => void;
  /** Returns the end of the watch. */
  readonly watch: (listener: (announcement: Announcement) => void) => () => void;
  readonly signal: AbortSignal;
}

/** Resolves when all of them are down. @throws REFUSED the device leaves, or it was given up; UNMOUNT_FAILED */
export function takeDown({ names, release, watch, signal }: TakeDownOptions): Promise<void> {
  const left = new Set(names);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(refused('it was given up'));
    if (left.size === 0) return resolve();
    const end = (error?: SupervisorError): void => {
      unwatch();
      signal.removeEventListener('abort', abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const abort = (): void => end(refused('it was given up'));
    const unwatch = watch((announcement) => {
      if (announcement.type === 'device' && announcement.phase !== 'running') {
        return end(refused('the device is leaving'));
      }
      if (announcement.type !== 'container') return;
      const { name, status, stopReason, fault } = announcement.record;
      if (status !== 'STOPPED' || !left.has(name)) return;
      if (stopReason === 'failed') return end(stuck(name, fault));
      left.delete(name);
      if (left.size === 0) end();
    });
    signal.addEventListener('abort', abort, { once: true });
    release([...left]);
  });
}

function refused(why: string): SupervisorError {
  return new SupervisorError('REFUSED', `taking containers down for the next revision: ${why}`);
}

function stuck(name: string, fault: Fault | undefined): SupervisorError {
  const {
    code = 'UNMOUNT_FAILED',
    message = `container ${name} did not come down`,
    ...details
  } = fault ?? {};
  return new SupervisorError(code, message, { ...details, subject: name });
}
