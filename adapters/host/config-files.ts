/** The container's additional files: a fresh copy per start, laid over its root file system (state format §11,
 *  storage §7.1). A copy, so that a container cannot reach the objects; links are followed, dot-files included. */

import {
  chmodSync,
  chownSync,
  copyFile,
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Small files are copied at once: there are usually few, and a turn of the event loop costs more than they do. */
const SMALL_BYTES = 1024 * 1024;
/** Deeper than any real tree; a link to a parent ends here. */
const MAX_DEPTH = 64;
/** Not from node:fs/promises: loading that module takes as long as mounting a container. */
const copyLargeFile = promisify(copyFile);

/** Makes `target` an exact copy of what `source` shows. Modes and owners stay. */
export async function refreshConfigCopy(source: string, target: string): Promise<void> {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await copyTree(source, target, 0);
}

export function removeConfigCopy(target: string): void {
  rmSync(target, { recursive: true, force: true });
}

async function copyTree(source: string, target: string, depth: number): Promise<void> {
  if (depth > MAX_DEPTH)
    throw Object.assign(new Error(`ELOOP: copy '${source}'`), { code: 'ELOOP', path: source });
  for (const name of readdirSync(source)) {
    const from = join(source, name);
    const to = join(target, name);
    const { mode, uid, gid, size, ...kind } = attributes(from);
    if (kind.directory) {
      mkdirSync(to);
      await copyTree(from, to, depth + 1);
    } else if (size > SMALL_BYTES) {
      await copyLargeFile(from, to);
    } else {
      copyFileSync(from, to);
    }
    chownSync(to, uid, gid);
    chmodSync(to, mode);
  }
}

function attributes(path: string) {
  const stats = statSync(path);
  return {
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    directory: stats.isDirectory(),
  };
}
