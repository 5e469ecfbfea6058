/** Stop, start and restart of one container by its user (lifecycle §11; ideas of §22 by number). */

import assert from 'node:assert/strict';
import type { ContainerOrder } from '../../machines/domain/control.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import type { Status } from '../../machines/domain/status.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds, type World, type WorldOptions } from '../support/world.ts';

const OK = { ok: true };
const conflict = (message: string) => ({ ok: false, code: 'conflict', message });
const NO_START = conflict('Container must be in STOPPED, STOPPING, or RECOVERING state to start');
const NO_RESTART = conflict('Container state does not allow restart');

async function bootOne(parts: Partial<ContainerSpec> = {}, options: WorldOptions = {}): Promise<World> {
  const world = await boot(revisionOf({ g1: { containers: { a: parts } } }), options);
  await world.pass(0);
  return world;
}

/** Container `a` in each status. */
const IN: Readonly<Record<Status, () => Promise<World>>> = {
  INSTALLED: () => bootOne({}, { ways: { a: { mount: 1_000 } } }),
  MOUNTED: () => bootOne({ statusGoal: 'MOUNTED' }),
  BLOCKED: () =>
    boot(
      revisionOf({
        g0: { containers: { first: { statusGoal: 'READY' } } },
        g1: { containers: { a: {} } },
      }),
    ),
  STARTING: () => bootOne({}, { ways: { a: { start: 1_000 } } }),
  STARTED: () => bootOne(),
  READY: () => bootOne({ statusGoal: 'READY' }, { ways: { a: { readyAfter: 0 } } }),
  RECOVERING: async () => {
    const world = await bootOne({ recovery: recovery({ retryDelayMs: 60_000 }) });
    await world.exit('a');
    return world;
  },
  STOPPING: async () => {
    const world = await bootOne({}, { ways: { a: { halt: 1_000 } } });
    await world.order('container.stop', 'a');
    return world;
  },
  STOPPED: async () => {
    const world = await bootOne();
    await world.order('container.stop', 'a');
    await world.pass(0);
    return world;
  },
};

describe('control of one container (lifecycle §11)', () => {
  afterEach(checkWorlds);

  for (const { order, from, answer, ends, starts, laws } of [
    { order: 'stop', from: 'INSTALLED', answer: OK, ends: 'STOPPED', starts: 0, laws: ' (L-06)' },
    { order: 'stop', from: 'MOUNTED', answer: OK, ends: 'STOPPED', starts: 0, laws: ' (L-06)' },
    { order: 'stop', from: 'BLOCKED', answer: OK, ends: 'STOPPED', starts: 0, laws: ' (L-06)' },
    { order: 'stop', from: 'STARTING', answer: OK, ends: 'STOPPED', starts: 1, laws: ' (L-04)' },
    { order: 'stop', from: 'STARTED', answer: OK, ends: 'STOPPED', starts: 1, laws: '' },
    { order: 'stop', from: 'READY', answer: OK, ends: 'STOPPED', starts: 1, laws: '' },
    { order: 'stop', from: 'RECOVERING', answer: OK, ends: 'STOPPED', starts: 1, laws: ' (L-05, idea 48)' },
    { order: 'stop', from: 'STOPPING', answer: OK, ends: 'STOPPED', starts: 1, laws: '' },
    { order: 'stop', from: 'STOPPED', answer: OK, ends: 'STOPPED', starts: 1, laws: '' },
    { order: 'start', from: 'INSTALLED', answer: NO_START, ends: 'STARTED', starts: 1, laws: '' },
    { order: 'start', from: 'MOUNTED', answer: NO_START, ends: 'MOUNTED', starts: 0, laws: '' },
    { order: 'start', from: 'BLOCKED', answer: NO_START, ends: 'STARTED', starts: 1, laws: ' (idea 50)' },
    { order: 'start', from: 'STARTING', answer: OK, ends: 'STARTED', starts: 1, laws: '' },
    { order: 'start', from: 'STARTED', answer: OK, ends: 'STARTED', starts: 1, laws: ' (idea 50)' },
    { order: 'start', from: 'READY', answer: OK, ends: 'READY', starts: 1, laws: '' },
    { order: 'start', from: 'RECOVERING', answer: OK, ends: 'STARTED', starts: 2, laws: '' },
    { order: 'start', from: 'STOPPING', answer: OK, ends: 'STARTED', starts: 2, laws: ' (idea 49)' },
    { order: 'start', from: 'STOPPED', answer: OK, ends: 'STARTED', starts: 2, laws: '' },
    { order: 'restart', from: 'INSTALLED', answer: NO_RESTART, ends: 'STARTED', starts: 1, laws: '' },
    { order: 'restart', from: 'MOUNTED', answer: NO_RESTART, ends: 'MOUNTED', starts: 0, laws: '' },
    { order: 'restart', from: 'BLOCKED', answer: NO_RESTART, ends: 'STARTED', starts: 1, laws: '' },
    { order: 'restart', from: 'STARTING', answer: OK, ends: 'STARTED', starts: 2, laws: ' (L-04)' },
    { order: 'restart', from: 'STARTED', answer: OK, ends: 'STARTED', starts: 2, laws: ' (L-17)' },
    { order: 'restart', from: 'READY', answer: OK, ends: 'READY', starts: 2, laws: ' (L-17)' },
    { order: 'restart', from: 'RECOVERING', answer: OK, ends: 'STARTED', starts: 2, laws: '' },
    { order: 'restart', from: 'STOPPING', answer: OK, ends: 'STARTED', starts: 2, laws: '' },
    { order: 'restart', from: 'STOPPED', answer: OK, ends: 'STARTED', starts: 2, laws: '' },
  ] as const) {
    const granted = answer === OK ? 'leads to' : 'is refused,';
    it(`${order} in ${from} ${granted} ${ends}${laws}`, async () => {
      const world = await IN[from]();
      assert.equal(world.status('a'), from);
      assert.deepEqual(await world.order(`container.${order}`, 'a'), answer);
      await world.pass(120_000);
      assert.equal(world.status('a'), ends);
      assert.equal(world.host.starts('a'), starts);
      if (ends === 'STOPPED') assert.equal(world.record('a').stopReason, 'user');
      assert.deepEqual(world.host.mounted.includes('a'), ends !== 'STOPPED');
      assert.deepEqual(world.failures(), []);
    });
  }

  for (const order of ['container.stop', 'container.start', 'container.restart'] as const) {
    it(`idea 46: ${order} is refused for policy "system" and for the unknown`, async () => {
      const world = await bootOne({ restartPolicy: 'system' });
      assert.deepEqual(await world.order(order, 'a'), {
        ok: false,
        code: 'forbidden',
        message: "Container has restart_policy 'system' and cannot be controlled via API",
      });
      assert.deepEqual(await world.order(order, 'b'), {
        ok: false,
        code: 'not-found',
        message: 'Container not found',
      });
      assert.equal(world.status('a'), 'STARTED');
    });
  }

  it('idea 47: a stop is answered before it is done, and is not recovered from', async () => {
    const world = await bootOne({ recovery: recovery({ policy: 'always' }) }, { ways: { a: { halt: 500 } } });
    assert.deepEqual(await world.order('container.stop', 'a'), OK);
    assert.equal(world.status('a'), 'STOPPING');
    await world.pass(500);
    assert.deepEqual(world.path('a').slice(-2), ['STOPPING', 'STOPPED']);
    assert.equal(world.record('a').stopReason, 'user');
  });

  for (const { orders, ends } of [
    { orders: ['stop', 'start'], ends: 'STARTED' },
    { orders: ['restart', 'stop'], ends: 'STOPPED' },
    { orders: ['stop', 'restart', 'stop'], ends: 'STOPPED' },
    { orders: ['restart', 'stop', 'start'], ends: 'STARTED' },
  ]) {
    it(`of ${orders.join(', ')} while STOPPING the last one wins: ${ends}`, async () => {
      const world = await bootOne({}, { ways: { a: { halt: 1_000 } } });
      for (const order of orders) {
        assert.deepEqual(await world.order(`container.${order}` as ContainerOrder, 'a'), OK);
      }
      await world.pass(2_000);
      assert.equal(world.status('a'), ends);
    });
  }

  it('idea 51: a restart has no delay and begins at counter 0', async () => {
    const world = await bootOne({ recovery: recovery({ maxRetries: 3, retryDelayMs: 5_000 }) });
    for (let crash = 0; crash < 2; crash++) {
      await world.exit('a');
      await world.pass(5_000);
    }
    assert.equal(world.record('a').retries, 2);
    await world.order('container.restart', 'a');
    await world.pass(0);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.record('a').startedAt, 10_000);
    assert.equal(world.record('a').retries, 0);
  });

  it('idea 52: ten restarts leave the mounts of one start', async () => {
    const world = await bootOne();
    for (let restart = 0; restart < 10; restart++) {
      await world.order('container.restart', 'a');
      await world.pass(0);
    }
    assert.equal(world.host.starts('a'), 11);
    const count = (call: string) => world.host.calls.filter((one) => one === call).length;
    assert.equal(count('mount a') - count('unmount a'), 1);
    assert.deepEqual(world.host.mounted, ['a']);
  });

  it('a stop while volumes are mounted gives them back', async () => {
    const world = await IN.INSTALLED();
    await world.order('container.stop', 'a');
    await world.pass(0);
    assert.deepEqual(world.path('a'), ['INSTALLED', 'STOPPED']);
    assert.deepEqual(world.host.mounted, []);
  });
});
