/** The run directory: everything that outlives the supervisor but not the boot. One supervisor owns it at a time.
 *
 *  The lock is a claim, a file named after the claiming process and its start time. A supervisor first makes its
 *  claim, then looks for others: whoever sees a living one gives way. Of two that start together at least one gives
 *  way, whatever the order, and the claim of a killed process is worth nothing. (All must see the same /proc.) */

import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { processStart } from './boot.ts';
import { errnoOf, fileError } from './files.ts';

export interface RunDirectory {
  readonly path: string;
  /** Gives the directory back to the next supervisor. */
  release(): void;
}

/** Makes the directory (only root may look in) and locks it.
 *  @throws STORE_FAILED, BUSY with the pid of the supervisor that has it */
export function openRunDirectory(path: string, bootId: string): RunDirectory {
  const claims = join(path, 'lock');
  const mine = `${process.pid}-${processStart(process.pid)}-${bootId}`;
  try {
    makeDirectory(path);
    makeDirectory(claims);
    writeFileSync(join(claims, mine), '');
  } catch (error) {
    throw fileError('STORE_FAILED', `locking the run directory ${path}`, path, error);
  }
  const release = () => rmSync(join(claims, mine), { force: true });
  for (const claim of readdirSync(claims)) {
    if (claim === mine) continue;
    const owner = livingOwner(claim, bootId);
    if (owner === undefined) {
      rmSync(join(claims, claim), { force: true });
      continue;
    }
    release();
    throw new SupervisorError(
      'BUSY',
      `the run directory ${path} belongs to the supervisor with pid ${owner}`,
      {
        subject: path,
        fix: `Stop it (kill ${owner}), hand its containers over (kill -USR2 ${owner}), or choose another --run-dir`,
      },
    );
  }
  return { path, release };
}

/** Parents too. Not by `recursive`: where nothing can be made, as in /proc, Node 20 tries for ever. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && statSync(path).isDirectory()) return;
    if (errnoOf(error) !== 'ENOENT' || existsSync(dirname(path))) throw error;
    makeDirectory(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

function livingOwner(claim: string, bootId: string): number | undefined {
  const [, pid, start, boot] = /^(\d+)-(\d+)-(.*)$/.exec(claim) ?? [];
  return pid !== undefined && boot === bootId && processStart(Number(pid)) === start
    ? Number(pid)
    : undefined;
}
