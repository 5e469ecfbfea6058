/** Updates that fail, and what the device goes back to (lifecycle §13.3, §14.4–§14.6, R-07; ideas of §22 by number). */

import assert from 'node:assert/strict';
import type { Fault } from '../../machines/domain/fault.ts';
import { bootDevice, type Device, type DeviceOptions, objectOf } from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const LIVE: DeviceOptions['revisions'] = { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } };
const disk: Fault = { code: 'STORE_FAILED', message: 'the disk is full', errno: 'ENOSPC' };

describe('an update that is refused (WONTGO, lifecycle §13.3)', () => {
  afterEach(checkWorlds);

  const rows: readonly {
    readonly why: string;
    readonly target?: string;
    readonly text?: string;
    readonly signature?: string;
    readonly told: string;
  }[] = [
    { why: 'missing (75)', target: 'locals/none', told: 'State JSON not found' },
    { why: 'malformed (75)', text: '{"#spec":', told: 'State JSON has bad format' },
    {
      why: 'of a wrong signature',
      signature: 'Signature validation failed',
      told: 'Signature validation failed',
    },
    {
      why: 'not covered by its signatures',
      signature: 'State not fully covered by signatures',
      told: 'State not fully covered by signatures',
    },
    { why: 'of a signature that cannot be checked', signature: 'no such key', told: 'Internal error' },
  ];
  for (const { why, target = 'locals/b', text, signature, told } of rows) {
    it(`a revision that is ${why}: ${told}`, async () => {
      const device = await bootDevice({
        revisions: LIVE,
        signatures: (state) =>
          signature === undefined || !state.includes(objectOf('b', 2))
            ? undefined
            : { code: 'REFUSED', message: signature },
      });
      if (text !== undefined) device.store.addRevision(target, text);
      await device.command('LOCAL_RUN', target);
      assert.equal(device.store.told(target), `WONTGO ${told}`);
      assert.equal(device.updates.updating, false);
      assert.equal(device.boot.trying, undefined);
      assert.equal(device.runs, '0');
      assert.equal(device.complaints.length, 1, 'the log says why');
    });
  }

  it('is refused without a record where the name is none', async () => {
    const device = await bootDevice({ revisions: LIVE });
    for (const name of ['', '../../etc', 'locals/..', 'locals/', 'current', 'a b']) {
      await assert.rejects(device.command('LOCAL_RUN', name), /is no name of a revision/);
    }
    assert.deepEqual(device.store.names(), ['0', 'locals/b']);
  });
});

describe('an update that fails before anything moves (ERROR, lifecycle §13.4)', () => {
  afterEach(checkWorlds);

  const rows: readonly {
    readonly why: string;
    readonly arrange: (device: Device) => unknown;
    readonly told: string;
  }[] = [
    {
      why: 'the install hook exits 1 (78)',
      arrange: (device) =>
        device.failing.set('hook system-install-update', {
          code: 'START_FAILED',
          message: 'the hook exited 1',
        }),
      told: 'Internal error',
    },
    {
      why: 'the try marker cannot be set',
      arrange: (device) => device.failing.set('try locals/b', disk),
      told: 'Internal error',
    },
    {
      why: 'it cannot be installed',
      arrange: (device) => device.failing.set('install locals/b', disk),
      told: 'Internal error',
    },
    {
      why: 'an object is damaged (77)',
      arrange: (device) => device.store.corrupt(objectOf('b', 2)),
      told: 'Object validation went wrong',
    },
    {
      why: 'an object is missing (77)',
      arrange: (device) => {
        device.store.removeObject(objectOf('b', 2));
      },
      told: 'Object validation went wrong',
    },
    {
      why: 'its progress cannot be recorded',
      arrange: (device) =>
        device.failing.set(
          'progress locals/b INPROGRESS Transitioning to new revision without rebooting',
          disk,
        ),
      told: 'Internal error',
    },
  ];
  for (const { why, arrange, told } of rows) {
    it(`${why}: ${told}, nothing stops and the marker is not left`, async () => {
      const device = await bootDevice({ revisions: LIVE });
      const pids = [device.pid('a'), device.pid('b')];
      arrange(device);
      await device.command('LOCAL_RUN', 'locals/b');
      assert.equal(device.store.told('locals/b'), `ERROR ${told}`);
      assert.equal(device.boot.trying, undefined);
      assert.deepEqual([device.pid('a'), device.pid('b')], pids);
      assert.equal(device.updates.updating, false);
      device.failing.clear();
      device.add('locals/c', { a: 1, b: 3 });
      await device.command('LOCAL_RUN', 'locals/c');
      await device.pass(25);
      assert.match(device.store.told('locals/c') ?? '', /^UPDATED/);
    });
  }
});

describe('a live update that fails (R-07)', () => {
  afterEach(checkWorlds);

  const goals: DeviceOptions['revisions'] = {
    '0': { a: 1, b: 1 },
    'locals/b': { a: 1, b: { version: 2, keys: { status_goal: 'READY' } } },
  };

  it('goes back in place when a goal times out: what it did not touch keeps its process', async () => {
    const device = await bootDevice({ revisions: goals });
    const a = device.pid('a');
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(29);
    assert.equal(device.store.told('locals/b'), 'INPROGRESS Trying new revision');
    await device.pass(1);
    assert.equal(device.store.told('locals/b'), 'ERROR Status goal not reached');
    await device.pass(5);
    assert.equal(device.runs, '0');
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.equal(device.pid('a'), a);
    assert.equal(device.host.starts('b'), 3);
    assert.equal(device.boot.trying, undefined);
    assert.equal(device.reboots, 0);
    assert.equal(device.updates.updating, false);
    assert.equal(await device.store.revisions.current(), '0');
  });

  it('goes back in place when a container crashes in TESTING (31)', async () => {
    const device = await bootDevice({ revisions: LIVE });
    const a = device.pid('a');
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    await device.crash('b');
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
    await device.pass(5);
    assert.equal(device.runs, '0');
    assert.equal(device.pid('a'), a);
    assert.equal(device.reboots, 0);
    await device.crash('a');
    await device.pass(5);
    assert.equal(device.host.reboots.length, 1, 'the trial is over: the device reboots as ever (29)');
  });

  it('counts a crash of a container that it did not touch', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    await device.crash('a');
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
    await device.pass(5);
    assert.equal(device.runs, '0');
  });

  it('counts a container whose start fails in INPROGRESS', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1 }, 'locals/b': { a: 1, new: 1 } },
      ways: { new: { mountFails: { times: 1, fault: { code: 'MOUNT_FAILED', message: 'no such image' } } } },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(0);
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
    assert.equal(device.runs, '0');
    assert.deepEqual(device.statuses(), { a: 'STARTED' });
  });

  it('counts a required service that nobody exports (84)', async () => {
    const needy = { version: 2, keys: { services: { required: [{ name: 'db', type: 'unix' }] } } };
    const device = await bootDevice({ revisions: { '0': { a: 1 }, 'locals/b': { a: needy } } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(5);
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
    assert.deepEqual(device.statuses(), { a: 'STARTED' });
  });

  it('reboots with PV_UPDATER_ROLLBACK_REBOOT=1, into the last DONE revision', async () => {
    const device = await bootDevice({ revisions: LIVE, settings: { PV_UPDATER_ROLLBACK_REBOOT: true } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    await device.crash('b');
    await device.pass(5);
    assert.equal(device.leaving, true);
    assert.equal(device.boot.trying, undefined, 'cleared on the way down (lifecycle §14.4)');
    await device.reboot();
    await device.pass(0);
    assert.equal(device.runs, '0');
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
  });

  it('goes back to an UPDATED revision, and leaves it to the next boot to try that one', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1, b: 1 }, 'locals/good': { a: 1, b: 2 }, 'locals/bad': { a: 1, b: 3 } },
    });
    await device.command('LOCAL_RUN', 'locals/good');
    await device.pass(25);
    await device.command('LOCAL_RUN', 'locals/bad');
    await device.pass(5);
    await device.crash('b');
    await device.pass(5);
    assert.equal(device.runs, 'locals/good');
    assert.equal(device.boot.trying, 'locals/good');
    await device.reboot();
    await device.pass(25);
    assert.match(device.store.told('locals/good') ?? '', /^DONE/);
    assert.equal(device.boot.committed, 'locals/good');
  });

  it('reboots when it cannot go back in place', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(5);
    device.failing.set('open 0', disk);
    await device.crash('b');
    await device.pass(5);
    assert.equal(device.bareReboots.length, 1);
    device.failing.clear();
    await device.reboot();
    await device.pass(0);
    assert.equal(device.runs, '0');
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
  });

  it('goes back when the next revision cannot be opened at all', async () => {
    const device = await bootDevice({ revisions: LIVE });
    const a = device.pid('a');
    device.failing.set('open locals/b', disk);
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(5);
    assert.equal(device.store.told('locals/b'), 'ERROR Internal error');
    assert.equal(device.runs, '0');
    assert.equal(device.pid('a'), a);
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STARTED' });
  });

  it('reboots into what it has become when a container fails after UPDATED, and a failing trial then rolls back', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
    await device.crash('b');
    await device.pass(5);
    await device.reboot();
    assert.equal(device.boot.booted, 'locals/b');
    await device.pass(1);
    assert.match(device.store.told('locals/b') ?? '', /^TESTING Awaiting to set/);
    await device.crash('b');
    await device.pass(5);
    await device.reboot();
    await device.pass(0);
    assert.equal(device.runs, '0');
    assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started');
  });

  it('reboots after a failure that comes while UPDATED is being recorded, and stays UPDATED', async () => {
    const device = await bootDevice({ revisions: LIVE });
    device.slow = 'progress locals/b UPDATED Update finished, revision not set as rollback point';
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^TESTING/);
    await device.crash('b');
    await device.pass(1);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
    await device.pass(5);
    assert.equal(device.leaving, true);
  });
});
