import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readOem } from '../../../adapters/config/oem.ts';
import {
  type Environment,
  type RunFlags,
  readRunSources,
  readSettings,
  withOem,
} from '../../../adapters/settings.ts';
import { settle } from '../../../machines/domain/config.ts';
import type { ConfigKey } from '../../../machines/domain/config-keys.ts';
import { useScratch } from '../scratch.ts';

describe('the sources of the configuration (logs and metadata §7.1)', () => {
  const scratch = useScratch();

  /** A device's files below a directory of the test's own. */
  function device(files: Readonly<Record<string, string>>) {
    const root = scratch();
    for (const [path, text] of Object.entries({ 'pv.config': '', ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text.replaceAll('ROOT', root));
    }
    const read = (environment: Environment = {}, flags: Partial<RunFlags> = {}) =>
      readRunSources({ config: join(root, 'pv.config'), cmdline: '', ...flags }, environment);
    const standing = (key: ConfigKey, environment: Environment = {}, flags: Partial<RunFlags> = {}) => {
      const settled = settle(read(environment, flags).sayings);
      return [settled.value(key), settled.level(key)];
    };
    return { root, read, standing };
  }

  it('overrule each other from the file to the words of run (§18 test 24)', () => {
    const { root, standing } = device({
      'pv.config':
        'PV_SYSTEM_RUNDIR=ROOT/run\nPV_SYSTEM_ETCPANTAVISORDIR=ROOT/etc\nPV_UPDATER_GOALS_TIMEOUT=1\nPV_POLICY=fleet\n',
      'etc/policies/fleet.config': 'updater.goals.timeout=2\nPH_CREDS_PORT=22\nPV_SYSTEM_RUNDIR=ROOT/run2\n',
      'run2/phconfig/pantahub.config': 'creds.port=21\ncreds.id=me\nPV_UPDATER_GOALS_TIMEOUT=9\n',
      'none.config': '',
    });
    const key = 'PV_UPDATER_GOALS_TIMEOUT';
    const none = { config: join(root, 'none.config') };
    assert.deepEqual(standing(key, {}, none), [120, 'default']);
    assert.deepEqual(standing(key), [2, 'policy']);
    assert.deepEqual(standing('PV_POLICY'), ['fleet', 'pv conf file']);
    assert.deepEqual(standing('PH_CREDS_PORT'), [22, 'policy']);
    assert.deepEqual(standing('PH_CREDS_ID'), ['me', 'ph conf file']);
    const cmdline = `pv_${key}=4 ph_creds.port=23`;
    assert.deepEqual(standing(key, {}, { cmdline }), [4, 'pv cmdline']);
    assert.deepEqual(standing('PH_CREDS_PORT', {}, { cmdline }), [23, 'ph cmdline']);
    assert.deepEqual(standing(key, { [key.toLowerCase()]: '5' }, { cmdline }), [5, 'env']);
    assert.deepEqual(standing(key, { [key]: '5' }, { cmdline, goalTimeout: '6' }), [6, 'command']);
  });

  it('take the policy from the command line, else the environment, else the file', () => {
    const { standing } = device({
      'pv.config': 'PV_POLICY=file\nPV_SYSTEM_ETCPANTAVISORDIR=ROOT\n',
      'policies/file.config': 'PV_NET_BRDEV=file\n',
      'policies/env.config': 'PV_NET_BRDEV=env\n',
      'policies/line.config': 'PV_NET_BRDEV=line\n',
    });
    assert.deepEqual(standing('PV_NET_BRDEV'), ['file', 'policy']);
    assert.deepEqual(standing('PV_NET_BRDEV', { PV_POLICY: 'env' }), ['env', 'policy']);
    for (const cmdline of ['pv_policy=line', 'pv_PV_POLICY=line']) {
      assert.deepEqual(standing('PV_NET_BRDEV', { PV_POLICY: 'env' }, { cmdline }), ['line', 'policy']);
    }
    assert.deepEqual(standing('PV_NET_BRDEV', {}, { cmdline: 'pv_policy=' }), ['lxcbr0', 'default']);
    assert.deepEqual(standing('PV_NET_BRDEV', { PV_POLICY: '../x' }), ['file', 'policy']);
  });

  it('fail when a named policy or configuration is not there (§18 test 29)', () => {
    const { root, read } = device({ 'pv.config': 'PV_SYSTEM_ETCPANTAVISORDIR=ROOT\n' });
    assert.throws(() => read({ PV_POLICY: 'gone' }), {
      fault: {
        code: 'STORE_FAILED',
        message: `reading the configuration ${root}/policies/gone.config failed: ENOENT`,
        subject: `${root}/policies/gone.config`,
        fix: `Put the policy there, or set PV_POLICY to one that is in ${root}/policies`,
        errno: 'ENOENT',
      },
    });
    assert.throws(
      () => read({}, { config: join(root, 'gone') }),
      /reading the configuration .*gone failed: ENOENT/,
    );
    assert.throws(() => read({}, { config: root }), /EISDIR/);
  });

  it('do without a Hub file that cannot be read, and say so', () => {
    const { root, read } = device({ 'run/phconfig/pantahub.config/x': '' });
    const { complaints } = read({ PV_SYSTEM_RUNDIR: join(root, 'run') });
    assert.match(complaints[0]?.message ?? '', /pantahub\.config failed: EISDIR/);
  });

  it('tell file and line of what they got wrong (R-11)', () => {
    const { root } = device({ 'pv.config': 'PV_UPDATER_GOALS_TIMEOUT=5\n\nPV_UPDATER_GOALS_TIMEOUT=12x\n' });
    const settings = readSettings({ state: 's.json', config: join(root, 'pv.config'), cmdline: '' }, {});
    assert.equal(settings.defaultGoalTimeoutMs, 5000);
    assert.match(
      settings.complaints[0]?.message ?? '',
      /pv\.config:3: PV_UPDATER_GOALS_TIMEOUT="12x" is no whole number/,
    );
  });

  describe('with an OEM file', () => {
    const FILES = {
      'pv.config': 'PV_OEM_NAME=acme\nPV_SYSTEM_ETCPANTAVISORDIR=ROOT\n',
      'trail/acme/default.config':
        'PV_UPDATER_GOALS_TIMEOUT=7\nPV_LXC_LOG_LEVEL=4\nPV_SYSTEM_RUNDIR=/elsewhere\n',
      'trail/acme/fleet.config': 'PV_UPDATER_GOALS_TIMEOUT=8\n',
      'policies/fleet.config': '',
    };

    it('heed what it says, below the command line (§18 test 30)', () => {
      const { root } = device(FILES);
      const flags = { state: 's.json', config: join(root, 'pv.config'), cmdline: 'pv_lxc.log.level=1' };
      const before = readSettings(flags, {});
      const settings = withOem(before, join(root, 'trail'));
      assert.deepEqual([settings.defaultGoalTimeoutMs, settings.lxcLogLevel], [7000, 1]);
      assert.equal(settings.runDir, before.runDir);
      assert.equal(settle(settings.sayings).level('PV_UPDATER_GOALS_TIMEOUT'), 'oem config');
      assert.deepEqual(
        settings.complaints.map(({ message }) => message),
        [
          `${root}/trail/acme/default.config:3: PV_SYSTEM_RUNDIR="/elsewhere" is not heeded: this key may not be set there`,
        ],
      );
    });

    it('take the one of the policy', () => {
      const { root, read } = device(FILES);
      const { sayings } = readOem(read({ PV_POLICY: 'fleet' }).sayings, join(root, 'trail'));
      assert.deepEqual(
        sayings.map(({ text }) => text),
        ['8'],
      );
    });

    it('do without when it is not there, or has no name', () => {
      const { root, read } = device(FILES);
      assert.deepEqual(readOem(read().sayings, join(root, 'gone')), { sayings: [], complaints: [] });
      assert.deepEqual(readOem(read({ PV_OEM_NAME: '' }).sayings, join(root, 'trail')).sayings, []);
    });
  });
});
