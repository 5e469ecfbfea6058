import assert from 'node:assert/strict';
import { quickRunFlags, RUN_OPTIONS } from '../../../adapters/cli/run-options.ts';
import {
  type Environment,
  type RunFlags,
  type RunSettings,
  readSettings,
} from '../../../adapters/settings.ts';
import { settle } from '../../../machines/domain/config.ts';

describe('the quick reader of `run`', () => {
  it('knows every option that commander knows', () => {
    for (const { long, value, key } of RUN_OPTIONS) {
      const words = value === undefined ? [long] : [long, 'x'];
      assert.deepEqual(quickRunFlags([...words, 's.json']), {
        state: 's.json',
        [key]: value === undefined ? true : 'x',
      });
    }
  });

  it('takes options on both sides of the state', () => {
    const words = ['--run-dir', '/run/a', 's.json', '--json'];
    assert.deepEqual(quickRunFlags(words), { state: 's.json', runDir: '/run/a', json: true });
  });

  it('needs no state: the storage may say what is run', () => {
    assert.deepEqual(quickRunFlags(['--storage', '/s', '--appengine']), { storage: '/s', appengine: true });
  });

  const left = [
    ['--help'],
    ['a', 'b'],
    ['--run-dir'],
    ['--run-dir', '--json', 'a'],
    ['--run-dir=/x', 'a'],
    ['-x', 'a'],
  ];
  for (const words of left) {
    it(`leaves to commander: run ${words.join(' ')}`, () => {
      assert.equal(quickRunFlags(words), undefined);
    });
  }
});

describe('the settings of a run', () => {
  /** Not those of the machine that tests. */
  const flags = { state: '/data/s.json', cmdline: '' };

  it('has defaults', () => {
    const { sayings, settled, ...settings } = readSettings(flags, {});
    assert.deepEqual(settings, {
      stateFile: '/data/s.json',
      storage: '/data',
      runDir: '/run/statevisor',
      volumes: '/run/statevisor/volumes',
      configs: '/run/statevisor/configs',
      exports: '/run/statevisor/exports',
      media: '/media',
      libDir: '/lib',
      defaultGoalTimeoutMs: 120_000,
      defaultRole: 'nobody',
      lastGroupFallback: false,
      initMode: 'embedded',
      lxcLogLevel: 2,
      devLog: true,
      handlers: true,
      handlerArgs: [],
      verityOff: false,
      loopIndexBase: -1,
      logLevel: 'warn',
      kernel: undefined,
      json: false,
      commandLine: '',
      fitConfig: undefined,
      userMeta: '/data/cache/meta',
      deviceMeta: '/data/cache/devmeta',
      complaints: [],
    });
    assert.ok(sayings.every(({ level }) => level === 'default'));
    assert.equal(settled.judged.length, sayings.length);
  });

  it('prefers the command line to the environment, and both to the defaults', () => {
    const environment = {
      PV_DISK_VOLDIR: '/volumes',
      PV_STORAGE_MNTPOINT: '/storage',
      PV_UPDATER_GOALS_TIMEOUT: '7',
      PV_LOOP_INDEX_BASE: '200',
    };
    const settings = readSettings({ ...flags, storage: '/elsewhere' }, environment);
    assert.equal(settings.storage, '/elsewhere');
    assert.equal(settings.volumes, '/volumes');
    assert.equal(settings.defaultGoalTimeoutMs, 7000);
    assert.equal(settings.loopIndexBase, 200);
  });

  const heeded: readonly (readonly [key: string, text: string, settings: Partial<RunSettings>])[] = [
    ['PV_STORAGE_MNTPOINT', '/storage', { storage: '/storage' }],
    [
      'PV_SYSTEM_RUNDIR',
      '/pv',
      { runDir: '/pv', volumes: '/pv/volumes', configs: '/pv/configs', exports: '/pv/exports' },
    ],
    ['PV_SYSTEM_RUNDIR', '/pv/', { runDir: '/pv' }],
    ['PV_DISK_VOLDIR', '/volumes', { volumes: '/volumes' }],
    ['PV_SYSTEM_CONFDIR', '/configs', { configs: '/configs' }],
    ['PV_DISK_EXPORTSDIR', '/exports', { exports: '/exports' }],
    ['PV_SYSTEM_MEDIADIR', '/mnt', { media: '/mnt' }],
    ['PV_SYSTEM_LIBDIR', '/usr/lib', { libDir: '/usr/lib' }],
    ['PV_UPDATER_GOALS_TIMEOUT', '0', { defaultGoalTimeoutMs: 0 }],
    ['PV_CONTAINER_DEFAULT_ROLE', 'mgmt', { defaultRole: 'mgmt' }],
    ['PV_CONTAINER_DEFAULT_GROUP', 'last', { lastGroupFallback: true }],
    ['PV_SYSTEM_INIT_MODE', 'appengine', { initMode: 'appengine' }],
    ['PV_LXC_LOG_LEVEL', '8', { lxcLogLevel: 8 }],
    ['PV_LOG_AUTO_DEVLOG', '0', { devLog: false }],
    ['PV_SECUREBOOT_HANDLERS', '0', { handlers: false }],
    ['PV_VOLMOUNT_DM_EXTRA_ARGS', ' a  b ', { handlerArgs: ['a', 'b'] }],
    ['PV_LOOP_INDEX_BASE', '64', { loopIndexBase: 64 }],
    ['PV_LOG_LEVEL', '0', { logLevel: 'fatal' }],
    ['PV_LOG_LEVEL', '9', { logLevel: 'trace' }],
    ['pv_verityoff', '', { verityOff: true }],
  ];
  for (const [key, text, expected] of heeded) {
    it(`heeds ${key}=${text}`, () => {
      const settings = readSettings(flags, { [key]: text });
      assert.deepEqual({ ...settings, ...expected }, settings);
      assert.deepEqual(settings.complaints, []);
    });
  }

  it('shows in the configuration what is in force', () => {
    const config = settle(readSettings({ ...flags, runDir: '/run/x', goalTimeout: '9' }, {}).sayings);
    assert.deepEqual(
      (['PV_SYSTEM_RUNDIR', 'PV_UPDATER_GOALS_TIMEOUT', 'PV_DISK_VOLDIR', 'PV_LOG_DIR'] as const).map(
        (key) => [config.value(key), config.level(key)],
      ),
      [
        ['/run/x', 'command'],
        [9, 'command'],
        ['/run/x/volumes', 'default'],
        ['/data/logs/', 'default'],
      ],
    );
  });

  const refused: readonly (readonly [flags: Partial<RunFlags>, environment: Environment, says: RegExp])[] = [
    [{}, { PV_CONTAINER_DEFAULT_ROLE: 'admin' }, /PV_CONTAINER_DEFAULT_ROLE="admin" is none of nobody, mgmt/],
    [{}, { PV_CONTAINER_DEFAULT_GROUP: 'first' }, /PV_CONTAINER_DEFAULT_GROUP="first" is none of none, last/],
    [{}, { PV_SYSTEM_RUNDIR: '' }, /PV_SYSTEM_RUNDIR is the path of a directory, not ""/],
    [{ goalTimeout: '-1' }, {}, /--goal-timeout is a number of seconds, whole and 0 or more, not "-1"/],
    [{ goalTimeout: '' }, {}, /--goal-timeout is a number/],
    [{ logLevel: 'loud' }, {}, /--log-level is one of fatal, /],
  ];
  for (const [words, environment, says] of refused) {
    it(`refuses ${JSON.stringify({ ...words, ...environment })}`, () => {
      assert.throws(() => readSettings({ ...flags, ...words }, environment), says);
    });
  }

  const passedOver = [
    { PV_LXC_LOG_LEVEL: '9' },
    { PV_LOOP_INDEX_BASE: '1.5' },
    { PV_LOOP_INDEX_BASE: '-2' },
    { PV_LOOP_INDEX_BASE: '9999999' },
    { PV_UPDATER_GOALS_TIMEOUT: '-1' },
    { PV_UPDATER_GOALS_TIMEOUT: '' },
    { PV_SYSTEM_INIT_MODE: 'pid1' },
    { PV_LOG_AUTO_DEVLOG: 'maybe' },
  ];
  for (const environment of passedOver) {
    it(`complains of ${JSON.stringify(environment)} and goes on without (logs and metadata §7.2)`, () => {
      const { complaints, sayings, settled: _, ...settings } = readSettings(flags, environment);
      const { complaints: none, sayings: fewer, settled: __, ...otherwise } = readSettings(flags, {});
      assert.deepEqual(settings, otherwise);
      assert.equal(complaints.length, 1);
      assert.match(complaints[0]?.message ?? '', new RegExp(`^environment: ${Object.keys(environment)[0]}=`));
      assert.deepEqual([none.length, sayings.length - fewer.length], [0, 1]);
    });
  }
});
