/** Where a path of a container's root file system really leads, as the container would find it: links are followed with
 *  its root as the root, so that neither an absolute one nor `..` leads to the host's own files. It is what openat2(2)
 *  does with RESOLVE_IN_ROOT, without the call, which Node lacks; nobody may change the tree meanwhile. */

import { lstatSync, readlinkSync } from 'node:fs';
import { KernelError } from './kernel-error.ts';

/** As Linux has it. */
const MAX_LINKS = 40;

/** @returns an absolute path at or below `root` without a link below it
 *  @throws ENOENT, ENOTDIR (errors of node:fs); KernelError ELOOP */
export function resolveInside(root: string, path: string): string {
  const ahead = componentsOf(path);
  const done: string[] = [];
  let links = 0;
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === '..') {
      done.pop();
      continue;
    }
    const here = [root, ...done, part].join('/');
    if (!lstatSync(here).isSymbolicLink()) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new KernelError('ELOOP', 'readlink', here);
    const target = readlinkSync(here);
    if (target.startsWith('/')) done.length = 0;
    ahead.unshift(...componentsOf(target));
  }
  return [root, ...done].join('/');
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
