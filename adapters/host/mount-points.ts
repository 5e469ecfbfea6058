/** Single places: is something mounted there, and making a place for a mount. Costs the same however much the host has
 *  mounted, which the kernel's whole table (`mount-table.ts`) does not. */

import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, KernelError } from './kernel-error.ts';

/** open(2): the place alone, not what lies there. Node has no name for it. */
const O_PATH = 0o10000000;

/** Whether the root of a mount is seen at this path, which is absolute. False when there is nothing, or when the way
 *  leads over a symbolic link: what lies behind one is never ours. */
export function isMountPoint(path: string): boolean {
  const here = mountId(path);
  return here !== undefined && here !== mountId(dirname(path));
}

/** The kernel's number of the mount that a place lies in (proc(5), fdinfo): also tells binds of one file system apart.
 *  Undefined when there is no such place, or it has another name. */
function mountId(path: string): string | undefined {
  let place: number;
  try {
    place = openSync(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    if (readlinkSync(`/proc/self/fd/${place}`) !== path) return undefined;
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${place}`, 'latin1'))?.[1];
  } finally {
    closeSync(place);
  }
}

/** Makes the directories from `base` down to `base/inside`, 0755 whatever the umask. A volume may lie inside another,
 *  where a container writes what it likes: there no link is followed, for it would choose where the host mounts.
 *  @throws KernelError ELOOP naming the link; errors of node:fs */
export function makeInside(base: string, inside: string): void {
  if (mkdirSync(base, { recursive: true }) !== undefined) chmodSync(base, 0o755);
  let at = base;
  for (const part of inside.split('/').filter((word) => word !== '')) {
    at = `${at}/${part}`;
    if (unlinked(at)?.isDirectory()) continue;
    mkdirSync(at);
    chmodSync(at, 0o755);
  }
}

/** What is there, if anything. @throws KernelError ELOOP when it is a symbolic link */
export function unlinked(path: string): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink()) throw new KernelError('ELOOP', 'open', path);
  return stats;
}
