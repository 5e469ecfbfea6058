/** A change of revision under a running supervisor (lifecycle §12.4): what stays is not disturbed, nothing that happens in
 *  the middle of it is lost, and those who listen hear one story. */

import assert from 'node:assert/strict';
import type { Announcement } from '../../machines/domain/report.ts';
import { settle } from '../../sim/clock.ts';
import {
  bootDevice,
  type ContainerSketch,
  Device,
  type DeviceOptions,
  type Sketch,
  stateOf,
} from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const retrying = (keys: object = {}): ContainerSketch => ({
  version: 1,
  keys: {
    auto_recovery: { policy: 'on-failure', max_retries: 5, retry_delay: 8, backoff_factor: 1 },
    ...keys,
  },
});

/** From a device that runs `first` into the middle of the change to `{ ...first, other: 1 }`: the supervisor of the running
 *  revision has let go, that of the next one has not begun. `go` ends the change. */
async function inTheMiddle(
  first: Sketch,
  {
    before,
    ...options
  }: Partial<DeviceOptions> & { readonly before?: (device: Device) => Promise<void> } = {},
): Promise<{ device: Device; go: () => Promise<void> }> {
  const device = await bootDevice({
    revisions: { '0': first, 'locals/b': { ...first, other: 1 } },
    ...options,
  });
  await before?.(device);
  device.slow = 'open locals/b';
  await device.command('LOCAL_RUN', 'locals/b');
  assert.equal(device.store.told('locals/b'), 'INPROGRESS Transitioning to new revision without rebooting');
  return { device, go: () => device.pass(1) };
}

const about = (told: readonly Announcement[], container: string): string[] =>
  told.flatMap((one) =>
    one.type === 'container' && one.record.name === container
      ? [`${one.from ?? '-'} → ${one.record.status}`]
      : [],
  );

describe('a change of revision (lifecycle §12.4)', () => {
  afterEach(checkWorlds);

  it('restarts what differs, starts what is new, stops what is gone, and touches nothing else', async () => {
    const device = await bootDevice({
      revisions: { '0': { gone: 1, same: 1, other: 1 }, 'locals/b': { new: 1, other: 2, same: 1 } },
    });
    const told = device.told.length;
    const pid = device.pid('same');
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(5);
    assert.deepEqual(device.statuses(), { new: 'STARTED', other: 'STARTED', same: 'STARTED' });
    assert.equal(device.pid('same'), pid);
    assert.deepEqual(
      ['gone', 'same', 'other', 'new'].map((name) => device.host.starts(name)),
      [1, 1, 2, 1],
    );
    const later = device.told.slice(told);
    assert.deepEqual(about(later, 'same'), []);
    assert.deepEqual(about(later, 'gone'), ['STARTED → STOPPING', 'STOPPING → STOPPED']);
    assert.deepEqual(about(later, 'other'), [
      'STARTED → STOPPING',
      'STOPPING → STOPPED',
      'STOPPED → INSTALLED',
      'INSTALLED → MOUNTED',
      'MOUNTED → STARTING',
      'STARTING → STARTED',
    ]);
    assert.deepEqual(about(later, 'new')[0], '- → INSTALLED');
    assert.deepEqual(
      later.filter(({ type }) => type === 'device'),
      [],
    );
  });

  it('restarts in a second one only what the second one changes', async () => {
    const device = await bootDevice({
      revisions: {
        '0': { a: 1, b: 1, c: 1 },
        'locals/b': { a: 1, b: 2, c: 1 },
        'locals/c': { a: 1, b: 2, c: 2 },
      },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    const pids = ['a', 'b'].map((name) => device.pid(name));
    await device.command('LOCAL_RUN', 'locals/c');
    await device.pass(25);
    assert.match(device.store.told('locals/c') ?? '', /^UPDATED/);
    assert.deepEqual(
      ['a', 'b'].map((name) => device.pid(name)),
      pids,
    );
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => device.host.starts(name)),
      [1, 2, 2],
    );
  });

  it('waits out the grace of what ignores its halt, and kills it', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } },
      ways: { b: { ignoresHalt: true } },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(4);
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STOPPING' });
    await device.pass(1);
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.equal(device.host.calls.filter((call) => call === 'kill b').length, 1);
  });

  it('replaces a container that is only mounted: unmounted, then mounted once (62)', async () => {
    const mounted = (version: number) => ({ version, keys: { status_goal: 'MOUNTED' } });
    const device = await bootDevice({ revisions: { '0': { m: mounted(1) }, 'locals/b': { m: mounted(2) } } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
    assert.deepEqual(device.host.calls, ['mount m', 'unmount m', 'mount m']);
  });

  it('starts what the user had stopped when it is replaced (54), and leaves it stopped when it is not', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } } });
    for (const name of ['a', 'b']) device.updates.supervisor.send({ type: 'container.stop', name });
    await device.pass(0);
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    assert.deepEqual(device.statuses(), { a: 'STOPPED', b: 'STARTED' });
    assert.equal(device.record('a')?.stopReason, 'user');
    assert.match(
      device.store.told('locals/b') ?? '',
      /^UPDATED/,
      'one that the user stopped holds nothing up (53)',
    );
  });

  it('stops nothing where nothing that counts differs (55)', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1 } } });
    const text = (await device.store.revisions.state('0')) ?? '';
    device.store.addRevision('locals/b', text.replace('{', '{"a/src.json":{"v":2},'));
    const pid = device.pid('a');
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
    assert.equal(device.pid('a'), pid);
  });

  it('keeps counters and deadlines of what recovers', async () => {
    const { device, go } = await inTheMiddle(
      { a: retrying() },
      {
        before: async (running) => {
          await running.crash('a');
          await running.pass(2);
        },
      },
    );
    await go();
    assert.equal(device.record('a')?.status, 'RECOVERING');
    assert.equal(device.record('a')?.retries, 1);
    await device.pass(4);
    assert.equal(device.record('a')?.status, 'RECOVERING');
    await device.pass(1);
    assert.equal(device.record('a')?.status, 'STARTED');
  });

  it('is given up when the device is told to stop, and leaves the record as it is', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } },
      ways: { b: { halt: 2_000 } },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(1);
    device.updates.supervisor.send({ type: 'device.stop' });
    await device.pass(5);
    assert.equal(device.updates.supervisor.phase(), 'stopped');
    assert.deepEqual(device.host.alive, []);
    assert.equal(device.store.told('locals/b'), 'INPROGRESS Transitioning to new revision without rebooting');
  });
});

describe('in the middle of a change (lifecycle §12.4)', () => {
  afterEach(checkWorlds);

  it('an exit is not lost', async () => {
    const { device, go } = await inTheMiddle({ a: retrying() });
    await device.crash('a');
    assert.equal(device.record('a')?.status, 'STARTED');
    const told = device.told.length;
    await go();
    assert.equal(device.record('a')?.status, 'RECOVERING');
    assert.equal(device.record('a')?.retries, 1);
    assert.deepEqual(about(device.told.slice(told), 'a'), ['STARTED → STOPPED', 'STOPPED → RECOVERING']);
  });

  it('a readiness signal is not lost', async () => {
    const { device, go } = await inTheMiddle({ a: { version: 1, keys: { status_goal: 'READY' } } });
    assert.deepEqual(device.updates.supervisor.send({ type: 'signal.ready', name: 'a' }), { ok: true });
    await go();
    assert.equal(device.record('a')?.status, 'READY');
  });

  it('orders are answered as at any time, and carried out after it', async () => {
    const { device, go } = await inTheMiddle({ a: 1 });
    const { supervisor } = device.updates;
    assert.equal(supervisor.phase(), 'running');
    assert.deepEqual(device.statuses(), { a: 'STARTED' });
    assert.equal(supervisor.send({ type: 'container.stop', name: 'none' }).ok, false);
    assert.deepEqual(supervisor.send({ type: 'container.stop', name: 'a' }), { ok: true });
    await go();
    await device.pass(0);
    assert.deepEqual(device.statuses(), { a: 'STOPPED', other: 'STARTED' });
  });

  it('a request to load drivers waits for it', async () => {
    const a = { version: 1, keys: { drivers: { manual: ['can'] } } };
    const withDrivers = (sketch: Sketch) =>
      stateOf(sketch).replace('{', '{"bsp/drivers.json":{"all":{"can":["can_raw"]}},');
    const device = new Device({ revisions: { '0': { a }, 'locals/b': { a, other: 1 } } });
    device.store.addRevision('0', withDrivers({ a }));
    device.store.addRevision('locals/b', withDrivers({ a, other: 1 }));
    await device.install('0');
    await device.powerUp();
    await device.pass(0);
    device.slow = 'open locals/b';
    await device.command('LOCAL_RUN', 'locals/b');
    const { drivers } = device.states.at(-1) ?? assert.fail();
    assert.deepEqual(drivers.list('a'), [{ name: 'can', type: 'MANUAL', status: 'UNLOADED' }]);
    const loaded = drivers.load('a', 'can');
    await settle();
    assert.deepEqual([...device.host.modules], []);
    await device.pass(1);
    await loaded;
    assert.deepEqual([...device.host.modules], ['can_raw']);
  });

  it('the end of the device waits for it', async () => {
    const { device, go } = await inTheMiddle({ a: 1 });
    device.updates.supervisor.send({ type: 'device.stop' });
    await go();
    await device.pass(5);
    assert.equal(device.updates.supervisor.phase(), 'stopped');
    assert.deepEqual(device.host.alive, []);
  });

  it('a mount that is given up is undone before the next supervisor looks', async () => {
    const { device, go } = await inTheMiddle({ a: 1, slow: 1 }, { ways: { slow: { mount: 10_000 } } });
    await go();
    await device.pass(30);
    assert.deepEqual(device.statuses(), { a: 'STARTED', slow: 'STARTED', other: 'STARTED' });
  });
});

describe('what an update takes down', () => {
  afterEach(checkWorlds);

  it('takes no orders until it is replaced', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2 } },
      ways: { b: { halt: 2_000 } },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    const { supervisor } = device.updates;
    assert.deepEqual(supervisor.send({ type: 'container.start', name: 'b' }), {
      ok: false,
      code: 'conflict',
      message: 'Container is being replaced by an update',
    });
    assert.equal(supervisor.send({ type: 'container.restart', name: 'a' }).ok, true);
    await settle();
    await device.pass(10);
    assert.deepEqual(device.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.equal(supervisor.send({ type: 'container.restart', name: 'b' }).ok, true);
  });
});

describe('the end of a trial (lifecycle §13.6)', () => {
  afterEach(checkWorlds);

  const stable = (version: number): ContainerSketch => ({
    version,
    keys: { auto_recovery: { policy: 'on-failure', max_retries: 3, retry_delay: 5, stable_timeout: 30 } },
  });

  it('waits for stability after the commit delay, and says so (67)', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1 }, 'locals/b': { a: stable(2) } } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(24);
    assert.equal(device.store.told('locals/b'), 'TESTING Awaiting to see if update is stable');
    await device.pass(1);
    assert.equal(device.store.told('locals/b'), 'TESTING Waiting for all containers to become stable');
    await device.pass(4);
    assert.match(device.store.told('locals/b') ?? '', /^TESTING/);
    await device.pass(1);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
  });

  it('waits anew for a container that crashes and recovers (68)', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1 }, 'locals/b': { a: stable(2) } } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(20);
    await device.crash('a');
    await device.pass(5);
    assert.equal(device.record('a')?.status, 'STARTED');
    await device.pass(29);
    assert.match(device.store.told('locals/b') ?? '', /^TESTING Waiting/);
    await device.pass(1);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
  });

  it('waits for a container that crashes while it is waited for', async () => {
    const device = await bootDevice({ revisions: { '0': { a: 1 }, 'locals/b': { a: stable(2) } } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(28);
    await device.crash('a');
    await device.pass(5 + 29);
    assert.match(device.store.told('locals/b') ?? '', /^TESTING Waiting/);
    await device.pass(1);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
  });

  it('is not held up by one that the user stops (53)', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: stable(2), b: 1 } },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(26);
    device.updates.supervisor.send({ type: 'container.stop', name: 'a' });
    await device.pass(0);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
  });

  it('comes at once without a commit delay', async () => {
    const device = await bootDevice({
      revisions: { '0': { a: 1 }, 'locals/b': { a: 2 } },
      settings: { PV_UPDATER_COMMIT_DELAY: 0 },
    });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(0);
    assert.match(device.store.told('locals/b') ?? '', /^UPDATED/);
  });

  it('gives the containers their backoff policy back', async () => {
    const patient = {
      version: 2,
      keys: {
        auto_recovery: { policy: 'on-failure', max_retries: 1, retry_delay: 1, backoff_policy: 'never' },
      },
    };
    const device = await bootDevice({ revisions: { '0': { a: 1 }, 'locals/b': { a: patient } } });
    await device.command('LOCAL_RUN', 'locals/b');
    await device.pass(25);
    for (let crash = 0; crash < 2; crash += 1) {
      await device.crash('a');
      await device.pass(1);
    }
    assert.equal(device.record('a')?.stopReason, 'gaveUp');
    assert.equal(device.reboots, 0);
  });
});
