/** The transition table of a container, row by row (lifecycle §2.2), as it is announced. One table, so one file. */

import assert from 'node:assert/strict';
import type { Exit } from '../../machines/domain/recovery.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { STATUSES } from '../../machines/domain/status.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds, type WorldOptions } from '../support/world.ts';

const FAILED: Exit = { kind: 'code', code: 7 };
const one = (parts: Partial<ContainerSpec> = {}) => revisionOf({ g1: { containers: { a: parts } } });
const bootOne = (parts: Partial<ContainerSpec> = {}, options: WorldOptions = {}) => boot(one(parts), options);
const startFault = { code: 'START_FAILED', message: 'start a: no init' } as const;

describe('the transition table of a container (lifecycle §2.2)', () => {
  afterEach(checkWorlds);

  it('row 1: a valid run.json → INSTALLED', async () => {
    const world = await bootOne({}, { ways: { a: { mount: 100 } } });
    assert.deepEqual(world.timeline('a'), ['0 INSTALLED']);
    await world.pass(100);
  });

  it('row 2: INSTALLED → BLOCKED while a previous group is unachieved', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {} } }, g2: { containers: { b: {} } } }), {
      ways: { a: { start: 100 } },
    });
    assert.deepEqual(world.path('b'), ['INSTALLED', 'BLOCKED']);
    assert.deepEqual(world.host.calls, ['mount a', 'start a']);
  });

  it('row 3: INSTALLED, BLOCKED → MOUNTED when all previous groups are achieved', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {} } }, g2: { containers: { b: {} } } }), {
      ways: { a: { start: 100 }, b: { mount: 20, start: 20 } },
    });
    await world.pass(200);
    assert.deepEqual(world.timeline('a'), ['0 INSTALLED', '0 MOUNTED', '0 STARTING', '100 STARTED']);
    assert.deepEqual(world.timeline('b'), [
      '0 INSTALLED',
      '0 BLOCKED',
      '120 MOUNTED',
      '120 STARTING',
      '140 STARTED',
    ]);
  });

  it('row 3: a mount that fails leaves the status unchanged and fails the container', async () => {
    const fault = { code: 'MOUNT_FAILED', message: 'mount root.squashfs: EINVAL' } as const;
    const world = await bootOne({}, { ways: { a: { mountFails: { fault, times: 1 } } } });
    assert.deepEqual(world.path('a'), ['INSTALLED', 'STOPPED']);
    assert.equal(world.record('a').stopReason, 'system');
    assert.deepEqual(world.failures(), ['a MOUNT_FAILED']);
    assert.deepEqual(world.host.reboots, [fault]);
  });

  it('row 4: MOUNTED stays MOUNTED with goal MOUNTED', async () => {
    const world = await bootOne({ statusGoal: 'MOUNTED' });
    await world.pass(1_000_000);
    assert.deepEqual(world.path('a'), ['INSTALLED', 'MOUNTED']);
    assert.deepEqual(world.host.calls, ['mount a']);
  });

  it('row 5: MOUNTED → STARTING once the drivers are loaded', async () => {
    const revision = revisionOf(
      { g1: { containers: { a: { drivers: { required: ['can'], optional: [], manual: [] } } } } },
      { driverSections: [{ scope: 'all', match: '', aliases: new Map([['can', ['can_raw']]]) }] },
    );
    const world = await boot(revision, { modules: { can_raw: { load: 300 } } });
    await world.pass(0);
    assert.equal(world.status('a'), 'MOUNTED');
    await world.pass(300);
    assert.deepEqual(world.timeline('a').slice(1), ['0 MOUNTED', '300 STARTING', '300 STARTED']);
    assert.deepEqual(world.host.calls, ['mount a', 'load can_raw', 'start a']);
  });

  it('row 5: a required driver that does not load leaves it MOUNTED and fails it (R-03)', async () => {
    const world = await bootOne({ drivers: { required: ['can'], optional: [], manual: [] } });
    assert.deepEqual(world.failures(), ['a MODULE_FAILED']);
    // The device stops for the reboot, so STOPPED follows.
    assert.deepEqual(world.path('a'), ['INSTALLED', 'MOUNTED', 'STOPPED']);
    assert.deepEqual(world.host.calls.slice(0, 2), ['mount a', 'unmount a']);
    assert.equal(world.host.reboots[0]?.code, 'MODULE_FAILED');
  });

  it('row 6: STARTING → STARTED with the pid', async () => {
    const world = await bootOne({}, { ways: { a: { start: 40 } } });
    await world.pass(39);
    assert.equal(world.status('a'), 'STARTING');
    assert.equal(world.record('a').pid, undefined);
    await world.pass(1);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.record('a').pid, 1000);
  });

  it('row 7: STARTING → STOPPED when the runtime reports a failure', async () => {
    const world = await bootOne(
      { recovery: recovery({ retryDelayMs: 1000 }) },
      { ways: { a: { start: 40, startFails: { fault: startFault, times: 1 } } } },
    );
    await world.pass(40);
    assert.deepEqual(world.path('a').slice(2), ['STARTING', 'STOPPED', 'RECOVERING']);
    assert.deepEqual(world.record('a').lastExit, { kind: 'startFailed', fault: startFault });
  });

  it('row 8: STARTED → READY with the signal, goal READY', async () => {
    const world = await bootOne({ statusGoal: 'READY' }, { ways: { a: { readyAfter: 2000 } } });
    await world.pass(2000);
    assert.deepEqual(world.timeline('a').slice(2), ['0 STARTING', '0 STARTED', '2000 READY']);
  });

  for (const { from, ways } of [
    { from: 'STARTED', ways: {} },
    { from: 'READY', ways: { readyAfter: 10 } },
  ] as const) {
    it(`row 9: ${from} → STOPPED when the process is gone and its volumes are unmounted`, async () => {
      const world = await bootOne(
        { statusGoal: 'READY', recovery: recovery({ retryDelayMs: 1000 }) },
        { ways: { a: { ...ways, unmount: 50 } } },
      );
      await world.pass(100);
      assert.equal(world.status('a'), from);
      await world.exit('a');
      await world.pass(50);
      assert.deepEqual(world.timeline('a').slice(-2), ['150 STOPPED', '150 RECOVERING']);
      assert.deepEqual(world.host.mounted, []);
    });
  }

  it('row 10: STOPPED → RECOVERING when a retry with a delay is granted', async () => {
    const world = await bootOne({ recovery: recovery({ retryDelayMs: 4000 }) });
    await world.pass(0);
    await world.exit('a');
    assert.equal(world.status('a'), 'RECOVERING');
    assert.equal(world.record('a').retryAt, 4000);
    assert.equal(world.record('a').retries, 1);
  });

  it('row 11: STOPPED → INSTALLED when the delay is 0', async () => {
    const world = await bootOne({ recovery: recovery() });
    await world.pass(0);
    await world.exit('a');
    assert.deepEqual(world.path('a').slice(-4), ['STOPPED', 'INSTALLED', 'MOUNTED', 'STARTING']);
  });

  it('row 12: STOPPED → RECOVERING for the backoff, counter 0, when the retries are spent', async () => {
    const policy = recovery({ maxRetries: 1, backoff: { kind: 'wait', delayMs: 20_000 } });
    const world = await bootOne({ recovery: policy });
    for (let crash = 0; crash < 2; crash++) {
      await world.pass(0);
      await world.exit('a');
    }
    assert.equal(world.status('a'), 'RECOVERING');
    assert.equal(world.record('a').retryAt, 20_000);
    assert.equal(world.record('a').retries, 0);
  });

  it('rows 13 and 14: STOPPED stays STOPPED with backoff "never"', async () => {
    const world = await bootOne({ recovery: recovery({ maxRetries: 1, backoff: { kind: 'never' } }) });
    for (let crash = 0; crash < 2; crash++) {
      await world.pass(0);
      await world.exit('a');
    }
    await world.pass(1_000_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.record('a').stopReason, 'gaveUp');
    assert.equal(world.host.starts('a'), 2);
    assert.deepEqual(world.failures(), []);
  });

  it('row 14: STOPPED stays STOPPED when the user stopped it', async () => {
    const world = await bootOne({ recovery: recovery({ policy: 'always' }) });
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(1_000_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.host.starts('a'), 1);
  });

  it('row 15: STOPPED stays STOPPED and fails when there is nothing else to do', async () => {
    const world = await bootOne();
    await world.pass(0);
    await world.exit('a', FAILED);
    assert.equal(world.status('a'), 'STOPPED');
    assert.deepEqual(world.failures(), ['a EXITED']);
  });

  it('row 16: RECOVERING → INSTALLED when the retry timer fires', async () => {
    const world = await bootOne(
      { recovery: recovery({ retryDelayMs: 4000 }) },
      { ways: { a: { mount: 10 } } },
    );
    await world.pass(1000);
    await world.exit('a');
    await world.pass(3999);
    assert.equal(world.status('a'), 'RECOVERING');
    await world.pass(1);
    assert.deepEqual(world.timeline('a').slice(-2), ['1000 RECOVERING', '5000 INSTALLED']);
  });

  for (const { from, start, readyAfter } of [
    { from: 'STARTING', start: 1000, readyAfter: 0 },
    { from: 'STARTED', start: 0, readyAfter: 1000 },
    { from: 'READY', start: 0, readyAfter: 0 },
  ]) {
    it(`rows 17 and 18: ${from} → STOPPING on a stop request → STOPPED when the process is gone`, async () => {
      const world = await bootOne(
        { statusGoal: 'READY' },
        { ways: { a: { start, readyAfter, halt: 2000 } } },
      );
      await world.pass(100);
      assert.equal(world.status('a'), from);
      await world.order('container.stop', 'a');
      assert.equal(world.status('a'), 'STOPPING');
      await world.pass(5000);
      // L-04: before the pid is known, the halt waits for it.
      const stoppedAt = from === 'STARTING' ? 3000 : 2100;
      assert.deepEqual(world.timeline('a').slice(-2), ['100 STOPPING', `${stoppedAt} STOPPED`]);
      assert.deepEqual(world.host.calls, ['mount a', 'start a', 'halt a', 'unmount a']);
    });
  }

  it('row 19: STOPPING → STOPPED after 5 s by a kill, volumes unmounted after it', async () => {
    const world = await bootOne({}, { ways: { a: { ignoresHalt: true } } });
    await world.pass(100);
    await world.order('container.stop', 'a');
    await world.pass(4999);
    assert.equal(world.status('a'), 'STOPPING');
    await world.pass(1);
    assert.deepEqual(world.timeline('a').slice(-2), ['100 STOPPING', '5100 STOPPED']);
    assert.deepEqual(world.host.calls.slice(2), ['halt a', 'kill a', 'unmount a']);
  });

  it('row 20: the pending user stop is completed in STOPPED', async () => {
    const world = await bootOne();
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(0);
    assert.equal(world.record('a').stopReason, 'user');
  });

  it('row 21: the pending restart is completed in STOPPED, counters cleared', async () => {
    const world = await bootOne({ recovery: recovery({ maxRetries: 3 }) });
    await world.pass(0);
    await world.exit('a');
    await world.pass(0);
    assert.equal(world.record('a').retries, 1);
    await world.order('container.restart', 'a');
    await world.pass(0);
    assert.deepEqual(world.path('a').slice(-6), [
      'STOPPING',
      'STOPPED',
      'INSTALLED',
      'MOUNTED',
      'STARTING',
      'STARTED',
    ]);
    assert.equal(world.record('a').retries, 0);
    assert.equal(world.record('a').intent, 'run');
  });

  for (const order of ['container.start', 'container.restart'] as const) {
    for (const from of ['STOPPED', 'RECOVERING'] as const) {
      it(`row 22: ${from} → INSTALLED on ${order}, counters cleared`, async () => {
        const world = await bootOne({ recovery: recovery({ retryDelayMs: 60_000 }) });
        await world.pass(0);
        if (from === 'STOPPED') await world.order('container.stop', 'a');
        else await world.exit('a');
        await world.pass(0);
        assert.equal(world.status('a'), from);
        assert.deepEqual(await world.order(order, 'a'), { ok: true });
        assert.deepEqual(world.path('a').slice(-4), [from, 'INSTALLED', 'MOUNTED', 'STARTING']);
        assert.equal(world.record('a').retries, 0);
        assert.equal(world.record('a').lastExit, undefined);
      });
    }
  }

  it('announces every status, and no other', async () => {
    const world = await boot(
      revisionOf({
        g1: { containers: { a: { statusGoal: 'READY', recovery: recovery({ retryDelayMs: 1000 }) } } },
        g2: { containers: { b: {} } },
      }),
      { ways: { a: { readyAfter: 10 } } },
    );
    await world.pass(10);
    await world.exit('a');
    await world.pass(1100);
    await world.order('container.stop', 'a');
    await world.pass(0);
    const seen = new Set([...world.path('a'), ...world.path('b')]);
    assert.deepEqual([...seen].sort(), [...STATUSES].sort());
  });
});
