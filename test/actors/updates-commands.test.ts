/** Commands on revisions (control API §6.5, lifecycle §13.4, §15, §16). */

import assert from 'node:assert/strict';
import { createCommands } from '../../actors/commands.ts';
import {
  bootDevice,
  type Device,
  type DeviceOptions,
  objectOf,
  type Sketch,
} from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const LIVE: DeviceOptions['revisions'] = { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } };
const system = (version: number): Sketch[string] => ({ version, keys: { group: 'platform' } });

/** The slot of `POST /commands` of the device. */
function slotOf(device: Device) {
  return createCommands({
    supervisor: () => device.updates.supervisor,
    config: {
      value: (key) => device.settings[key] as never,
      entries: () => [],
      explain: () => undefined,
      override: () => undefined,
      watch: () => () => undefined,
    },
    clock: device.clock,
    complain: (fault) => device.complaints.push(fault),
    revisions: device.updates,
  });
}
const body = (op: string, payload: string) => JSON.stringify({ op, payload });

describe('LOCAL_RUN_COMMIT (lifecycle §13.4)', () => {
  afterEach(checkWorlds);

  it('makes even a change that needs no reboot end in DONE', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN_COMMIT', 'locals/b');
    await device.pass(5);
    assert.equal(device.leaving, true);
    await device.reboot();
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^DONE/);
  });

  it('does not reboot when the installation failed (L-13)', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN_COMMIT', 'locals/none');
    await device.pass(10);
    assert.equal(device.reboots, 0);
  });
});

describe('commands while an update exists (lifecycle §15)', () => {
  afterEach(checkWorlds);

  it('answers 503 with Retry-After 600 from the take-up to the final status, and not a moment longer (76)', async () => {
    const device = await bootDevice({ revisions: LIVE });
    const slot = slotOf(device);
    const refused = {
      status: 503,
      error: 'Cannot do this operation while update is ongoing',
      retryAfterSeconds: 600,
    };
    assert.deepEqual(await slot.submit(body('LOCAL_RUN', 'locals/b')), { status: 200 });
    await device.pass(0);
    for (const op of ['LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'REBOOT_DEVICE', 'POWEROFF_DEVICE']) {
      assert.deepEqual(await slot.submit(body(op, 'locals/c')), refused, op);
    }
    assert.deepEqual(await slot.submit(body('RUN_GC', '')), { status: 200 });
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
    device.add('locals/c', { a: 1, b: 3 });
    assert.deepEqual(await slot.submit(body('LOCAL_RUN', 'locals/c')), { status: 200 });
    await device.pass(25);
    assert.match(device.store.told('locals/c') ?? '', /^UPDATED/);
  });

  it('refuses a second update that comes past the slot', async () => {
    const device = await bootDevice({ revisions: LIVE });
    await device.command('LOCAL_RUN', 'locals/b');
    await assert.rejects(device.command('LOCAL_RUN', '0'), /an update is under way/);
  });

  it('frees the slot when a name is refused, and says why', async () => {
    const device = await bootDevice({ revisions: LIVE });
    const slot = slotOf(device);
    assert.deepEqual(await slot.submit(body('LOCAL_RUN', '../x')), { status: 200 });
    await device.pass(0);
    assert.match(device.complaints[0]?.message ?? '', /no name of a revision/);
    assert.deepEqual(await slot.submit(body('LOCAL_RUN', 'locals/b')), { status: 200 });
  });
});

describe('MAKE_FACTORY (control API §6.5)', () => {
  afterEach(checkWorlds);

  const revisions: DeviceOptions['revisions'] = {
    '0': { a: system(1) },
    'locals/b': { a: system(2) },
    'locals/c': { a: system(3) },
  };
  async function onB(): Promise<Device> {
    const device = await bootDevice({ revisions });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.comeToRest();
    assert.equal(device.boot.committed, 'locals/b');
    return device;
  }
  const factory = (device: Device) => device.store.revisions.state('0');

  it('makes revision 0 of the running one and runs it', async () => {
    const device = await onB();
    await device.command('MAKE_FACTORY');
    await device.comeToRest();
    assert.equal(await factory(device), await device.store.revisions.state('locals/b'));
    assert.equal(device.runs, '0');
    assert.match(device.store.told('0') ?? '', /^UPDATED/);
    await device.reboot();
    await device.comeToRest();
    assert.equal(device.boot.committed, '0');
    assert.match(device.store.told('0') ?? '', /^DONE/);
  });

  it('makes revision 0 of another one; if that one fails, the device is back where it was', async () => {
    const device = await onB();
    await device.command('MAKE_FACTORY', 'locals/c');
    await device.pass(5);
    await device.reboot();
    await device.pass(1);
    await device.crash('a');
    await device.comeToRest();
    assert.equal(device.runs, 'locals/b');
  });

  const refusals: readonly { readonly why: string; readonly source: string; readonly reason: RegExp }[] = [
    { why: 'an unknown revision', source: 'locals/none', reason: /State JSON not found/ },
    { why: 'revision 0 itself', source: '0', reason: /the factory revision already/ },
    { why: 'no name of a revision', source: '../..', reason: /no name of a revision/ },
  ];
  for (const { why, source, reason } of refusals) {
    it(`leaves revision 0 as it is when the source is ${why}`, async () => {
      const device = await onB();
      const before = await factory(device);
      await assert.rejects(device.command('MAKE_FACTORY', source), reason);
      assert.equal(await factory(device), before);
      assert.match(device.store.told('0') ?? '', /^DONE/);
      assert.equal(device.updates.updating, false);
    });
  }

  it('leaves revision 0 as it is when the source is damaged', async () => {
    const device = await onB();
    const before = await factory(device);
    device.add('locals/bad', { a: system(9) });
    device.store.corrupt(objectOf('a', 9));
    await assert.rejects(device.command('MAKE_FACTORY', 'locals/bad'), /not what its state says/);
    assert.equal(await factory(device), before);
  });

  it('leaves revision 0 as it is while the device may have to go back to it', async () => {
    const device = await bootDevice({ revisions });
    await assert.rejects(device.command('MAKE_FACTORY', 'locals/b'), /runs or goes back to/);
    assert.match(device.store.told('0') ?? '', /^DONE/);
  });
});

describe('garbage collection (lifecycle §16)', () => {
  afterEach(checkWorlds);

  const many: DeviceOptions['revisions'] = {
    '0': { a: system(1), b: 1 },
    'locals/done': { a: system(2), b: 1 },
    'locals/live': { a: system(2), b: 2 },
    'locals/next': { a: system(2), b: 3 },
    'locals/old': { a: system(2), b: 4 },
  };
  const roots = async (device: Device) =>
    (await device.updates.collect({ dryRun: true })).kept.map(({ what, because }) => `${what}: ${because}`);

  it('keeps what runs, what is committed, what is on trial and where that goes back to (82)', async () => {
    const device = await bootDevice({ revisions: many });
    await device.command('LOCAL_RUN', 'locals/done');
    await device.comeToRest();
    await device.command('LOCAL_RUN', 'locals/live');
    await device.pass(30);
    await device.command('LOCAL_RUN', 'locals/next');
    await device.pass(5);
    assert.deepEqual(await roots(device), [
      'locals/next: it runs',
      'locals/live: the update under way goes back to it when it fails',
      'locals/done: it is the rollback point',
    ]);
    await device.command('RUN_GC');
    assert.deepEqual(device.store.names(), ['locals/done', 'locals/live', 'locals/next']);
    await device.pass(30);
    assert.match(device.store.told('locals/next') ?? '', /^UPDATED/);
    assert.deepEqual(await roots(device), ['locals/next: it runs', 'locals/done: it is the rollback point']);
  });

  it('keeps the factory revision with PV_STORAGE_GC_KEEP_FACTORY', async () => {
    const device = await bootDevice({ revisions: many, settings: { PV_STORAGE_GC_KEEP_FACTORY: true } });
    await device.command('LOCAL_RUN', 'locals/done');
    await device.comeToRest();
    assert.deepEqual(await roots(device), ['locals/done: it runs', '0: it is the factory revision']);
  });

  it('keeps a revision whose own storage a surviving container has mounted (L-30)', async () => {
    const k = { version: 1, keys: { storage: { notes: { persistence: 'revision' } } } };
    const device = await bootDevice({
      revisions: {
        '0': { a: 1 },
        'locals/one': { a: 1, k },
        'locals/two': { a: 2, k },
        'locals/three': { a: 3, k },
        'locals/four': { a: 3 },
      },
    });
    for (const name of ['locals/one', 'locals/two', 'locals/three']) {
      await device.command('LOCAL_RUN', name);
      await device.pass(30);
    }
    assert.deepEqual(await roots(device), [
      'locals/three: it runs',
      '0: it is the rollback point',
      'locals/one: a running container has its storage mounted',
    ]);
    await device.restart();
    await device.pass(0);
    assert.equal((await roots(device)).length, 5, 'the next supervisor does not know which, and keeps all');
    await device.command('LOCAL_RUN', 'locals/four');
    await device.pass(30);
    assert.deepEqual(await roots(device), ['locals/four: it runs', '0: it is the rollback point']);
  });
});
