/** `npm start [-- NAME]`: boots an example on real LXC. Without root or without LXC it says why, in one line, and runs
 *  the same revision on the simulator. The command runs in this process, so that signals reach it. */

import { accessSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildExample, EXAMPLE_NAMES, type ExampleName } from './build.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STATEVISOR = join(ROOT, 'adapters/cli/statevisor.cjs');

/** Why containers cannot run here; undefined when they can. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'running containers needs root';
  const { PATH = '' } = process.env;
  const missing = ['lxc-start', 'mksquashfs', 'busybox'].find(
    (program) => !PATH.split(delimiter).some((directory) => isProgram(join(directory, program))),
  );
  return missing === undefined ? undefined : `${missing} is missing, "npm run setup" installs it`;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Builds unless what was built is newer than all sources. */
function built(name: ExampleName, directory: string, images: 'squashfs' | 'none'): string {
  const state = join(directory, 'state.json');
  if (existsSync(state) && statSync(state).mtimeMs > newest(fileURLToPath(new URL('.', import.meta.url)))) {
    return state;
  }
  process.stderr.write(`start: building example ${name}\n`);
  return buildExample(name, directory, { images });
}

/** For the simulator, which needs no place that lasts: a checkout that cannot be written to will do. */
function builtSomewhere(name: ExampleName): string {
  const usual = join(ROOT, '.build/examples', `${name}.sim`);
  try {
    return built(name, usual, 'none');
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    const directory = mkdtempSync(join(tmpdir(), 'statevisor-example-'));
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
    process.stderr.write(`start: ${usual} cannot be written to; it goes to ${directory}\n`);
    return buildExample(name, directory, { images: 'none' });
  }
}

function isUnwritable(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'EROFS'].includes(String(error.code))
  );
}

function newest(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return Math.max(...files.map((file) => statSync(join(directory, file)).mtimeMs));
}

function commandFor(name: ExampleName): string[] {
  const why = obstacle();
  if (why !== undefined) {
    process.stderr.write(`start: ${why}; running ${name} on the simulator instead\n`);
    return ['sim', join(dirname(builtSomewhere(name)), 'scenario.yaml')];
  }
  const storage = join(ROOT, '.build/examples', name);
  const state = built(name, storage, 'squashfs');
  return ['run', '--storage', storage, '--run-dir', `/run/statevisor-${name}`, state];
}

const wanted = process.argv[2] ?? 'quickstart';
const name = EXAMPLE_NAMES.find((known) => known === wanted);
if (name === undefined) {
  process.stderr.write(`start: there is no example ${wanted}; there are ${EXAMPLE_NAMES.join(', ')}\n`);
  process.exitCode = 2;
} else {
  process.argv = [process.execPath, STATEVISOR, ...commandFor(name)];
  await import(STATEVISOR);
}
