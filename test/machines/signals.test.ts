/** Readiness signals (lifecycle §7; ideas of §22 by number). */

import assert from 'node:assert/strict';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

const READY = { statusGoal: 'READY' } as const;
const UNEXPECTED = {
  ok: false,
  code: 'conflict',
  message: 'Signal not expected from this platform',
};

describe('the ready signal (lifecycle §7)', () => {
  afterEach(checkWorlds);

  for (const statusGoal of ['MOUNTED', 'STARTED'] as const) {
    it(`idea 21: is refused from a container with goal ${statusGoal}`, async () => {
      const world = await boot(revisionOf({ g1: { containers: { a: { statusGoal } } } }));
      await world.pass(0);
      assert.deepEqual(await world.order('signal.ready', 'a'), UNEXPECTED);
      assert.equal(world.status('a'), statusGoal);
    });
  }

  it('idea 22: is refused from what is no container of the revision', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }));
    assert.deepEqual(await world.order('signal.ready', '_pv_'), UNEXPECTED);
  });

  it('idea 23: is latched while STARTING (L-03)', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }), {
      ways: { a: { start: 50 } },
    });
    assert.deepEqual(await world.order('signal.ready', 'a'), { ok: true });
    assert.equal(world.status('a'), 'STARTING');
    assert.equal(world.goal('a'), 'UNACHIEVED');
    await world.pass(50);
    assert.deepEqual(world.timeline('a').slice(-3), ['0 STARTING', '50 STARTED', '50 READY']);
    assert.equal(world.record('a').pid, 1000);
  });

  it('idea 24: is refused while STOPPING, status unchanged', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }), {
      ways: { a: { halt: 1000 } },
    });
    await world.pass(0);
    await world.order('container.stop', 'a');
    assert.deepEqual(await world.order('signal.ready', 'a'), UNEXPECTED);
    assert.equal(world.status('a'), 'STOPPING');
    await world.pass(1000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.deepEqual(world.failures(), []);
  });

  it('idea 25: is accepted twice and counts once', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }));
    await world.pass(0);
    assert.deepEqual(await world.order('signal.ready', 'a'), { ok: true });
    const told = world.told.length;
    assert.deepEqual(await world.order('signal.ready', 'a'), { ok: true });
    assert.equal(world.told.length, told);
  });

  for (const { when, blocked } of [
    { when: 'before it has begun', blocked: true },
    { when: 'after it has ended', blocked: false },
  ]) {
    it(`is refused from a container ${when}`, async () => {
      const world = await boot(
        revisionOf({
          g1: { containers: { first: READY } },
          g2: { containers: { a: { ...READY, recovery: recovery({ retryDelayMs: 1000 }) } } },
        }),
      );
      await world.pass(0);
      if (!blocked) {
        await world.order('signal.ready', 'first');
        await world.pass(0);
        await world.exit('a');
      }
      assert.equal(world.status('a'), blocked ? 'BLOCKED' : 'RECOVERING');
      assert.deepEqual(await world.order('signal.ready', 'a'), UNEXPECTED);
    });
  }

  it('is needed afresh after a restart', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }));
    await world.pass(0);
    await world.order('signal.ready', 'a');
    await world.order('container.restart', 'a');
    await world.pass(0);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.joint(), 'STARTED UNACHIEVED');
  });

  it('that was latched is void when the start does not come about', async () => {
    const fault = { code: 'START_FAILED', message: 'start a: told to fail' } as const;
    const world = await boot(revisionOf({ g1: { containers: { a: { ...READY, recovery: recovery() } } } }), {
      ways: { a: { start: 50, startFails: { fault, times: 1 } } },
    });
    await world.order('signal.ready', 'a');
    await world.pass(100);
    assert.deepEqual(world.path('a').slice(-2), ['STARTING', 'STARTED']);
  });
});
