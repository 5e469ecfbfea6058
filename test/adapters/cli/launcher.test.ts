/** The launcher with bundles of its own, in a scratch tree. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../../adapters/cli/statevisor.cjs', import.meta.url));
const CACHE = `statevisor.${process.version}-${process.arch}`;

describe('the launcher', () => {
  let tree: string;
  let made: string;

  beforeEach(() => {
    tree = mkdtempSync(join(tmpdir(), 'statevisor-launcher-'));
    made = join(tree, '.build');
    mkdirSync(join(tree, 'adapters/cli'), { recursive: true });
    mkdirSync(made);
    copyFileSync(LAUNCHER, join(tree, 'adapters/cli/statevisor.cjs'));
  });

  afterEach(() => {
    rmSync(tree, { recursive: true });
  });

  function bundle(digest: string, code: string): void {
    writeFileSync(join(made, 'statevisor.cjs'), `//${digest}\n${code}`);
  }

  function launch(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const argv = [join(tree, 'adapters/cli/statevisor.cjs'), ...args];
    return spawnSync(process.execPath, argv, { encoding: 'utf8' });
  }

  const cacheFile = (digest: string, verb = 'other'): string =>
    join(made, `${CACHE}.${digest}.${verb}.cache`);

  it('says how to build what is not built', () => {
    const { status, stderr } = launch();
    assert.equal(status, 1);
    assert.match(stderr, /^statevisor is not built: .* Run "npm run prepare"\.\n$/);
  });

  it('runs the bundle as a module, with its arguments and exit status', () => {
    bundle(
      'a',
      'console.log(require("node:path").basename(__filename), process.argv[2]); process.exitCode = 3;',
    );
    const { status, stdout } = launch('--version');
    assert.equal(stdout, 'statevisor.cjs --version\n');
    assert.equal(status, 3);
  });

  it('keeps a code cache, also when the bundle ends the process', () => {
    bundle('a', 'process.exit(0)');
    launch();
    assert.ok(readFileSync(cacheFile('a')).length > 0);
  });

  it('keeps one of its own for `run`, whose functions are others', () => {
    bundle('a', 'process.exitCode = 0');
    launch('--version');
    launch('run');
    assert.ok(readFileSync(cacheFile('a', 'run')).length > 0);
    assert.ok(readFileSync(cacheFile('a')).length > 0);
  });

  it('leaves an accepted cache alone', () => {
    bundle('a', 'console.log("once")');
    launch();
    const first = readFileSync(cacheFile('a'));
    assert.equal(launch().stdout, 'once\n');
    assert.deepEqual(readFileSync(cacheFile('a')), first);
  });

  it('replaces a cache that V8 rejects', () => {
    bundle('a', 'console.log("fine")');
    writeFileSync(cacheFile('a'), 'rubbish');
    assert.equal(launch().stdout, 'fine\n');
    assert.notEqual(readFileSync(cacheFile('a'), 'latin1'), 'rubbish');
  });

  it('never runs the code of an earlier bundle of the same length', () => {
    bundle('a', 'console.log("old")');
    launch();
    bundle('b', 'console.log("new")');
    assert.equal(launch().stdout, 'new\n');
  });

  it('runs where no cache can be written, and leaves nothing behind', () => {
    bundle('a', 'console.log("fine")');
    mkdirSync(join(cacheFile('a'), 'in-the-way'), { recursive: true });
    const { status, stdout, stderr } = launch();
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'fine\n', stderr: '' });
    assert.deepEqual(readdirSync(made).sort(), ['statevisor.cjs', `${CACHE}.a.other.cache`].sort());
  });
});
