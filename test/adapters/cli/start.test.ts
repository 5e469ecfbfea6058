/** The command's shell script in a scratch tree, with a bundle and a start-up snapshot of its own. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSnapshot } from '../../../adapters/dev/snapshot.ts';

const CLI = fileURLToPath(new URL('../../../adapters/cli', import.meta.url));

/** Says who ran, and what it was given. */
const SNAPSHOT = `
require('node:v8').startupSnapshot.setDeserializeMainFunction(() => {
  console.log('snapshot', ...process.argv.slice(2));
  process.exitCode = 4;
});`;
const BUNDLE = `//a
console.log('bundle', ...process.argv.slice(2));
process.exitCode = 3;`;

describe('the start of the command', function () {
  this.timeout(20_000);
  let tree: string;
  let made: string;

  beforeEach(() => {
    tree = mkdtempSync(join(tmpdir(), 'statevisor-start-'));
    made = join(tree, '.build');
    mkdirSync(join(tree, 'adapters/cli'), { recursive: true });
    mkdirSync(made);
    for (const file of ['statevisor', 'statevisor.cjs']) {
      copyFileSync(join(CLI, file), join(tree, 'adapters/cli', file));
    }
    writeFileSync(join(made, 'statevisor.cjs'), BUNDLE);
  });

  afterEach(() => {
    rmSync(tree, { recursive: true });
  });

  function takeSnapshot(): void {
    const script = join(made, 'script.cjs');
    writeFileSync(script, SNAPSHOT.replace('= 4', "= process.argv.includes('--version') ? 0 : 4"));
    assert.deepEqual(buildSnapshot(made, script), { built: join(made, 'run.blob'), said: '' });
  }

  function start(words: readonly string[], environment: NodeJS.ProcessEnv = {}, command = script()): string {
    const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, ...environment };
    const { status, stdout, stderr } = spawnSync(command, words, { env, encoding: 'utf8', cwd: tree });
    return `${stdout}${stderr}${status}`;
  }

  const script = (): string => join(tree, 'adapters/cli/statevisor');

  it('takes the snapshot for `run`, and passes words and exit status', () => {
    takeSnapshot();
    assert.equal(start(['run', '--json', 'a b', '*']), 'snapshot run --json a b *\n4');
  });

  it('takes the bundle for everything else', () => {
    takeSnapshot();
    assert.equal(start(['check', 'a b']), 'bundle check a b\n3');
    assert.equal(start([]), 'bundle\n3');
  });

  it('finds its way from a link, and from a relative path', () => {
    takeSnapshot();
    symlinkSync(script(), join(tree, 'linked'));
    assert.equal(start(['run'], {}, join(tree, 'linked')), 'snapshot run\n4');
    assert.equal(start(['run'], {}, './adapters/cli/statevisor'), 'snapshot run\n4');
  });

  const unfit: readonly { because: string; spoil?: () => void; environment?: NodeJS.ProcessEnv }[] = [
    { because: 'it was not taken to its end', spoil: () => rmSync(join(made, 'run.blob.for')) },
    { because: 'it is gone', spoil: () => rmSync(join(made, 'run.blob')) },
    { because: 'it is cut short', spoil: () => truncateSync(join(made, 'run.blob'), 1000) },
    { because: 'it was taken on another processor', spoil: () => mark(2, 'flags : none') },
    { because: 'NODE_OPTIONS change V8', environment: { NODE_OPTIONS: '--max-old-space-size=100' } },
  ];
  for (const { because, spoil, environment } of unfit) {
    it(`takes the bundle for \`run\` when ${because}`, () => {
      takeSnapshot();
      spoil?.();
      assert.equal(start(['run', 'state.json'], environment), 'bundle run state.json\n3');
    });
  }

  function mark(line: number, text: string): void {
    const file = join(made, 'run.blob.for');
    writeFileSync(file, readFileSync(file, 'utf8').split('\n').with(line, text).join('\n'));
  }

  it('takes no snapshot that another file of Node came after', () => {
    takeSnapshot();
    const node = join(tree, 'node');
    copyFileSync(process.execPath, node);
    utimesSync(node, 1, 1);
    assert.equal(start(['run'], { PATH: `${tree}:${process.env['PATH']}` }), 'bundle run\n3');
  });

  it('says that there is no node', () => {
    assert.match(start(['run'], { PATH: '/nonexistent' }), /^statevisor: there is no node in PATH: .*\n127$/);
  });

  it('takes no snapshot of a script that fails', () => {
    const failing = join(made, 'script.cjs');
    writeFileSync(failing, 'throw new Error("no")');
    const result = buildSnapshot(made, failing);
    assert.ok('skipped' in result);
    assert.match(result.skipped, /Error: no/);
    assert.equal(start(['run']), 'bundle run\n3');
  });
});
