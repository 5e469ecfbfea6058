/** `npm run prepare`: the command as one file for Node, and the native addon.
 *  Needs no network; without a C compiler the addon is left out and the spawn back-end does its work. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = join(ROOT, '.build');

/** Bundles `entry` into `.build/statevisor.cjs`. Its first line names its content, for the launcher's code cache. */
async function buildBundle(entry = 'adapters/cli/program.ts'): Promise<string> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    define: { 'import.meta.url': '__bundleUrl', 'process.env.NODE_ENV': '"production"' },
    banner: { js: "const __bundleUrl=require('node:url').pathToFileURL(__filename).href;" },
  });
  const text = result.outputFiles[0]?.text ?? '';
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  mkdirSync(BUILD, { recursive: true });
  const file = join(BUILD, 'statevisor.cjs');
  writeFileSync(`${file}.new`, `//${digest}\n${text}`);
  renameSync(`${file}.new`, file);
  dropOldCaches(digest);
  return `.build/statevisor.cjs (${Math.round(text.length / 1024)} kB)`;
}

function dropOldCaches(digest: string): void {
  for (const name of readdirSync(BUILD)) {
    if (/^statevisor\..*\.cache/.test(name) && !name.includes(digest)) rmSync(join(BUILD, name));
  }
}

function say(line: string): void {
  process.stdout.write(`build: ${line}\n`);
}

say(await buildBundle());
const { buildNative } = await import('../host/native/build.ts');
const native = await buildNative(ROOT);
if ('built' in native) say(native.built.slice(ROOT.length));
else say(`no native addon (${native.skipped}): mounts go through mount(8) and losetup(8) instead`);
