/** Groups let each other start (lifecycle §5; ideas of §22 by number). */

import assert from 'node:assert/strict';
import { recovery, revisionOf } from '../support/revision.ts';
import { bootTrial } from '../support/trial.ts';
import { boot, checkWorlds } from '../support/world.ts';

const READY = { statusGoal: 'READY' } as const;

describe('gating by earlier groups (lifecycle §5)', () => {
  afterEach(checkWorlds);

  it('idea 1: the next group is BLOCKED until the first one is STARTED', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {} } }, g2: { containers: { b: {} } } }), {
      ways: { a: { start: 10 }, b: { start: 10 } },
    });
    assert.deepEqual(world.statuses(), { a: 'STARTING', b: 'BLOCKED' });
    await world.pass(10);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTING' });
  });

  it('idea 2: a MOUNTED goal needs no further event to let the next group start', async () => {
    const world = await boot(
      revisionOf({ g1: { containers: { m: { statusGoal: 'MOUNTED' } } }, g2: { containers: { b: {} } } }),
    );
    assert.deepEqual(world.statuses(), { b: 'STARTING', m: 'MOUNTED' });
  });

  it('idea 3: a READY goal holds the next group until the signal', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } }, g2: { containers: { b: {} } } }));
    await world.pass(100);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'BLOCKED' });
    await world.order('signal.ready', 'a');
    assert.deepEqual(world.statuses(), { a: 'READY', b: 'STARTING' });
  });

  it('idea 4: a goal that times out on an ordinary boot gives way', async () => {
    const world = await boot(
      revisionOf({ g1: { containers: { a: READY, a2: READY } }, g2: { containers: { b: {} } } }),
    );
    await world.pass(0);
    await world.order('signal.ready', 'a');
    await world.pass(9_999);
    assert.equal(world.status('b'), 'BLOCKED');
    await world.pass(1);
    assert.equal(world.joint('g1'), 'STARTED TIMEDOUT');
    assert.deepEqual(world.timeline('b').slice(1), [
      '0 BLOCKED',
      '10000 MOUNTED',
      '10000 STARTING',
      '10000 STARTED',
    ]);
  });

  it('idea 5: a goal that times out in a trial never gives way (L-14)', async () => {
    const trial = await bootTrial(
      revisionOf({ g1: { containers: { a: READY, a2: READY } }, g2: { containers: { b: {} } } }),
    );
    await trial.pass(9_999);
    assert.equal(trial.joint(), 'BLOCKED UNACHIEVED');
    await trial.pass(1);
    assert.equal(trial.joint(), 'BLOCKED TIMEDOUT');
    assert.equal(trial.reports.at(-1), 'revision.changed BLOCKED TIMEDOUT');
    await trial.pass(1_000_000);
    assert.equal(trial.status('b'), 'BLOCKED');
    assert.deepEqual(trial.failures(), []);
  });

  it('idea 6: an empty group holds nobody', async () => {
    const world = await boot(revisionOf({ g1: { containers: {} }, g2: { containers: { b: {} } } }));
    assert.equal(world.status('b'), 'STARTING');
    assert.equal(world.joint('g1'), 'READY ACHIEVED');
  });

  it('idea 7: a crash before the goal holds the next group while RECOVERING (L-01, R-04)', async () => {
    const fault = { code: 'START_FAILED', message: 'start a: told to fail' } as const;
    const world = await boot(
      revisionOf({
        g1: { containers: { a: { recovery: recovery({ retryDelayMs: 5_000 }) } } },
        g2: { containers: { b: {} } },
      }),
      { ways: { a: { startFails: { fault, times: 1 } } } },
    );
    await world.pass(4_999);
    assert.deepEqual(world.statuses(), { a: 'RECOVERING', b: 'BLOCKED' });
    await world.pass(1);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED' });
  });

  it('idea 8: a crash loop gives way when the timer of the last start request fires', async () => {
    const fault = { code: 'START_FAILED', message: 'start a: told to fail' } as const;
    const world = await boot(
      revisionOf({
        g1: { goalTimeoutMs: 3_000, containers: { a: { recovery: recovery({ retryDelayMs: 5_000 }) } } },
        g2: { containers: { b: {} } },
      }),
      { ways: { a: { startFails: { fault, times: Number.POSITIVE_INFINITY } } } },
    );
    await world.pass(2_999);
    assert.deepEqual(world.statuses(), { a: 'RECOVERING', b: 'BLOCKED' });
    await world.pass(1);
    assert.deepEqual(world.statuses(), { a: 'RECOVERING', b: 'STARTED' });
  });

  it('idea 9: a user stop of the container that holds the gate releases it', async () => {
    const world = await boot(
      revisionOf({ g1: { containers: { a: READY } }, g2: { containers: { b: {} } } }),
      { ways: { a: { halt: 100 } } },
    );
    await world.pass(0);
    await world.order('container.stop', 'a');
    assert.deepEqual(world.statuses(), { a: 'STOPPING', b: 'BLOCKED' });
    await world.pass(100);
    assert.deepEqual(world.statuses(), { a: 'STOPPED', b: 'STARTED' });
  });

  it('idea 10: what runs goes on when an earlier group falls back', async () => {
    const world = await boot(
      revisionOf({
        g1: { containers: { a: { recovery: recovery({ retryDelayMs: 1_000 }) } } },
        g2: { containers: { b: {} } },
      }),
    );
    await world.pass(0);
    await world.exit('a');
    await world.pass(1_000);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.deepEqual(world.path('b').slice(-2), ['STARTING', 'STARTED']);
    assert.equal(world.host.starts('b'), 1);
  });

  it('a container that restarts is gated again by earlier groups (lifecycle §2.2)', async () => {
    const world = await boot(
      revisionOf({
        g1: { containers: { a: { recovery: recovery({ retryDelayMs: 4_000 }) } } },
        g2: { containers: { b: { recovery: recovery() } } },
      }),
    );
    await world.pass(0);
    await world.exit('a');
    await world.exit('b');
    assert.deepEqual(world.statuses(), { a: 'RECOVERING', b: 'BLOCKED' });
    await world.pass(4_000);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.equal(world.record('b').startedAt, 4_000);
  });

  it('every earlier group counts, not only the one next to it', async () => {
    const world = await boot(
      revisionOf({
        g1: { containers: { a: READY } },
        g2: { containers: { m: { statusGoal: 'MOUNTED' } } },
        g3: { containers: { c: {} } },
      }),
    );
    await world.pass(0);
    await world.order('signal.ready', 'a');
    await world.pass(0);
    assert.equal(world.status('c'), 'STARTED');
    await world.order('container.restart', 'a');
    await world.pass(0);
    await world.order('container.restart', 'c');
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'STARTED', m: 'MOUNTED', c: 'BLOCKED' });
    assert.equal(world.joint('g2'), 'READY ACHIEVED');
  });

  it('the containers of one group start together, in container order, without waiting', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {}, b: {}, c: {} } } }), {
      ways: { a: { start: 500 } },
    });
    assert.deepEqual(world.statuses(), { a: 'STARTING', b: 'STARTING', c: 'STARTING' });
    assert.deepEqual(world.host.calls, ['mount a', 'mount b', 'mount c', 'start a', 'start b', 'start c']);
  });

  it('the example of §5, event by event', async () => {
    const world = await boot(
      revisionOf({
        g1: { containers: { a: {} } },
        g2: { containers: { b: READY, m: { statusGoal: 'MOUNTED' } } },
        g3: { containers: { c: {} } },
      }),
      { ways: { a: { start: 10 }, b: { start: 10 }, c: { start: 10 } } },
    );
    assert.deepEqual(world.statuses(), { a: 'STARTING', b: 'BLOCKED', m: 'BLOCKED', c: 'BLOCKED' });
    await world.pass(10);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTING', m: 'MOUNTED', c: 'BLOCKED' });
    await world.pass(10);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED', m: 'MOUNTED', c: 'BLOCKED' });
    await world.order('signal.ready', 'b');
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'READY', m: 'MOUNTED', c: 'STARTING' });
    await world.pass(10);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'READY', m: 'MOUNTED', c: 'STARTED' });
  });
});
