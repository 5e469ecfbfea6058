import assert from 'node:assert/strict';
import { quickRunFlags, RUN_OPTIONS } from '../../../adapters/cli/run-options.ts';
import { readSettings } from '../../../adapters/settings.ts';

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

  const left = [
    ['--help'],
    [],
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
  it('has defaults', () => {
    const settings = readSettings({ state: '/data/s.json' }, {});
    assert.equal(settings.storage, '/data');
    assert.equal(settings.runDir, '/run/statevisor');
    assert.equal(settings.volumes, '/run/statevisor/volumes');
    assert.equal(settings.defaultGoalTimeoutMs, 120_000);
    assert.equal(settings.defaultRole, 'nobody');
    assert.equal(settings.handlers, true);
    assert.deepEqual([settings.initMode, settings.lxcLogLevel, settings.devLog], ['embedded', 2, true]);
  });

  it('prefers the command line to the environment, and both to the defaults', () => {
    const environment = {
      PV_DISK_VOLDIR: '/volumes',
      PV_STORAGE_MNTPOINT: '/storage',
      PV_UPDATER_GOALS_TIMEOUT: '7',
    };
    const settings = readSettings({ state: 's.json', storage: '/elsewhere' }, environment);
    assert.equal(settings.storage, '/elsewhere');
    assert.equal(settings.volumes, '/volumes');
    assert.equal(settings.defaultGoalTimeoutMs, 7000);
  });

  const wrong = [
    {
      environment: { PV_CONTAINER_DEFAULT_ROLE: 'admin' },
      says: /PV_CONTAINER_DEFAULT_ROLE is one of nobody, mgmt, not "admin"/,
    },
    {
      environment: { PV_CONTAINER_DEFAULT_GROUP: 'first' },
      says: /PV_CONTAINER_DEFAULT_GROUP is one of none, last, not "first"/,
    },
    { environment: { PV_LXC_LOG_LEVEL: '9' }, says: /PV_LXC_LOG_LEVEL is one of 0, 1, .* 8, not "9"/ },
    { environment: { PV_UPDATER_GOALS_TIMEOUT: '-1' }, says: /number of seconds, 0 or more/ },
    { environment: { PV_UPDATER_GOALS_TIMEOUT: '' }, says: /number of seconds, 0 or more/ },
  ];
  for (const { environment, says } of wrong) {
    it(`refuses ${JSON.stringify(environment)}`, () => {
      assert.throws(() => readSettings({ state: 's.json' }, environment), says);
    });
  }
});
