/** Updates from the command to the final status, on fakes in virtual time (lifecycle §13, §14; ideas of §22 by number). */

import assert from 'node:assert/strict';
import { bootDevice, type DeviceOptions } from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const REBOOTS = { keys: { group: 'platform' } } as const;

describe('a live update (lifecycle §13.4)', () => {
  afterEach(checkWorlds);

  const revisions: DeviceOptions['revisions'] = { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } };

  it('ends UPDATED, keeps the try marker and the processes it does not touch (65)', async () => {
    const device = await bootDevice({ revisions });
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STARTED' });
    const [a, b] = [device.pid('a'), device.pid('b')];
    await device.command('LOCAL_RUN', 'locals/b');
    assert.equal(device.updates.updating, true);
    await device.pass(24);
    assert.equal(device.store.told('locals/b'), 'TESTING Awaiting to see if update is stable');
    await device.pass(1);
    assert.deepEqual(device.history('locals/b'), [
      'INPROGRESS Transitioning to new revision without rebooting',
      'INPROGRESS Trying new revision',
      'TESTING Awaiting to see if update is stable',
      'UPDATED Update finished, revision not set as rollback point',
    ]);
    assert.equal(device.updates.updating, false);
    assert.equal(device.boot.trying, 'locals/b');
    assert.equal(device.boot.committed, '0');
    assert.equal(device.pid('a'), a);
    assert.notEqual(device.pid('b'), b);
    assert.equal(device.runs, 'locals/b');
    assert.equal(device.states.at(-1)?.revisionName, 'locals/b');
  });
});

describe('live updates in a row (lifecycle §13.6)', () => {
  afterEach(checkWorlds);

  it('each end UPDATED, and the next boot makes the last one DONE (63)', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1 }, 'locals/1': { a: 2 }, 'locals/2': { a: 3 }, 'locals/3': { a: 4 } },
    });
    for (const name of ['locals/1', 'locals/2', 'locals/3']) {
      await device.command('LOCAL_RUN', name);
      await device.pass(25);
      assert.match(device.store.told(name) ?? '', /^UPDATED/);
    }
    await device.reboot();
    await device.pass(25);
    assert.match(device.store.told('locals/3') ?? '', /^DONE/);
    assert.match(device.store.told('locals/2') ?? '', /^UPDATED/);
    assert.equal(device.boot.committed, 'locals/3');
  });

  it('go back to a revision that ran before, too', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1, b: 1 }, 'locals/1': { a: 1, b: 2 } } });
    const a = device.pid('a');
    for (const name of ['locals/1', '0']) {
      await device.command('LOCAL_RUN', name);
      await device.pass(25);
      assert.match(device.store.told(name) ?? '', /^UPDATED/);
    }
    assert.equal(device.pid('a'), a);
    await device.reboot();
    await device.pass(25);
    assert.match(device.store.told('0') ?? '', /^(DONE|UPDATED)/);
    assert.equal(device.runs, '0');
    assert.equal(device.boot.trying, undefined);
  });
});

describe('an update by reboot (lifecycle §13.4)', () => {
  afterEach(checkWorlds);

  const revisions: DeviceOptions['revisions'] = {
    '0': { a: { version: 1, ...REBOOTS } },
    'locals/b': { a: { version: 2, ...REBOOTS } },
  };

  it('ends DONE as the rollback point (64)', async () => {
    const device = await bootDevice({ revisions });
    await device.command('LOCAL_RUN', 'locals/b');
    assert.deepEqual(
      [device.departures, device.host.alive],
      [['reboot'], ['a']],
      'told before anything has stopped',
    );
    await device.pass(5);
    assert.deepEqual(device.departures, ['reboot']);
    assert.equal(device.leaving, true);
    assert.equal(device.boot.trying, 'locals/b');
    await device.reboot();
    assert.equal(device.boot.booted, 'locals/b');
    await device.pass(25);
    assert.deepEqual(device.history('locals/b'), [
      'INPROGRESS Rebooting',
      'INPROGRESS Trying new revision',
      'TESTING Awaiting to set rollback point if update is stable',
      'DONE Update finished, revision set as rollback point',
    ]);
    assert.equal(device.boot.committed, 'locals/b');
    assert.equal(device.boot.trying, undefined);
    assert.equal(await device.store.revisions.isDone('locals/b'), true);
    assert.deepEqual(
      device.hooks.runs.map(({ point, tryBoot }) => `${point} ${tryBoot}`),
      ['system-install-update false', 'system-boot-done true'],
    );
  });
});
