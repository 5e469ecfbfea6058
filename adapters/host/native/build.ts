/** Compiles `sysx.c` with the system's C compiler and Node's own headers. Nothing is downloaded; where compiler or
 *  headers are missing the spawn back-end serves, and the reason is handed back for whoever set things up. */

import { existsSync } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../exec.ts';
import { errnoOf } from '../kernel-error.ts';
import { nativePath } from './load.ts';

export type NativeBuild = { readonly built: string } | { readonly skipped: string };

/** @param packageRoot the directory of our package.json */
export async function buildNative(packageRoot: string): Promise<NativeBuild> {
  const source = join(packageRoot, 'adapters', 'host', 'native', 'sysx.c');
  const include = join(dirname(dirname(process.execPath)), 'include', 'node');
  const output = nativePath(packageRoot);
  if (await upToDate(output, source)) return { built: output };
  if (!existsSync(join(include, 'node_api.h'))) return { skipped: `no Node headers in ${include}` };
  await mkdir(dirname(output), { recursive: true });
  // A running supervisor may have the old file mapped: never write over it.
  const fresh = `${output}.${process.pid}`;
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-s', '-shared', '-fPIC', `-I${include}`];
  try {
    const { code, stderr } = await run('cc', [...flags, '-o', fresh, source]);
    if (code !== 0) return { skipped: `cc failed:\n${stderr}` };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { skipped: 'no C compiler (cc)' };
    throw error;
  }
  await rename(fresh, output);
  return { built: output };
}

async function upToDate(output: string, source: string): Promise<boolean> {
  if (!existsSync(output)) return false;
  const [made, written] = await Promise.all([stat(output), stat(source)]);
  return made.mtimeMs > written.mtimeMs;
}
