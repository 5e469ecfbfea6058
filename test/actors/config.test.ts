import assert from 'node:assert/strict';
import { createConfig } from '../../actors/config.ts';
import type { Level, Saying } from '../../machines/domain/config.ts';
import type { Fault } from '../../machines/domain/fault.ts';

function say(level: Level, name: string, text: string): Saying {
  return { level, place: 'here', name, text };
}

function open(...sayings: readonly Saying[]) {
  const faults: Fault[] = [];
  const config = createConfig(sayings, (fault) => faults.push(fault));
  const standing = () => [config.value('PV_LOG_LEVEL'), config.explain('PV_LOG_LEVEL')?.modified];
  return { config, standing, complaints: () => faults.map(({ message }) => message) };
}

describe('user metadata over the configuration (logs and metadata §7.4)', () => {
  it('overrules while it is there, and leaves value and level as they were (control API §11 test 37)', () => {
    const { config, standing, complaints } = open(say('pv cmdline', 'log.level', '3'));
    config.override('PV_LOG_LEVEL', '5');
    assert.deepEqual(standing(), [5, 'metadata']);
    config.override('PV_LOG_LEVEL', '4');
    assert.deepEqual(standing(), [4, 'metadata']);
    config.override('PV_LOG_LEVEL', undefined);
    assert.deepEqual(standing(), [3, 'pv cmdline']);
    assert.deepEqual(complaints(), []);
  });

  it('may use old names, and two of one key', () => {
    const { config, standing } = open();
    config.override('log.level', '1');
    config.override('PV_LOG_LEVEL', '2');
    assert.deepEqual(standing(), [2, 'metadata']);
    config.override('log.level', '3');
    assert.deepEqual(standing(), [3, 'metadata']);
    config.override('log.level', undefined);
    assert.deepEqual(standing(), [2, 'metadata']);
    config.override('PV_LOG_LEVEL', undefined);
    assert.deepEqual(standing(), [0, 'default']);
  });

  it('gives way to a value that cannot be, with a complaint', () => {
    const { config, standing, complaints } = open(say('env', 'PV_LOG_LEVEL', '3'));
    config.override('PV_LOG_LEVEL', '5');
    config.override('PV_LOG_LEVEL', 'loud');
    assert.deepEqual(standing(), [3, 'env']);
    assert.match(complaints().join(), /^user metadata: PV_LOG_LEVEL="loud" is no whole number/);
  });

  it('reaches neither keys that it may not set nor kernel parameters (§18 tests 26, 27)', () => {
    const { config, complaints } = open();
    for (const name of [
      'PV_SECUREBOOT_MODE',
      'PV_SYSCTL_KERNEL_HOSTNAME',
      'sysctl.kernel.hostname',
      'PV_LOG_LEVL',
    ]) {
      config.override(name, 'x');
    }
    assert.equal(config.value('PV_SECUREBOOT_MODE'), 'lenient');
    assert.equal(complaints().length, 4);
    assert.ok(config.entries().every(({ modified }) => modified === 'default'));
  });

  it('is otherwise none of the configuration’s business', () => {
    const { config, complaints } = open();
    config.override('web.color', 'red');
    config.override('pvr-sdk.authorized_keys', 'ssh-ed25519');
    config.override('never.set', undefined);
    assert.deepEqual(complaints(), []);
  });

  it('outlasts another OEM file, which is there when it goes (§18 test 30)', () => {
    const { config, standing, complaints } = open(say('oem config', 'PV_LOG_LEVEL', '1'));
    config.override('PV_LOG_LEVEL', '5');
    config.replace('oem config', [
      say('oem config', 'PV_LOG_LEVEL', '2'),
      say('oem config', 'PV_WDT_MODE', 'always'),
    ]);
    assert.deepEqual(standing(), [5, 'metadata']);
    assert.match(
      complaints().join(),
      /^here: PV_WDT_MODE="always" is not heeded: this key may not be set there/,
    );
    config.override('PV_LOG_LEVEL', undefined);
    assert.deepEqual(standing(), [2, 'oem config']);
    config.replace('oem config', []);
    assert.deepEqual(standing(), [0, 'default']);
  });
});

describe('watching the configuration', () => {
  it('tells of changes of the value, and of nothing else', () => {
    const { config } = open(say('env', 'PV_LOG_LEVEL', '3'));
    const heard: unknown[] = [];
    const end = config.watch('PV_LOG_LEVEL', () => heard.push(config.value('PV_LOG_LEVEL')));
    config.override('PV_LOG_LEVEL', '4');
    config.override('PV_LOG_LEVEL', '4');
    config.override('PV_DEBUG_SSH', '0');
    config.override('PV_LOG_LEVEL', 'x');
    assert.deepEqual(heard, [4, 3]);
    end();
    config.override('PV_LOG_LEVEL', '5');
    assert.deepEqual(heard, [4, 3]);
  });
});
