/** Updates by reboot that fail at their trial, and what the device goes back to (lifecycle §14.3–§14.6; ideas of §22 by
 *  number). */

import assert from 'node:assert/strict';
import type { Fault } from '../../machines/domain/fault.ts';
import {
  bootDevice,
  type Device,
  type DeviceOptions,
  objectOf,
  type Sketch,
} from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const system = (version: number): Sketch[string] => ({ version, keys: { group: 'platform' } });
const REBOOT: DeviceOptions['revisions'] = {
  '0': { a: 1, b: system(1) },
  'locals/b': { a: 1, b: system(2) },
};
const disk: Fault = { code: 'STORE_FAILED', message: 'the disk is full', errno: 'ENOSPC' };

describe('an update by reboot that fails (lifecycle §14.4, §14.6)', () => {
  afterEach(checkWorlds);

  /** Up to the trial. */
  async function trial(options: Partial<DeviceOptions> = {}): Promise<Device> {
    const device = await bootDevice({ revisions: REBOOT, ...options });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(5);
    await device.reboot();
    return device;
  }

  it('leaves the try marker to the boot loader and to the next boot, which clears it (70)', async () => {
    const device = await trial({
      revisions: {
        '0': { b: system(1) },
        'locals/b': { b: { version: 2, keys: { group: 'platform', status_goal: 'READY' } } },
      },
    });
    await device.pass(30);
    assert.equal(device.store.told('locals/b'), 'ERROR Status goal not reached');
    await device.pass(5);
    assert.equal(device.leaving, true);
    assert.equal(device.boot.trying, 'locals/b');
    await device.reboot();
    await device.pass(0);
    assert.equal(device.runs, '0');
    assert.equal(device.boot.trying, undefined);
    assert.equal(device.store.told('locals/b'), 'ERROR Status goal not reached');
  });

  it('is an unexpected rollback when the power goes in TESTING (69)', async () => {
    const device = await trial();
    await device.pass(10);
    await device.reboot();
    await device.pass(0);
    assert.equal(device.runs, '0');
    assert.equal(device.store.told('locals/b'), 'ERROR Unexpected rollback');
    assert.equal(device.boot.trying, undefined);
  });

  it('is refused at once when it is booted again (71)', async () => {
    const device = await trial();
    await device.pass(0);
    await device.crash('b');
    await device.pass(5);
    await device.reboot();
    device.boot.insist('locals/b');
    await device.reboot();
    await device.pass(0);
    assert.equal(device.bareReboots.length, 1);
    assert.deepEqual(device.host.alive, []);
  });

  const loading: readonly {
    readonly why: string;
    readonly arrange: (device: Device) => void;
    readonly told: string;
  }[] = [
    {
      why: 'an object is damaged',
      arrange: (device) => device.store.corrupt(objectOf('b', 2)),
      told: 'Object validation went wrong',
    },
    {
      why: 'its state is malformed by now',
      arrange: (device) => device.store.addRevision('locals/b', '{'),
      told: 'State JSON has bad format',
    },
    {
      why: 'its host cannot be opened (L-22)',
      arrange: (device) => device.failing.set('open locals/b', disk),
      told: 'Internal error',
    },
  ];
  for (const { why, arrange, told } of loading) {
    it(`goes back when ${why} at the trial: ${told}`, async () => {
      const device = await bootDevice({ revisions: REBOOT });
      await device.command('LOCAL_RUN', 'locals/b');
      await device.pass(5);
      arrange(device);
      await device.reboot();
      await device.pass(0);
      assert.equal(device.store.told('locals/b'), `ERROR ${told}`);
      assert.equal(device.leaving, true);
      assert.equal(device.boot.trying, 'locals/b');
      await device.reboot();
      await device.pass(0);
      assert.equal(device.runs, '0');
      assert.equal(device.store.told('locals/b'), `ERROR ${told}`);
    });
  }

  it('goes back when it cannot be committed', async () => {
    const device = await trial();
    device.failing.set('commit locals/b', disk);
    await device.pass(25);
    assert.equal(device.store.told('locals/b'), 'ERROR Internal error');
    device.failing.clear();
    await device.pass(5);
    await device.reboot();
    await device.pass(0);
    assert.equal(device.runs, '0');
  });

  it('is good all the same when the hook fails after its commit (lifecycle §17)', async () => {
    const device = await trial();
    device.failing.set('hook system-boot-done', { code: 'START_FAILED', message: 'the hook exited 1' });
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^DONE/);
    assert.deepEqual(
      device.complaints.map(({ message }) => message),
      ['the hook exited 1'],
    );
    assert.equal(device.updates.updating, false);
  });

  it('does not end the device when it is the rollback point itself that fails', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1 } } });
    await device.command('LOCAL_RUN_COMMIT', '0');
    await device.pass(5);
    await device.reboot();
    await device.pass(1);
    await device.crash('a');
    await device.comeToRest();
    assert.equal(device.runs, '0');
    assert.deepEqual(device.statuses(), { a: 'STARTED' });
    assert.equal(device.boot.trying, undefined);
    assert.equal(device.store.told('0'), 'ERROR A container could not be started');
  });

  it('goes back past UPDATED revisions to the last that is DONE (72, lifecycle §14.5)', async () => {
    const device = await bootDevice({
      revisions: {
        '0': { a: 1, b: system(1) },
        'locals/reboot': { a: 1, b: system(2) },
        'locals/nonreboot': { a: 2, b: system(2) },
        'locals/error': { a: 2, b: system(3) },
      },
    });
    await device.command('LOCAL_RUN', 'locals/reboot');
    await device.comeToRest();
    await device.command('LOCAL_RUN', 'locals/nonreboot');
    await device.pass(25);
    assert.match(device.store.told('locals/nonreboot') ?? '', /^UPDATED/);
    await device.command('LOCAL_RUN', 'locals/error');
    await device.pass(5);
    await device.reboot();
    await device.pass(1);
    await device.crash('b');
    await device.comeToRest();
    assert.equal(device.runs, 'locals/reboot');
    assert.match(device.store.told('locals/error') ?? '', /^ERROR/);
  });
});
