import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SimulateInput, simulate } from '../../sim/main.ts';

const lesson = fileURLToPath(new URL('../../sim/scenarios/group-gating.yaml', import.meta.url));

interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function told(input: Partial<SimulateInput> & { file: string }, isTTY = false): Promise<Told> {
  let out = '';
  let err = '';
  const code = await simulate({
    speed: 'max',
    json: false,
    out: { isTTY, write: (text) => (out += text) },
    err: { write: (text) => (err += text) },
    ...input,
  });
  return { code, out, err };
}

describe('statevisor sim', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'statevisor-sim-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const write = (name: string, text: string): string => {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  };

  it('prints the timeline in virtual time and the verdict, and ends with 0', async () => {
    const { code, out, err } = await told({ file: lesson });
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.match(out, /^Groups start one after the other\n/);
    assert.match(
      out,
      /\n {3}00:00\.035 {2}container {2}network {3}STARTING → STARTED \(pid 1000\), goal ACHIEVED\n/,
    );
    assert.match(out, /\n {3}00:00\.100 {2}screen is BLOCKED +ok\n/);
    assert.match(out, /passed: \d+ of \d+ expectations held in 00:10\.000 of virtual time\n$/);
  });

  it('ends with 1 when an expectation is missed', async () => {
    const file = write(
      'wrong.yaml',
      'title: t\nlesson: l\nrevision: { containers: { web: {} } }\nexpect: [{ containers: { web: READY } }]\nuntil: 5s\n',
    );
    const { code, out } = await told({ file });
    assert.equal(code, 1);
    assert.match(out, /at the end {2}web is READY +MISSED, seen: STARTED\n/);
    assert.match(out, /failed: /);
  });

  it('ends with 8 and says what to mend when the file is no scenario', async () => {
    const file = write('bad.yaml', 'title: t\nleson: l\n');
    const { code, out, err } = await told({ file });
    assert.equal(code, 8);
    assert.equal(out, '');
    assert.ok(err.includes(`${file}:2:1: leson: unknown key "leson". Did you mean "lesson"?\n`), err);
  });

  it('tells where a state JSON breaks off (state format §1.4)', async () => {
    const file = join(directory, 'broken.json');
    writeFileSync(file, '{"#spec": "pantavisor-service-system@1", ');
    const { code, err } = await told({ file });
    assert.equal(code, 8);
    assert.match(err, /broken\.json:1:42: .*the document ends/);
  });

  it('tells the warnings of a state that is refused, too', async () => {
    const file = write(
      'refused.json',
      JSON.stringify({
        '#spec': 'pantavisor-service-system@1',
        'web/run.json': { name: 'web', type: 'wasm', config: 'c', volumes: 7 },
      }),
    );
    const { code, err } = await told({ file });
    assert.equal(code, 8);
    assert.match(err, /volumes: expected an array/);
    assert.match(err, /warning: \$\["web\/run\.json"\]/);
  });

  it('says so when there is no file', async () => {
    const { code, err } = await told({ file: join(directory, 'absent.yaml') });
    assert.equal(code, 3);
    assert.match(err, /ENOENT/);
  });

  it('writes one JSON object a line with --json, the same for the same seed', async () => {
    const first = await told({ file: lesson, json: true, seed: 7 });
    const second = await told({ file: lesson, json: true, seed: 7 });
    assert.equal(first.out, second.out);
    const types = first.out
      .trimEnd()
      .split('\n')
      .map((line): string => JSON.parse(line).type);
    assert.equal(types[0], 'scenario');
    assert.equal(types.at(-1), 'result');
    assert.deepEqual([...new Set(types)], ['scenario', 'entry', 'check', 'result']);
  });

  it('colours a terminal, unless told not to', async () => {
    const esc = String.fromCharCode(27);
    assert.ok((await told({ file: lesson }, true)).out.includes(esc));
    assert.ok(!(await told({ file: lesson, noColour: true }, true)).out.includes(esc));
    assert.ok(!(await told({ file: lesson })).out.includes(esc));
  });

  it('boots a plain state JSON, whose READY goals signal after two seconds', async () => {
    const id = 'ab'.repeat(32);
    const run = { name: 'web', type: 'lxc', config: 'lxc.container.conf', 'root-volume': 'root.squashfs' };
    const file = write(
      'state.json',
      JSON.stringify({
        '#spec': 'pantavisor-service-system@1',
        'web/lxc.container.conf': id,
        'web/root.squashfs': id,
        'web/run.json': { ...run, status_goal: 'READY' },
      }),
    );
    const { code, out, err } = await told({ file });
    assert.equal(code, 0, out);
    assert.match(
      err,
      /state\.json:1:\d+: warning: \$\["web\/run\.json"\]\.group: .* names no group .*\(§6, S-03\)\n/,
    );
    assert.match(out, /00:02\.037 {2}container {2}web +STARTED → READY, goal ACHIEVED/);
  });
});
