import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useScratch } from '../scratch.ts';
import { statevisor } from './command.ts';

describe('statevisor config', () => {
  const scratch = useScratch();

  function file(text: string): string {
    const path = join(scratch(), 'pv.config');
    writeFileSync(path, text);
    return path;
  }
  const config = (path: string, ...words: readonly string[]) =>
    statevisor('config', ...words, '--config', path, '--cmdline', 'pv_log.level=3 ph_creds.secret=hunter2');

  it('lists every key with its value and level, and hides secrets', async () => {
    const { code, out, err } = await config(file('PV_NET_BRDEV=br7\n'));
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^PV_NET_BRDEV +br7 +pv conf file$/m);
    assert.match(out, /^PV_LOG_LEVEL +3 +pv cmdline$/m);
    assert.match(out, /^PV_SYSTEM_RUNDIR +\/run\/statevisor +default$/m);
    assert.match(out, /^PV_UPDATER_ROLLBACK_REBOOT +0 +default +\(only here\)$/m);
    assert.match(out, /^PH_CREDS_SECRET +\*{8} +ph cmdline$/m);
    assert.match(out, /^PH_FACTORY_AUTOTOK +\(null\) +default$/m);
  });

  it('is JSON on demand', async () => {
    const { out } = await config(file(''), '--json');
    const entries = JSON.parse(out) as readonly { key: string }[];
    assert.deepEqual(
      entries
        .filter(({ key }) => /LOG_LEVEL$|SECRET$|STORAGE_DEVICE/.test(key))
        .map((entry) => Object.values(entry)),
      [
        ['PH_CREDS_SECRET', 'creds.secret', '********', 'ph cmdline', false],
        ['PV_LIBTHTTP_LOG_LEVEL', 'libthttp.log.level', 3, 'default', false],
        ['PV_LOG_LEVEL', 'log.level', 3, 'pv cmdline', false],
        ['PV_LXC_LOG_LEVEL', 'lxc.log.level', 2, 'default', false],
        ['PV_STORAGE_DEVICE', 'storage.device', null, 'default', false],
      ],
    );
  });

  it('explains a key: who said what, and who won', async () => {
    const path = file('PV_LOG_LEVEL=4\nlog.level=loud\n');
    const { code, out, err } = await config(path, 'explain', 'log.level');
    assert.equal(code, 0);
    assert.equal(
      err,
      `statevisor: ${path}:2: log.level="loud" is no whole number from -2147483648 to 2147483647; the value stays as lower levels have it. Write decimal digits and nothing else\n`,
    );
    const lines = out.split('\n').map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(lines.slice(0, -2), [
      ['PV_LOG_LEVEL is 3, from pv cmdline'],
      ['default', 'built in', '0', 'overruled'],
      ['default', 'statevisor run', '2', 'overruled'],
      ['pv conf file', `${path}:1`, '4', 'overruled'],
      [
        'pv conf file',
        `${path}:2, log.level`,
        'loud',
        'is no whole number from -2147483648 to 2147483647; the value stays as lower levels have it',
      ],
      ['pv cmdline', 'kernel command line, pv_log.level', '3', 'in force'],
    ]);
    assert.match(
      out,
      /old name log\.level; takes a whole number; may be set by pv conf file, policy, pv cmdline, env, oem config, metadata\n$/,
    );
  });

  it('explains as JSON, without the secret', async () => {
    const { out } = await config(file(''), 'explain', 'creds.secret', '--json');
    assert.ok(!out.includes('hunter2'));
    const { said } = JSON.parse(out) as { said: readonly { text: string; refused: unknown }[] };
    assert.deepEqual(
      said.map(({ text, refused }) => [text, refused]),
      [
        ['(null)', null],
        ['********', null],
      ],
    );
  });

  it('takes the options of run', async () => {
    const { out } = await config(file(''), 'explain', 'PV_DISK_VOLDIR', '--run-dir', '/run/x');
    assert.match(out, /^PV_DISK_VOLDIR is \/run\/x\/volumes, by default$/m);
  });

  it('ends with 3 for what is no key, and names some that are like it', async () => {
    const { code, err } = await config(file(''), 'explain', 'log.levels');
    assert.deepEqual(
      [code, err],
      [3, 'statevisor: there is no key "log.levels". statevisor config lists all keys\n'],
    );
    assert.match((await config(file(''), 'explain', 'goals')).err, /Did you mean PV_UPDATER_GOALS_TIMEOUT\?/);
  });

  it('ends with 1 when a run would not start', async () => {
    assert.equal((await config(file('PV_CONTAINER_DEFAULT_ROLE=admin\n'))).code, 1);
    assert.equal((await config('/nowhere/pv.config')).code, 1);
  });

  for (const words of [['config'], ['config', 'explain']]) {
    it(`explains itself with examples: statevisor ${words.join(' ')} --help`, async () => {
      const { code, out } = await statevisor(...words, '--help');
      assert.equal(code, 0);
      assert.match(out, /Examples:\n {2}\$ statevisor config/);
    });
  }

  it('ends with 2 for a word that is none', async () => {
    assert.equal((await statevisor('config', 'exlpain')).code, 2);
  });
});
