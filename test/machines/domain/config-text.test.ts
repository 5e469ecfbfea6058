import assert from 'node:assert/strict';
import { entriesOf, type Level, settle } from '../../../machines/domain/config.ts';
import { CONFIG_ROWS } from '../../../machines/domain/config-keys.ts';
import { configJson, legacyConfigJson } from '../../../machines/domain/config-text.ts';

function entries(...said: readonly (readonly [level: Level, name: string, text: string])[]) {
  return entriesOf(settle(said.map(([level, name, text]) => ({ level, place: 'here', name, text }))));
}

/** One value as `/config2` tells it. */
function told(level: Level, name: string, text: string): unknown {
  const all = JSON.parse(configJson(entries([level, name, text]))) as readonly { key: string }[];
  return all.find(({ key }) => key === name);
}

describe('GET /config (control API §6.10)', () => {
  it('has old names in table order with typed values', () => {
    const text = legacyConfigJson(
      entries(
        ['env', 'PV_DEBUG_SSH', 'no'],
        ['env', 'PV_SYSTEM_INIT_MODE', 'appengine'],
        ['metadata', 'log.level', '4'],
      ),
    );
    assert.ok(
      text.startsWith(
        '{"creds.host":"api.pantahub.com","creds.id":null,"creds.port":443,"creds.proxy.host":null,',
      ),
    );
    assert.ok(text.endsWith('"wdt.mode":1,"wdt.timeout":15,"xconnect.dbus.systembus.enabled":true}'));
    for (const member of [
      '"debug.ssh":false,',
      '"log.level":4,',
      '"system.init.mode":2,',
      '"log.server.outputs":132,',
      '"power.wake.interval":3600,',
      '"bootloader.type":0,',
      '"secureboot.mode":2,',
      '"power.mode":1,',
      '"cache.usrmetadir":"/storage/cache/meta",',
    ]) {
      assert.ok(text.includes(member), member);
    }
    const names = Object.keys(JSON.parse(text) as object);
    assert.deepEqual(
      names,
      CONFIG_ROWS.flatMap(({ aliases }) => aliases.slice(0, 1)),
    );
  });
});

describe('GET /config2 (control API §6.10)', () => {
  it('has all keys in table order, as texts', () => {
    const text = configJson(entries(['env', 'PV_SECUREBOOT_MODE', 'strict']));
    assert.ok(
      text.startsWith(
        '[{"key":"PH_CREDS_HOST","value":"api.pantahub.com","modified":"default"},{"key":"PH_CREDS_ID","value":"(null)","modified":"default"},',
      ),
    );
    assert.ok(text.includes('{"key":"PV_SECUREBOOT_MODE","value":"strict","modified":"env"}'));
    const all = JSON.parse(text) as readonly { key: string; value: unknown }[];
    assert.deepEqual(
      all.map(({ key }) => key),
      CONFIG_ROWS.map(({ key }) => key),
    );
    assert.ok(all.every(({ value }) => typeof value === 'string'));
  });

  const cases: readonly [level: Level, key: string, text: string, value: string][] = [
    ['env', 'PV_DEBUG_SHELL', 'off', '0'],
    ['pv cmdline', 'PV_DEBUG_SHELL', 'yes', '1'],
    ['metadata', 'PV_POWER_WAKE_INTERVAL', '10min', '600'],
    ['pv conf file', 'PV_LOG_SERVER_OUTPUTS', 'filetree', '132'],
    ['env', 'PV_LOG_TIMESTAMP', 'absolute', 'absolute'],
    ['ph cmdline', 'PH_CREDS_SECRET', 'hunter2', 'hunter2'],
    ['env', 'PV_NET_BRDEV', 'a"\\/\u0001\n', 'a"\\/\u0001\n'],
    ['env', 'PV_NET_BRDEV', '', ''],
    ['env', 'PV_NET_BRDEV', 'x'.repeat(255), 'x'.repeat(255)],
    ['env', 'PV_NET_BRDEV', 'x'.repeat(256), 'x'.repeat(255)],
    ['env', 'PV_NET_BRDEV', `${'x'.repeat(254)}é`, 'x'.repeat(254)],
    ['env', 'PV_NET_BRDEV', `${'x'.repeat(251)}😀😀`, `${'x'.repeat(251)}😀`],
  ];
  for (const [level, key, text, value] of cases) {
    it(`tells ${key}=${text.length > 40 ? `${text.length} characters` : JSON.stringify(text)}`, () => {
      assert.deepEqual(told(level, key, text), { key, value, modified: level });
    });
  }

  it('spells control characters as the reference does (control API §5)', () => {
    assert.ok(configJson(entries(['env', 'PV_NET_BRDEV', '\u001f/"'])).includes('"value":"\\u001F/\\""'));
  });
});
