import assert from 'node:assert/strict';
import {
  complaintOf,
  complaintsOf,
  explain,
  LEVELS,
  type Level,
  type Saying,
  settle,
} from '../../../machines/domain/config.ts';
import type { ConfigKey } from '../../../machines/domain/config-keys.ts';
import { sysctlsOf } from '../../../machines/domain/config-sysctl.ts';

function say(level: Level, name: string, text: string, place = 'here'): Saying {
  return { level, place, name, text };
}

describe('values (logs and metadata §7.2)', () => {
  const cases: readonly [key: ConfigKey, text: string, value: unknown][] = [
    ...['true', 'Yes', 'ON', '1', '2', '-1'].map((text): [ConfigKey, string, unknown] => [
      'PV_DEBUG_SHELL',
      text,
      true,
    ]),
    ...['false', 'No', 'oFF', '0', '00'].map((text): [ConfigKey, string, unknown] => [
      'PV_DEBUG_SHELL',
      text,
      false,
    ]),
    ['PV_LOG_LEVEL', '12', 12],
    ['PV_LOOP_INDEX_BASE', '-1', -1],
    ['PV_POWER_WAKE_INTERVAL', '7', 7],
    ['PV_POWER_WAKE_INTERVAL', '7s', 7],
    ['PV_POWER_WAKE_INTERVAL', '10min', 600],
    ['PV_POWER_WAKE_INTERVAL', '2h', 7200],
    ['PV_POWER_WAKE_INTERVAL', '1d', 86_400],
    ['PV_NET_BRDEV', '', ''],
    ['PV_NET_BRDEV', ' a b ', ' a b '],
    ['PV_SECUREBOOT_MODE', 'strict', 'strict'],
    ['PV_LOG_SERVER_OUTPUTS', 'filetree', 132],
    ['PV_LOG_SERVER_OUTPUTS', 'singlefile, stdout_direct', 128 + 2 + 64],
    ['PV_LOG_SERVER_OUTPUTS', '', 128],
    ['PV_LOG_SERVER_OUTPUTS', 'nullsink,stdout,stdout.containers,stdout.pantavisor', 128 + 1 + 8 + 16 + 32],
    ['PV_POLICY', 'fleet', 'fleet'],
  ];
  for (const [key, text, value] of cases) {
    it(`reads ${key}=${text}`, () => {
      const settled = settle([say('env', key, text)]);
      assert.deepEqual(
        [settled.value(key), settled.level(key), complaintsOf(settled.judged)],
        [value, 'env', []],
      );
    });
  }

  const wrong: readonly [key: ConfigKey, text: string, says: RegExp][] = [
    ['PV_DEBUG_SHELL', 'enabled', /neither true, yes, on/],
    ['PV_DEBUG_SHELL', '', /neither/],
    ['PV_LOG_LEVEL', '12x', /no whole number/],
    ['PV_LOG_LEVEL', '1.5', /no whole number/],
    ['PV_LOG_LEVEL', '4\r', /="4\\r" is no whole number/],
    ['PV_LOG_LEVEL', '99999999999', /from -2147483648 to 2147483647/],
    ['PV_LXC_LOG_LEVEL', '9', /no whole number from 0 to 8/],
    ['PV_UPDATER_GOALS_TIMEOUT', '-1', /no whole number from 0/],
    ['PV_POWER_WAKE_INTERVAL', '10 min', /no duration/],
    ['PV_POWER_WAKE_INTERVAL', '-1', /no duration/],
    ['PV_POWER_WAKE_INTERVAL', '99999d', /no duration/],
    ['PV_LOG_SERVER_OUTPUTS', 'stodut', /do not exist: stodut/],
    ['PV_POLICY', '../../etc/shadow', /no name of a policy/],
    ['PV_OEM_NAME', '../..', /no directory of the revision/],
  ];
  for (const [key, text, says] of wrong) {
    it(`tells what is wrong with ${key}=${JSON.stringify(text)}, and leaves value and level`, () => {
      const settled = settle([say('env', key, text, 'environment')]);
      const [fault] = complaintsOf(settled.judged);
      assert.match(fault?.message ?? '', says);
      assert.match(fault?.message ?? '', new RegExp(`^environment: ${key}=`));
      assert.match(fault?.message ?? '', /; the value stays as lower levels have it$/);
      assert.ok((fault?.fix ?? '') !== '');
      assert.deepEqual([settled.value(key), settled.level(key)], [settle([]).value(key), 'default']);
    });
  }

  it('keeps the value of an enumeration but records the level of the unknown name', () => {
    const settled = settle([
      say('pv conf file', 'secureboot.mode', 'audit'),
      say('env', 'PV_SECUREBOOT_MODE', 'stirct'),
    ]);
    assert.deepEqual(
      [settled.value('PV_SECUREBOOT_MODE'), settled.level('PV_SECUREBOOT_MODE')],
      ['audit', 'env'],
    );
    assert.match(
      complaintsOf(settled.judged)[0]?.message ?? '',
      /"stirct" is none of disabled, audit, lenient, strict/,
    );
  });

  it('takes the log outputs that there are, and tells of the others', () => {
    const settled = settle([say('env', 'PV_LOG_SERVER_OUTPUTS', 'singlefile,foo')]);
    assert.equal(settled.value('PV_LOG_SERVER_OUTPUTS'), 130);
    assert.match(complaintsOf(settled.judged)[0]?.message ?? '', /do not exist: foo; the others count$/);
  });

  it('is fatal only where a key of ours has an impossible value (R-11, R-12)', () => {
    const judged = settle([
      say('env', 'PV_CONTAINER_DEFAULT_ROLE', 'admin'),
      say('env', 'PV_SECUREBOOT_MODE', 'stirct'),
      say('metadata', 'PV_CONTAINER_DEFAULT_ROLE', 'mgmt'),
    ]).judged;
    assert.deepEqual(
      judged.map(({ text, fatal }) => [text, fatal]),
      [
        ['admin', true],
        ['stirct', false],
        ['mgmt', false],
      ],
    );
  });

  it('does not tell secrets in complaints', () => {
    const [fault] = complaintsOf(settle([say('pv conf file', 'creds.secret', 'hunter2')]).judged);
    assert.match(fault?.message ?? '', /creds\.secret=\*{8} is not heeded/);
  });
});

describe('levels (logs and metadata §7.1)', () => {
  /** §18 test 24: each level overrules those below, whatever the order of reading. */
  const ladders: readonly (readonly [key: ConfigKey, levels: readonly Level[]])[] = [
    ['PV_LOG_LEVEL', ['pv conf file', 'policy', 'oem config', 'pv cmdline', 'env', 'metadata', 'command']],
    [
      'PH_UPDATER_INTERVAL',
      ['ph conf file', 'policy', 'oem config', 'ph cmdline', 'env', 'metadata', 'command'],
    ],
  ];
  for (const [key, levels] of ladders) {
    it(`lets each level of ${key} overrule those below it`, () => {
      const sayings: Saying[] = [];
      for (const [at, level] of levels.entries()) {
        sayings.unshift(say(level, key, String(at + 20)));
        const settled = settle(sayings);
        assert.deepEqual([settled.value(key), settled.level(key)], [at + 20, level]);
        assert.deepEqual(complaintsOf(settled.judged), []);
      }
    });

    it(`refuses ${key} on every other level`, () => {
      const others = LEVELS.filter(
        (level) => !levels.includes(level) && level !== 'default' && level !== 'args',
      );
      assert.ok(others.length > 0);
      for (const level of others) {
        const settled = settle([say(level, key, '77')]);
        assert.equal(settled.level(key), 'default', level);
        assert.match(complaintsOf(settled.judged)[0]?.message ?? '', /may not be set there/);
      }
    });
  }

  it('puts command words below every file', () => {
    const words = say('args', 'PV_SYSTEM_INIT_MODE', 'appengine');
    assert.equal(settle([words]).level('PV_SYSTEM_INIT_MODE'), 'args');
    const file = say('pv conf file', 'system.init.mode', 'standalone');
    assert.equal(settle([file, words]).value('PV_SYSTEM_INIT_MODE'), 'standalone');
  });

  it('takes the last of several within one level', () => {
    assert.equal(
      settle([say('env', 'PV_LOG_LEVEL', '1'), say('env', 'pv_log_level', '2')]).value('PV_LOG_LEVEL'),
      2,
    );
  });

  it('refuses metadata for what may not change while it runs (§18 test 26)', () => {
    const settled = settle([say('metadata', 'PV_SECUREBOOT_MODE', 'disabled')]);
    assert.deepEqual(
      [settled.value('PV_SECUREBOOT_MODE'), settled.level('PV_SECUREBOOT_MODE')],
      ['lenient', 'default'],
    );
    assert.match(complaintsOf(settled.judged)[0]?.fix ?? '', /pv conf file, policy, pv cmdline, env/);
  });

  it('tells of names that are no keys', () => {
    const [judged] = settle([say('pv conf file', '#PV_LOG_LEVEL', '4', '/etc/pantavisor.config:3')]).judged;
    assert.ok(judged !== undefined);
    assert.match(
      complaintOf(judged)?.message ?? '',
      /^\/etc\/pantavisor\.config:3: #PV_LOG_LEVEL="4" is not heeded: there is no such key/,
    );
  });

  it('explains who said what', () => {
    const settled = settle([
      say('env', 'PV_LOG_LEVEL', 'x', 'environment'),
      say('pv cmdline', 'log.level', '3', 'kernel command line'),
      say('oem config', 'PV_LOG_LEVEL', '2', '/trail/oem/default.config:1'),
    ]);
    const explanation = explain('log.level', settled);
    assert.deepEqual(explanation, {
      key: 'PV_LOG_LEVEL',
      alias: 'log.level',
      value: 3,
      modified: 'pv cmdline',
      said: [
        { level: 'default', place: 'built in', text: '0', refused: undefined },
        { level: 'oem config', place: '/trail/oem/default.config:1', text: '2', refused: undefined },
        { level: 'pv cmdline', place: 'kernel command line, log.level', text: '3', refused: undefined },
        {
          level: 'env',
          place: 'environment',
          text: 'x',
          refused:
            'is no whole number from -2147483648 to 2147483647; the value stays as lower levels have it',
        },
      ],
    });
    assert.equal(explain('PV_NOTHING', settled), undefined);
  });
});

describe('kernel parameters (logs and metadata §7.3)', () => {
  for (const level of ['pv conf file', 'policy', 'oem config', 'pv cmdline', 'env'] as const) {
    it(`may be set by ${level}`, () => {
      const [sysctl] = sysctlsOf(settle([say(level, 'PV_SYSCTL_NET_IPV4_IP_FORWARD', '1')]).judged);
      assert.deepEqual(sysctl?.words, ['net', 'ipv4', 'ip', 'forward']);
    });
  }
  for (const level of ['metadata', 'ph conf file', 'ph cmdline', 'args', 'default'] as const) {
    it(`may not be set by ${level} (§18 test 27)`, () => {
      const { judged } = settle([
        say(level, 'PV_SYSCTL_KERNEL_HOSTNAME', 'x'),
        say(level, 'sysctl.kernel.hostname', 'x'),
      ]);
      assert.deepEqual(sysctlsOf(judged), []);
      assert.equal(complaintsOf(judged).length, 2);
    });
  }
  for (const name of [
    'PV_SYSCTL_A_../../x',
    'PV_SYSCTL_A_.._.._B',
    'PV_SYSCTL_',
    'sysctl.',
    'sysctl.a..b',
    'sysctl.a/b',
    'sysctl.a.\0',
  ]) {
    it(`are not reached by ${JSON.stringify(name)}`, () => {
      const { judged } = settle([say('pv conf file', name, 'x')]);
      assert.deepEqual(sysctlsOf(judged), []);
      assert.match(complaintsOf(judged)[0]?.message ?? '', /names no kernel parameter/);
    });
  }
});
