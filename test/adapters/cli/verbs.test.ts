import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useScratch } from '../scratch.ts';
import { statevisor } from './command.ts';

const OBJECT = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

/** A valid state; a container that restarts by itself and one that needs a reboot. */
function state(change: Readonly<Record<string, unknown>> = {}): string {
  const container = (name: string, policy: string) => ({
    [`${name}/run.json`]: {
      '#spec': 'service-manifest-run@1',
      name,
      type: 'lxc',
      config: 'lxc.container.conf',
      'root-volume': 'root.squashfs',
      group: 'app',
      restart_policy: policy,
    },
    [`${name}/lxc.container.conf`]: OBJECT,
    [`${name}/root.squashfs`]: OBJECT,
  });
  return JSON.stringify(
    {
      '#spec': 'pantavisor-service-system@1',
      ...container('web', 'container'),
      ...container('base', 'system'),
      ...change,
    },
    undefined,
    2,
  );
}

describe('the command line (design §8)', () => {
  const scratch = useScratch();

  function files(texts: Readonly<Record<string, string>>): (name: string) => string {
    const directory = scratch();
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text);
    return (name) => join(directory, name);
  }

  const wrong: readonly { words: readonly string[]; says: RegExp }[] = [
    { words: ['chekc', 'x'], says: /unknown command 'chekc'\n\(Did you mean check\?\)/ },
    { words: ['check'], says: /missing required argument 'files'/ },
    { words: ['check', '--jsn', 'x'], says: /unknown option '--jsn'\n\(Did you mean --json\?\)/ },
    { words: ['plan'], says: /missing required argument 'from'/ },
    { words: ['run'], says: /what is run\? Name a STATE, or by --storage what has revisions/ },
    { words: ['run', '--kernel', 'linux', 'x'], says: /Allowed choices are native, spawn/ },
    { words: ['run', '--goal-timeout', 'soon', 'x'], says: /--goal-timeout is a number of seconds/ },
    { words: ['sim', '--speed', '7', 'x'], says: /Allowed choices are 1, 60, max/ },
    { words: ['sim', '--seed', '-1', 'x'], says: /--seed is a whole number/ },
    { words: ['completion', 'csh'], says: /Allowed choices are bash, zsh, fish/ },
    { words: [], says: /Usage: statevisor/ },
  ];
  for (const { words, says } of wrong) {
    it(`ends with 2 after: statevisor ${words.join(' ')}`, async () => {
      const { code, out, err } = await statevisor(...words);
      assert.equal(code, 2);
      assert.match(err, says);
      assert.equal(out, '');
    });
  }

  it('has a version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.deepEqual(await statevisor('--version'), { code: 0, out: `${version}\n`, err: '' });
  });

  for (const verb of ['', 'run', 'sim', 'check', 'plan', 'doctor', 'completion']) {
    it(`explains itself with examples: statevisor ${verb} --help`, async () => {
      const { code, out, err } = await statevisor(...(verb === '' ? ['--help'] : [verb, '--help']));
      assert.equal(code, 0);
      assert.match(out, /Examples:\n {2}\$ (statevisor|source)/);
      assert.equal(err, '');
    });
  }

  describe('check', () => {
    it('says of every file what is wrong with it, with place, reason and fix, and ends with 8', async () => {
      const path = files({
        'good.json': state(),
        'bad.json': state({
          'web/run.json': { '#spec': 'service-manifest-run@1', name: 'web', group: 'nowhere' },
          'base/root.squashfs': 5,
        }),
        'torn.json': '{"#spec":',
      });
      const { code, out } = await statevisor('check', path('good.json'), path('bad.json'), path('torn.json'));
      assert.equal(code, 8);
      assert.match(out, /good\.json: valid, 2 containers in \d groups\n/);
      assert.match(
        out,
        /bad\.json:\d+:\d+: error: \$\["web\/run\.json"\]\.group: there is no group "nowhere"\. Write /,
      );
      assert.match(out, /bad\.json:\d+:\d+: error: \$\["base\/root\.squashfs"\]/);
      assert.match(out, /torn\.json:1:\d+: error: /);
      assert.match(out, /torn\.json: not valid, 1 problem\n$/);
    });

    it('ends with 3 when a file is not there, and checks the others', async () => {
      const path = files({ 'good.json': state() });
      const { code, out, err } = await statevisor('check', path('none.json'), path('good.json'));
      assert.equal(code, 3);
      assert.match(out, /good\.json: valid/);
      assert.match(err, /cannot read .*none\.json: ENOENT/);
    });

    it('gives problems as JSON', async () => {
      const path = files({ 'bad.json': '[]', 'latin.json': '' });
      writeFileSync(path('latin.json'), Buffer.from([0x22, 0xe4, 0x22]));
      const { code, out } = await statevisor('check', '--json', path('bad.json'), path('latin.json'));
      assert.equal(code, 8);
      const told = JSON.parse(out) as {
        file: string;
        ok: boolean;
        problems: { line: number; reason: string }[];
      }[];
      assert.deepEqual(
        told.map(({ ok }) => ok),
        [false, false],
      );
      assert.match(told[0]?.problems[0]?.reason ?? '', /expected an object/);
      assert.equal(told[1]?.problems[0]?.reason, 'the file is not UTF-8');
    });

    it('prints the JSON Schema for editors', async () => {
      const { code, out } = await statevisor('check', '--schema');
      assert.equal(code, 0);
      assert.equal(typeof (JSON.parse(out) as { $schema: string }).$schema, 'string');
    });
  });

  describe('plan (lifecycle §12)', () => {
    const cases = [
      { why: 'nothing changed', change: {}, says: /^live: nothing changes\n$/ },
      {
        why: 'a file of a container that may restart changed',
        change: { 'web/root.squashfs': OTHER },
        says: /^live: no reboot\n {2}restart: +web\n {2}stay: +base\nbecause\n {2}web\/root\.squashfs changed: /,
      },
      {
        why: 'a file of a container of the system changed',
        change: { 'base/root.squashfs': OTHER },
        says: /^reboot, because\n {2}base\/root\.squashfs changed: .*restart_policy system, so reboot\n$/,
      },
    ];
    for (const { why, change, says } of cases) {
      it(`tells what happens when ${why}`, async () => {
        const path = files({ 'a.json': state(), 'b.json': state(change) });
        const { code, out } = await statevisor('plan', path('a.json'), path('b.json'));
        assert.equal(code, 0);
        assert.match(out, says);
      });
    }

    it('gives the plan as JSON', async () => {
      const path = files({ 'a.json': state(), 'b.json': state({ 'web/root.squashfs': OTHER }) });
      const { out } = await statevisor('plan', '--json', path('a.json'), path('b.json'));
      const { kind, stop, start, keep } = JSON.parse(out) as Record<string, unknown>;
      assert.deepEqual(
        { kind, stop, start, keep },
        { kind: 'live', stop: ['web'], start: ['web'], keep: ['base'] },
      );
    });

    it('ends with 8 when one is no valid state, and with 3 when it is not there', async () => {
      const path = files({ 'a.json': state(), 'b.json': '{}' });
      assert.equal((await statevisor('plan', path('a.json'), path('b.json'))).code, 8);
      assert.equal((await statevisor('plan', path('a.json'), path('c.json'))).code, 3);
    });
  });

  describe('doctor', () => {
    it('has one line for each thing, with a fix where there is something to do', async () => {
      const { code, out } = await statevisor('doctor', '--storage', scratch());
      const lines = out.trimEnd().split('\n');
      assert.ok(lines.every((line) => /^(OK|WARN|FAIL) +\S/.test(line)));
      assert.equal(code, lines.some((line) => line.startsWith('FAIL')) ? 1 : 0);
    });

    it('gives findings as JSON, and ends with 1 when something is missing', async () => {
      const { code, out } = await statevisor('doctor', '--json', '--storage', '/proc/version/x');
      const { ok, findings } = JSON.parse(out) as {
        ok: boolean;
        findings: { what: string; verdict: string; fix?: string }[];
      };
      assert.equal(ok, code === 0);
      for (const { verdict, fix } of findings) assert.equal(typeof fix === 'string', verdict !== 'OK');
    });
  });

  describe('completion', () => {
    it('is a script that bash understands and that completes verbs, options, choices', async () => {
      const { out } = await statevisor('completion', 'bash');
      const complete = (line: string) => {
        const words = line.split(' ');
        const script = `${out}
          COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
          _statevisor; echo "\${COMPREPLY[*]}"`;
        const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
        assert.equal(stderr, '');
        return stdout.trim();
      };
      assert.equal(complete('statevisor ch'), 'check');
      assert.equal(complete('statevisor run --st'), '--storage');
      assert.equal(complete('statevisor run --kernel s'), 'spawn');
      assert.equal(complete('statevisor completion z'), 'zsh');
    });

    for (const shell of ['zsh', 'fish']) {
      it(`names every verb for ${shell}`, async () => {
        const { code, out } = await statevisor('completion', shell);
        assert.equal(code, 0);
        for (const verb of ['run', 'sim', 'check', 'plan', 'doctor', 'completion'])
          assert.match(out, new RegExp(`\\b${verb}\\b`));
      });
    }
  });
});
