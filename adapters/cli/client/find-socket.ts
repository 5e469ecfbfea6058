/** Which control socket a client talks to. The first of these that says something decides:
 *
 *  | said by                         | the socket                                                                       |
 *  |---------------------------------|----------------------------------------------------------------------------------|
 *  | `--socket PATH`                 | that one                                                                         |
 *  | `--run-dir DIR`                 | `DIR/pv-ctrl`                                                                    |
 *  | `SOCKET` in the environment     | that one, as for the reference's `pvcontrol` (control API §7.1)                  |
 *  | `PV_SYSTEM_RUNDIR` there        | `pv-ctrl` in it, as a run with this environment would have it                    |
 *  | nobody                          | the first that there is of `PLACES`                                              |
 *
 *  What is named and not there is an error: an order must not reach another supervisor than the one that was meant. */

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NoConnection } from '../../control/client.ts';
import { errnoOf } from '../../store/files.ts';
import type { Terminal } from '../output.ts';

export interface SocketFlags {
  readonly socket?: string;
  readonly runDir?: string;
}

/** Ours, the reference's on the host (two), and the one inside every container. */
export const PLACES: readonly string[] = [
  '/run/statevisor/pv-ctrl',
  '/run/pantavisor/pv/pv-ctrl',
  '/pv/pv-ctrl',
  '/pantavisor/pv-ctrl',
];

const FIX = 'Start a supervisor with statevisor run, or name its socket with --socket PATH';

/** @throws NoConnection naming what was tried */
export function findSocket(
  flags: SocketFlags,
  environment: Terminal['environment'],
  places: readonly string[] = PLACES,
): string {
  const named = namedSocket(flags, environment);
  const tried = named === undefined ? places : [resolve(named.path)];
  const faults = tried.map((path) => ({ path, fault: faultOf(path) }));
  const found = faults.find(({ fault }) => fault === undefined);
  if (found !== undefined) return found.path;
  const by = named === undefined ? '' : ` (${named.by})`;
  const said = faults.map(({ path, fault }) => (fault === 'ENOENT' ? path : `${path} (${fault})`)).join(', ');
  const denied = faults.some(({ fault }) => fault === 'EACCES');
  throw new NoConnection(
    `found no control socket${by}; tried ${said}. ${denied ? 'That of the host is for root alone: use sudo' : FIX}`,
  );
}

function namedSocket(
  { socket, runDir }: SocketFlags,
  environment: Terminal['environment'],
): { readonly path: string; readonly by: string } | undefined {
  const { SOCKET = '', PV_SYSTEM_RUNDIR = '' } = environment;
  if (socket !== undefined) return { path: socket, by: 'named by --socket' };
  if (runDir !== undefined) return { path: join(runDir, 'pv-ctrl'), by: 'named by --run-dir' };
  if (SOCKET !== '') return { path: SOCKET, by: 'named by SOCKET in the environment' };
  if (PV_SYSTEM_RUNDIR === '') return undefined;
  return { path: join(PV_SYSTEM_RUNDIR, 'pv-ctrl'), by: 'named by PV_SYSTEM_RUNDIR in the environment' };
}

/** Why it cannot be called; undefined when there is a socket. */
function faultOf(path: string): string | undefined {
  try {
    return statSync(path).isSocket() ? undefined : 'no socket';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno === 'ENOTDIR' ? 'ENOENT' : errno;
  }
}
