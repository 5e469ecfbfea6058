/** Tables of run.json, one row per rule; long because the format is, and not split because the rows share
 *  their helpers. */

import assert from 'node:assert/strict';
import { missingServices } from '../../../machines/domain/services-json.ts';
import { accepted, container, only, paths, refused, runJson, type State, state } from './states.ts';

const inApp = (keys: State) => state(container('a', { group: 'app', ...keys }));

/** The warnings about one key and what is below it. */
function warned(keys: State, key: string): readonly string[] {
  const at = `$["a/run.json"]${key}`;
  return paths(accepted(inApp(keys)).warnings).filter((path) => path.startsWith(at));
}

describe('A run.json', () => {
  describe('is refused (state format §8, §28)', () => {
    const whole = { name: 'a', type: 'lxc', config: 'c', group: 'app' };
    const without = (key: string) =>
      Object.fromEntries(Object.entries(whole).filter(([name]) => name !== key));
    const cases: readonly { why: string; value: unknown; at: string }[] = [
      { why: '21: without a type (S-12)', value: without('type'), at: '.type' },
      { why: '22: without a name (S-30)', value: without('name'), at: '.name' },
      { why: 'without a config (S-13)', value: without('config'), at: '.config' },
      { why: '22: named other than its directory (S-29)', value: { ...whole, name: 'b' }, at: '.name' },
      {
        why: '23: with keys that only begin like the right ones (S-08)',
        value: { name: 'a', typeX: 'lxc', config: 'c', group: 'app' },
        at: '.type',
      },
      {
        why: '24: with an unknown status goal',
        value: { ...whole, status_goal: 'STOPPED' },
        at: '.status_goal',
      },
      {
        why: '24: with an unknown restart policy',
        value: { ...whole, restart_policy: 'always' },
        at: '.restart_policy',
      },
      { why: '25: with roles that are no array', value: { ...whole, roles: 'mgmt' }, at: '.roles' },
      { why: '38: with a logger that is a text', value: { ...whole, logs: ['x'] }, at: '.logs[0]' },
      { why: 'with an empty logger', value: { ...whole, logs: [{}] }, at: '.logs[0]' },
      { why: 'with logs that are no array', value: { ...whole, logs: null }, at: '.logs' },
      {
        why: 'with a log file outside its directory',
        value: { ...whole, logs: [{ file: '/../../x' }] },
        at: '.logs[0].file',
      },
      { why: '39: with exports that are no array', value: { ...whole, exports: 'x' }, at: '.exports' },
      { why: '65: with null as status goal', value: { ...whole, status_goal: null }, at: '.status_goal' },
      { why: '65: with an empty status goal', value: { ...whole, status_goal: '' }, at: '.status_goal' },
      { why: '65: with volumes that are null', value: { ...whole, volumes: null }, at: '.volumes' },
      { why: 'with an empty group', value: { ...whole, group: '' }, at: '.group' },
      { why: 'with a number as group', value: { ...whole, group: 5 }, at: '.group' },
      { why: 'with a volume that is a number', value: { ...whole, volumes: [5] }, at: '.volumes[0]' },
      {
        why: 'with a volume that has no extension (§9.3)',
        value: { ...whole, 'root-volume': 'root' },
        at: '["root-volume"]',
      },
      {
        why: 'with a volume outside its directory',
        value: { ...whole, volumes: ['../b/x.squashfs'] },
        at: '.volumes[0]',
      },
      {
        why: 'with a handler that is a path',
        value: { ...whole, volumes: ['../x:r.squashfs'] },
        at: '.volumes[0]',
      },
      { why: 'with null as name (§8.11)', value: { ...whole, name: null }, at: '.name' },
      {
        why: 'with an object as root volume (§8.11)',
        value: { ...whole, 'root-volume': {} },
        at: '["root-volume"]',
      },
      { why: 'with a config outside its directory', value: { ...whole, config: '../c' }, at: '.config' },
      {
        why: 'with a storage name that leads out',
        value: { ...whole, storage: { '../x': { persistence: 'boot' } } },
        at: '.storage["../x"]',
      },
      { why: 'with two volumes of one name', value: { ...whole, volumes: ['v.ext4', 'v.ext4'] }, at: '' },
      { why: 'as an array', value: [], at: '' },
      { why: 'as an object id', value: 'ab'.repeat(32), at: '' },
    ];
    for (const { why, value, at } of cases) {
      it(why, () => assert.deepEqual(paths(refused(state(runJson('a', value)))), [`$["a/run.json"]${at}`]));
    }

    const names = [
      'a$(id)',
      'a`id`',
      'a;b',
      'a|b',
      "a'b",
      'a*',
      'constructor',
      'toString',
      'a b',
      'a:b',
      'a\\b',
      'a,b',
      '-a',
      'x'.repeat(65),
    ];
    for (const name of names) {
      it(`for a container called ${JSON.stringify(name).slice(0, 20)} (§8.1)`, () => {
        assert.ok(refused(state(container(name, { group: 'app' }))).length > 0);
      });
    }
    it('22: for the second of two containers with one name (S-28)', () => {
      const problems = refused(
        state(container('a', { group: 'app' }), runJson('b', { ...whole, name: 'a' })),
      );
      assert.deepEqual(paths(problems), ['$["b/run.json"].name']);
    });
  });

  it('21: of an unknown type is accepted with a warning; its start fails (§8.2)', () => {
    assert.equal(only(inApp({ type: 'docker' })).type, 'docker');
    assert.deepEqual(warned({ type: 'docker' }, '.type'), ['$["a/run.json"].type']);
  });

  it('may name its container with dots', () => {
    assert.equal(only(state(container('a.b-c_d', { group: 'app' }))).name, 'a.b-c_d');
  });

  it('keeps quiet about keys nobody reads', () => {
    const keys = { share: ['NETWORK'], exec: 1, timeout: 4, future: {} };
    for (const key of Object.keys(keys)) assert.deepEqual(warned(keys, `.${key}`), []);
  });

  it('without a root volume is warned about (S-14)', () => {
    assert.deepEqual(warned({}, '["root-volume"]'), ['$["a/run.json"]["root-volume"]']);
  });

  describe('and its roles (25, §8.7, R-01)', () => {
    const cases: readonly { roles?: unknown; expected: readonly string[]; warnings: number }[] = [
      { expected: [], warnings: 0 },
      { roles: [], expected: [], warnings: 0 },
      { roles: ['nobody'], expected: [], warnings: 0 },
      { roles: ['mgmt'], expected: ['mgmt'], warnings: 0 },
      { roles: ['mgmt', 'nobody'], expected: ['mgmt'], warnings: 0 },
      { roles: ['admin'], expected: [], warnings: 1 },
      { roles: [5], expected: [], warnings: 1 },
    ];
    for (const { roles, expected, warnings } of cases) {
      it(`${JSON.stringify(roles) ?? 'absent'} gives ${JSON.stringify(expected)}`, () => {
        const keys = roles === undefined ? {} : { roles };
        assert.deepEqual(only(inApp(keys)).roles, expected);
        assert.equal(warned(keys, '.roles').length, warnings);
      });
    }
    it('absent gives mgmt when states rely on that', () => {
      assert.deepEqual(only(inApp({}), { defaultRole: 'mgmt' }).roles, ['mgmt']);
      assert.deepEqual(only(inApp({ roles: [] }), { defaultRole: 'mgmt' }).roles, []);
    });
  });

  describe('and its recovery (§8.9, §28)', () => {
    const recovery = (value: unknown) => only(inApp({ auto_recovery: value })).recovery;

    it('28: takes numbers from strings (S-43)', () => {
      const value = { policy: 'always', max_retries: '7', retry_delay: 4, backoff_factor: '1.5' };
      assert.deepEqual(recovery(value), {
        policy: 'always',
        maxRetries: 7,
        retryDelayMs: 4000,
        backoffFactor: 1.5,
        resetWindowMs: 0,
        stableTimeoutMs: 0,
        backoff: { kind: 'reboot' },
      });
      assert.deepEqual(warned({ auto_recovery: value }, '.auto_recovery'), []);
    });

    const durations: readonly { written: unknown; expected: string | number; warnings: number }[] = [
      { written: '10min', expected: 600_000, warnings: 0 },
      { written: '90', expected: 90_000, warnings: 0 },
      { written: '7200', expected: 7_200_000, warnings: 0 },
      { written: '2h', expected: 7_200_000, warnings: 0 },
      { written: '30s', expected: 30_000, warnings: 0 },
      { written: 15, expected: 15_000, warnings: 0 },
      { written: 'never', expected: 'never', warnings: 0 },
      { written: 'reboot', expected: 'reboot', warnings: 0 },
      { written: '30m', expected: 'reboot', warnings: 1 },
      { written: '0s', expected: 'reboot', warnings: 1 },
      { written: '-3', expected: 'reboot', warnings: 1 },
      { written: 'bogus', expected: 'reboot', warnings: 1 },
      { written: 1.5, expected: 'reboot', warnings: 1 },
      { written: null, expected: 'reboot', warnings: 1 },
    ];
    for (const { written, expected, warnings } of durations) {
      it(`29: backoff policy ${JSON.stringify(written)} is read as ${expected} (S-21)`, () => {
        const value = { policy: 'always', backoff_policy: written };
        const backoff = recovery(value)?.backoff;
        assert.equal(backoff?.kind === 'wait' ? backoff.delayMs : backoff?.kind, expected);
        assert.equal(warned({ auto_recovery: value }, '.auto_recovery').length, warnings);
      });
    }

    const odd: readonly { key: string; value: unknown; field: string; expected: unknown }[] = [
      { key: 'policy', value: 'sometimes', field: 'policy', expected: 'no' },
      { key: 'max_retries', value: -1, field: 'maxRetries', expected: 0 },
      { key: 'retry_delay', value: 1.9, field: 'retryDelayMs', expected: 1000 },
      { key: 'retry_delay', value: 'soon', field: 'retryDelayMs', expected: 0 },
      { key: 'backoff_factor', value: -2, field: 'backoffFactor', expected: 0 },
      { key: 'stable_timeout', value: 1e300, field: 'stableTimeoutMs', expected: 9_007_199_254_740_000 },
    ];
    for (const { key, value, field, expected } of odd) {
      it(`${key} ${JSON.stringify(value)} is read as ${expected}, with a warning`, () => {
        const read: unknown = recovery({ [key]: value });
        assert.equal((read as Record<string, unknown>)[field], expected);
        assert.equal(warned({ auto_recovery: { [key]: value } }, '.auto_recovery').length, 1);
      });
    }
  });

  describe('and its volumes (§9, §28)', () => {
    it('31: come in the order root volume, volumes, storage', () => {
      const { volumes } = only(
        inApp({
          storage: { s1: { persistence: 'boot' } },
          volumes: ['v1.squashfs', 'dm:v2.ext4'],
          'root-volume': 'r.squashfs',
        }),
      );
      assert.deepEqual(
        volumes.map(({ name }) => name),
        ['r.squashfs', 'v1.squashfs', 'v2.ext4', 's1'],
      );
      assert.deepEqual(volumes[2], {
        kind: 'image',
        name: 'v2.ext4',
        file: 'v2.ext4',
        handler: 'dm',
        format: 'ext4',
        root: false,
      });
    });

    const storages: readonly {
      why: string;
      storage: unknown;
      volumes: readonly unknown[];
      at: readonly string[];
    }[] = [
      {
        why: '30: unknown persistence is boot',
        storage: { x: { persistence: 'forever' } },
        volumes: ['x boot'],
        at: ['.x.persistence'],
      },
      { why: '30: no persistence is no volume (S-16)', storage: { x: {} }, volumes: [], at: ['.x'] },
      { why: '65: an array is no storage', storage: [], volumes: [], at: [''] },
      { why: 'an entry that is no object is no volume', storage: { x: 'boot' }, volumes: [], at: ['.x'] },
      {
        why: 'a literal path is a name (§9.6)',
        storage: { 'etc/example/': { persistence: 'permanent' } },
        volumes: ['etc/example permanent'],
        at: [],
      },
    ];
    for (const { why, storage, volumes, at } of storages) {
      it(why, () => {
        const read = only(inApp({ storage })).volumes.map(
          (volume) => `${volume.name} ${volume.kind === 'storage' ? volume.persistence : ''}`,
        );
        assert.deepEqual(read, volumes);
        assert.deepEqual(
          warned({ storage }, '.storage'),
          at.map((path) => `$["a/run.json"].storage${path}`),
        );
      });
    }
  });

  describe('and its loggers (38, §10, S-47)', () => {
    const files = (logs?: unknown) =>
      only(inApp(logs === undefined ? {} : { logs })).loggers.map(({ file, name, truncate, maxSizeBytes }) =>
        [file, name, truncate, maxSizeBytes].join(' '),
      );
    const defaults = [
      '/var/log/syslog a-pvlogger-syslog true 2097152',
      '/var/log/messages a-pvlogger-messages true 2097152',
    ];
    const cases: readonly { why: string; logs?: unknown; expected: readonly string[] }[] = [
      { why: 'absent: the two default ones', expected: defaults },
      { why: 'empty: the two default ones', logs: [], expected: defaults },
      {
        why: 'legacy entries only: the two default ones',
        logs: [{ lxc: 'enable' }, { console: 'enable' }],
        expected: defaults,
      },
      {
        why: 'one file: it and the defaults',
        logs: [{ file: '/var/log/z' }],
        expected: ['/var/log/z a false ', ...defaults],
      },
      {
        why: 'a default file: as the entry says',
        logs: [{ file: '/var/log/syslog', name: 'n', truncate: true, maxsize: '99' }],
        expected: ['/var/log/syslog n true 99', defaults[1] ?? ''],
      },
      {
        why: 'no file: /var/log/messages',
        logs: [{ name: 'n' }],
        expected: ['/var/log/messages n false ', defaults[0] ?? ''],
      },
      { why: 'a relative file: dropped, nothing can follow it', logs: [{ file: 'z' }], expected: defaults },
    ];
    for (const { why, logs, expected } of cases) it(why, () => assert.deepEqual(files(logs), expected));
  });

  it('39: is an exporter as soon as it has exports, even none (§20)', () => {
    assert.deepEqual(only(inApp({ exports: [] })).exports, []);
    assert.equal(only(inApp({})).exports, undefined);
  });

  describe('with a wrong JSON type keeps going where the format says so (§8.11)', () => {
    for (const key of ['storage', 'drivers', 'services', 'network', 'auto_recovery', 'dev-log', 'remount']) {
      it(`${key}: null is ignored with a warning`, () => {
        const at = key === 'dev-log' ? '["dev-log"]' : `.${key}`;
        assert.deepEqual(warned({ [key]: null }, at), [`$["a/run.json"]${at}`]);
      });
    }
    const switches: readonly {
      keys: State;
      automodfw: boolean;
      devLog: boolean | undefined;
      warnings: number;
    }[] = [
      { keys: {}, automodfw: true, devLog: undefined, warnings: 0 },
      { keys: { automodfw: 'no', 'dev-log': 'false' }, automodfw: false, devLog: false, warnings: 0 },
      { keys: { automodfw: 'maybe', 'dev-log': true }, automodfw: true, devLog: true, warnings: 0 },
      { keys: { automodfw: false, 'dev-log': 'yes' }, automodfw: true, devLog: undefined, warnings: 2 },
    ];
    for (const { keys, automodfw, devLog, warnings } of switches) {
      it(`${JSON.stringify(keys)}: automodfw ${automodfw}, dev-log ${devLog}`, () => {
        const spec = only(inApp(keys));
        assert.deepEqual([spec.automodfw, spec.devLog], [automodfw, devLog]);
        assert.equal([...warned(keys, '.automodfw'), ...warned(keys, '["dev-log"]')].length, warnings);
      });
    }
  });

  describe('and services (§17, §28)', () => {
    const needing = container('a', {
      group: 'app',
      services: { required: ['clock'], optional: [{ name: 'x', type: 'rest' }] },
    });
    it('53: a required one that nobody exports is found by name', () => {
      const { revision, warnings } = accepted(state(needing));
      assert.deepEqual(missingServices(revision.containers, false), [{ container: 'a', service: 'clock' }]);
      assert.ok(paths(warnings).includes('$["a/run.json"].services'));
    });
    it('53: one that another container exports is fine', () => {
      const other = { ...container('b', { group: 'app' }), 'b/services.json': [{ name: 'clock' }] };
      assert.deepEqual(missingServices(accepted(state(needing, other)).revision.containers, false), []);
    });
    it('the system bus is there when it is hosted', () => {
      const { containers } = accepted(inApp({ services: { required: ['system-bus'] } })).revision;
      assert.equal(missingServices(containers, false).length, 1);
      assert.deepEqual(missingServices(containers, true), []);
    });
    it('an export that owns a bus name has no name and socket of its own', () => {
      const services = {
        'a/services.json': { services: [{ owns: 'org.x', name: 'n', socket: '/s', allow: ['b'] }] },
      };
      const [entry] = only(state(container('a', { group: 'app' }), services)).serviceExports;
      assert.deepEqual(
        [entry?.owns, entry?.name, entry?.socket, entry?.allow],
        ['org.x', undefined, undefined, ['b']],
      );
    });
  });

  describe('and the network (§21, §28)', () => {
    it('59: an unknown pool parses; the start fails', () => {
      assert.equal(only(inApp({ network: { pool: 'x' } })).network?.mode, 'pool');
      assert.deepEqual(warned({ network: { pool: 'x' } }, '.network'), ['$["a/run.json"].network']);
    });
    it('a host name that would be more than one line is ignored', () => {
      assert.equal(only(inApp({ network: { hostname: 'lamp_1.home' } })).network?.hostname, 'lamp_1.home');
      assert.equal(
        only(inApp({ network: { hostname: 'a\nlxc.hook.start = x' } })).network?.hostname,
        undefined,
      );
      assert.equal(warned({ network: { hostname: 'a b' } }, '.network.hostname').length, 1);
    });
    it('flat keys win over interfaces (S-36)', () => {
      const interfaces = [{ ipv4_address: '10.0.0.2', mac_address: '02:00:00:00:00:02' }];
      const { network } = only(inApp({ network: { mode: 'host', ip: '10.0.0.1', interfaces } }));
      assert.deepEqual([network?.mode, network?.ip, network?.mac], ['host', '10.0.0.1', '02:00:00:00:00:02']);
    });
  });
});
