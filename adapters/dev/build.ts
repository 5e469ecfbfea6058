/** `npm run prepare`: the command as one file for Node, the native addon, and the start-up snapshot.
 *  Needs no network; without a C compiler the addon is left out and the spawn back-end does its work. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { buildSnapshot } from './snapshot.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = join(ROOT, '.build');

const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  write: false,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

const DEFINE = { 'process.env.NODE_ENV': '"production"' };

/** Bundles the command into `.build/statevisor.cjs`. Its first line names its content, for the launcher's code cache. */
async function buildBundle(): Promise<string> {
  const result = await build({
    ...OPTIONS,
    entryPoints: ['adapters/cli/program.ts'],
    define: { ...DEFINE, 'import.meta.url': '__bundleUrl' },
    banner: { js: "const __bundleUrl=require('node:url').pathToFileURL(__filename).href;" },
  });
  const text = result.outputFiles[0]?.text ?? '';
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  replace('statevisor.cjs', `//${digest}\n${text}`);
  dropOldCaches(digest);
  return `.build/statevisor.cjs (${Math.round(text.length / 1024)} kB)`;
}

/** What a boot needs of the packages; all others stay out of the snapshot, which is read whole at each start. */
const BOOT_PACKAGES = ['xstate', 'nanoid'];

/** Bundles each of the other packages into `.build/packages/`, to be loaded from there when it is needed. */
async function buildPackages(): Promise<readonly string[]> {
  const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { dependencies } = JSON.parse(text) as { readonly dependencies: Readonly<Record<string, string>> };
  const names = Object.keys(dependencies).filter((name) => !BOOT_PACKAGES.includes(name));
  mkdirSync(join(BUILD, 'packages'), { recursive: true });
  const bundled = names.map(async (name) => {
    // As they are for `require`: that is how the snapshot loads them.
    const stdin = { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir: ROOT };
    const result = await build({ ...OPTIONS, stdin, define: DEFINE });
    replace(join('packages', `${name}.cjs`), result.outputFiles[0]?.text ?? '');
  });
  await Promise.all(bundled);
  return names;
}

/** Bundles what the snapshot is taken of. The bundle's own place is known when it runs, from its arguments. The
 *  `require` that is given while a snapshot is taken warns of modules that it has not been tried with, then and ever
 *  after: what a boot requires are Node's own, what comes later is taken from beside the bundle. */
async function buildSnapshotScript(): Promise<string> {
  const packages = await buildPackages();
  const result = await build({
    ...OPTIONS,
    entryPoints: ['adapters/dev/run-snapshot.ts'],
    external: [...packages],
    // Through `require`, below.
    supported: { 'dynamic-import': false },
    define: { ...DEFINE, 'import.meta.url': '__bundle.url' },
    banner: {
      js: [
        `const __packages=new Set(${JSON.stringify(packages)}),__builtin=process.getBuiltinModule;`,
        "const __bundle={get url(){return __builtin('node:url').pathToFileURL(process.argv[1]).href}};",
        'const __beside=name=>__builtin("node:module").createRequire(__bundle.url)("./packages/"+name+".cjs");',
        'var require=name=>(__packages.has(name)?__beside:__builtin)(name);',
      ].join(''),
    },
  });
  return replace('run-snapshot.cjs', result.outputFiles[0]?.text ?? '');
}

function replace(name: string, text: string): string {
  const file = join(BUILD, name);
  mkdirSync(BUILD, { recursive: true });
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
  return file;
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
const snapshot = buildSnapshot(BUILD, await buildSnapshotScript());
if ('built' in snapshot)
  say(`${snapshot.built.slice(ROOT.length)}${snapshot.said === '' ? '' : ` (${snapshot.said})`}`);
else say(`no start-up snapshot (${snapshot.skipped}): the command starts more slowly`);
