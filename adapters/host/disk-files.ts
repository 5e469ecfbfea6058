/** Files that disks are kept in. Each is made under a temporary name and gets its own when it is complete and durable:
 *  after an interruption there is either the whole file or none, and what was begun is begun anew. */

import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../store/files.ts';

/** Calls `fill` with a fresh file, readable to root only, before it gets its name. */
export async function makeComplete(path: string, fill: (fresh: string, file: FileHandle) => Promise<void>) {
  const fresh = `${path}.new`;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await rm(fresh, { force: true });
  const file = await open(fresh, 'wx', 0o600);
  try {
    await fill(fresh, file);
    await file.sync();
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  syncDirectory(dirname(path));
}

/** Written out: swap must not have holes, and an encrypted disk should not run out of space half-way. */
export async function writeZeros(file: FileHandle, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024);
  for (let left = bytes; left > 0; left -= chunk.length) {
    await file.writeFile(left < chunk.length ? chunk.subarray(0, left) : chunk);
  }
}
