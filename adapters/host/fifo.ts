/** Named pipes: made by mkfifo(1), as Node cannot, and read without ever coming to an end. */

import { spawnSync } from 'node:child_process';
import { constants, lstatSync, openSync, rmSync } from 'node:fs';
import { type FaultCode, SupervisorError } from '../../machines/domain/fault.ts';

/** One that is there stays, with whatever was written into it; what else has the name goes.
 *  @throws SupervisorError of the given code */
export function makeFifo(path: string, mode: string, code: FaultCode): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return;
  rmSync(path, { force: true });
  const { status, error, stderr } = spawnSync('mkfifo', ['-m', mode, path], { encoding: 'utf8' });
  if (status === 0) return;
  throw new SupervisorError(code, `making the FIFO ${path} failed: ${error?.message ?? stderr.trim()}`, {
    subject: path,
    fix: 'Install mkfifo (coreutils or busybox), and remove what else has that name',
    cause: error,
  });
}

/** For reading. It is opened for writing too: with a writer of our own it never ends. */
export function openFifo(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}
