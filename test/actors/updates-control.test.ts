/** What clients see of a change of revision: one device, one stream of events, and another revision from one moment to the
 *  next (lifecycle §12.4). */

import assert from 'node:assert/strict';
import { createConfig } from '../../actors/config.ts';
import { beginControl } from '../../actors/control.ts';
import { Diary } from '../../sim/diary.ts';
import { FakeDaemons } from '../../sim/fake-daemons.ts';
import { createFakeProbe } from '../../sim/fake-device-keys.ts';
import { createFakeMetadata } from '../../sim/fake-metadata.ts';
import { Device } from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

function controlOf(device: Device) {
  const { clock } = device;
  const diary = new Diary(() => clock.now(), undefined);
  const complain = () => undefined;
  return beginControl(
    {
      clock,
      wallTime: () => clock.now(),
      userMeta: () => createFakeMetadata(diary, 'user-meta', {}),
      deviceMeta: () => createFakeMetadata(diary, 'device-meta', {}),
      probe: createFakeProbe(() => clock.now()),
      daemons: new FakeDaemons({ clock, diary, installed: new Set() }).spawner(),
      wakeLock: { lock: () => true, unlock: () => true },
      complain,
    },
    {
      config: createConfig([], complain),
      initMode: 'embedded',
      life: 'life',
      version: '0',
      buildInfo: () => '',
    },
  );
}

describe('the control API over a change of revision (lifecycle §12.4)', () => {
  afterEach(checkWorlds);

  it('shows the next revision, and goes on counting its events', async () => {
    const device = new Device({ revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2, c: 1 } } });
    await device.install('0');
    const maker = controlOf(device);
    device.beside = maker;
    await device.powerUp();
    await device.pass(0);
    const control = await maker.open();
    const { supervisor } = control.loaded ?? assert.fail();
    assert.equal(control.loaded?.revisionName, '0');
    assert.equal(control.deviceMeta.get('pantavisor.revision'), '0');
    const { last } = control.events;

    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    assert.equal(control.loaded?.revisionName, 'locals/b');
    assert.deepEqual(
      control.loaded?.revision.containers.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.equal(control.loaded?.supervisor, supervisor);
    assert.equal(control.deviceMeta.get('pantavisor.revision'), 'locals/b');
    assert.equal(control.deviceMeta.get('pantavisor.status'), 'READY');
    const events = control.events.since(last) ?? assert.fail();
    const numbers = events.map(({ id }) => Number(id.slice('life-'.length)));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => (numbers[0] ?? 0) + i),
    );
    const a = events.filter(({ announcement: one }) => one.type === 'container' && one.record.name === 'a');
    assert.deepEqual(a, []);
    assert.equal(control.statistics.containers.get('a')?.starts, 1);
    assert.equal(control.statistics.containers.get('b')?.starts, 2);
    await maker.close(true);
  });
});
