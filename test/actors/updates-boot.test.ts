/** How a device begins with what was booted (lifecycle §14.2, §14.3), and how a supervisor goes on where another one died in
 *  the middle of an update. */

import assert from 'node:assert/strict';
import type { Fault } from '../../machines/domain/fault.ts';
import { bootDevice, Device, type DeviceOptions, objectOf, type Sketch } from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const system = (version: number): Sketch[string] => ({ version, keys: { group: 'platform' } });
const REBOOT: DeviceOptions['revisions'] = { '0': { b: system(1) }, 'locals/b': { b: system(2) } };
const LIVE: DeviceOptions['revisions'] = { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } };
const disk: Fault = { code: 'STORE_FAILED', message: 'the disk is full', errno: 'ENOSPC' };

describe('the factory revision (lifecycle §14.2)', () => {
  afterEach(checkWorlds);

  it('is DONE before any of its containers starts, and a later crash reboots (74)', async () => {
    const device = new Device({ revisions: { '0': { a: 1 } }, fresh: true });
    await device.install('0');
    await device.powerUp();
    assert.deepEqual(device.history('0'), ['INPROGRESS Trying new revision', 'DONE Factory revision']);
    assert.ok(device.steps.indexOf('done 0') < device.steps.indexOf('open 0'));
    await device.pass(0);
    await device.crash('a');
    assert.equal(device.host.reboots.length, 1);
    assert.deepEqual(device.store.told('0'), 'DONE Factory revision');
  });

  it('runs although its records cannot be written', async () => {
    const device = new Device({ revisions: { '0': { a: 1 } }, fresh: true });
    await device.install('0');
    for (const step of [
      'progress 0 INPROGRESS Trying new revision',
      'progress 0 DONE Factory revision',
      'current 0',
    ]) {
      device.failing.set(step, disk);
    }
    await device.powerUp();
    await device.pass(0);
    assert.deepEqual(device.statuses(), { a: 'STARTED' });
    assert.equal(device.complaints.length, 3);
  });

  it('asks for a reboot when it is damaged, and says so the first time', async () => {
    const device = new Device({ revisions: { '0': { a: 1 } }, fresh: true });
    await device.install('0');
    device.store.corrupt(objectOf('a', 1));
    await device.powerUp();
    assert.equal(device.bareReboots[0]?.code, 'REFUSED');
    assert.equal(device.store.told('0'), 'ERROR Object validation went wrong');
    assert.deepEqual(device.host.alive, []);
  });
});

describe('an UPDATED revision (lifecycle §13.6)', () => {
  afterEach(checkWorlds);

  it('is tried by the next boot and becomes the rollback point (73)', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    await device.reboot();
    await device.pass(25);
    assert.deepEqual(device.history('locals/b').slice(3), [
      'UPDATED Update finished, revision not set as rollback point',
      'INPROGRESS Trying new revision',
      'TESTING Awaiting to set rollback point if update is stable',
      'DONE Update finished, revision set as rollback point',
    ]);
    assert.equal(device.boot.committed, 'locals/b');
  });
});

describe('a commit that the power cut off from its record (L-24)', () => {
  afterEach(checkWorlds);

  for (const cut of [
    'progress locals/b DONE Update finished, revision set as rollback point',
    'done locals/b',
  ]) {
    it(`before ${cut}: the next boot records it`, async () => {
      const device = await bootDevice({ revisions: REBOOT });
      await device.command('LOCAL_RUN', 'locals/b');
      await device.pass(5);
      await device.reboot({ cutBefore: (step) => step === cut });
      await device.pass(25);
      assert.equal(device.powerless, true);
      assert.equal(device.boot.committed, 'locals/b');
      await device.reboot();
      await device.pass(0);
      assert.equal(device.runs, 'locals/b');
      assert.match(device.store.told('locals/b') ?? '', /^DONE/);
      assert.equal(await device.store.revisions.isDone('locals/b'), true);
    });
  }
});

describe('an update that was DONE before is run again', () => {
  afterEach(checkWorlds);

  it('is NEW until it has something to say, so that no power cut makes it good again by itself', async () => {
    const device = await bootDevice({ revisions: REBOOT });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.comeToRest();
    device.add('locals/c', { b: system(3) });
    await device.command('LOCAL_RUN', 'locals/c');
    await device.comeToRest();
    device.cutBefore = (step) => step === 'progress locals/b INPROGRESS Rebooting';
    await device.command('LOCAL_RUN', 'locals/b');
    assert.equal(device.powerless, true);
    assert.equal(device.boot.trying, 'locals/b');
    assert.equal(device.store.told('locals/b'), 'NEW Update ready to be run');
    await device.reboot();
    await device.pass(1);
    assert.match(device.store.told('locals/b') ?? '', /^TESTING/, 'it is on trial, not taken for good');
  });
});

describe('a supervisor that dies during an update (R-08)', () => {
  afterEach(checkWorlds);

  it('is followed by one that goes on with the trial: same processes, and UPDATED in the end', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    const pids = [device.pid('a'), device.pid('b')];
    await device.restart();
    await device.pass(0);
    assert.equal(device.updates.updating, true);
    assert.equal(device.runs, 'locals/b');
    assert.deepEqual([device.pid('a'), device.pid('b')], pids);
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
    assert.equal(device.reboots, 0);
  });

  it('is followed by one that still knows the way back', async () => {
    const device = await bootDevice({ revisions: LIVE });
    const a = device.pid('a');
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    await device.restart();
    await device.pass(1);
    assert.ok((await device.updates.collect({ dryRun: true })).kept.some(({ what }) => what === '0'));
    await device.crash('b');
    await device.pass(5);
    assert.equal(device.runs, '0');
    assert.equal(device.pid('a'), a);
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
  });

  it('notices what crashed while nobody looked, and goes back', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    device.kill();
    device.host.crash('b', { kind: 'code', code: 1 });
    await device.restart();
    await device.pass(5);
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
    assert.equal(device.runs, '0');
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STARTED' });
  });

  it('goes on with a trial of the boot and commits it', async () => {
    const device = await bootDevice({ revisions: REBOOT });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(5);
    await device.reboot();
    await device.pass(10);
    await device.restart();
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^DONE/);
    assert.equal(device.boot.committed, 'locals/b');
  });

  it('leaves an UPDATED revision as it is: no trial, and a failure reboots', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    await device.restart();
    await device.pass(0);
    assert.equal(device.updates.updating, false);
    assert.equal(device.runs, 'locals/b');
    assert.equal(device.boot.trying, 'locals/b');
    await device.crash('a');
    await device.pass(5);
    assert.equal(device.leaving, true);
  });
});
