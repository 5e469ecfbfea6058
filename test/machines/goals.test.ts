/** The timer that watches a status goal (lifecycle §4; ideas of §22 by number). */

import assert from 'node:assert/strict';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

const READY = { statusGoal: 'READY' } as const;

describe('the goal timer (lifecycle §4.3)', () => {
  afterEach(checkWorlds);

  it('idea 11: a timeout of 0 lets the next group start at once', async () => {
    const world = await boot(
      revisionOf({
        g1: { goalTimeoutMs: 0, containers: { a: READY } },
        g2: { containers: { b: {} } },
      }),
    );
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.equal(world.goal('a'), 'TIMEDOUT');
  });

  it('idea 12: it counts from the start request, however long the container was BLOCKED', async () => {
    const world = await boot(
      revisionOf({
        g1: { goalTimeoutMs: 2_000_000, containers: { a: READY } },
        g2: { containers: { b: READY } },
      }),
    );
    await world.pass(1_000_000);
    assert.equal(world.goal('b'), 'UNACHIEVED');
    await world.order('signal.ready', 'a');
    await world.pass(9_999);
    assert.equal(world.goal('b'), 'UNACHIEVED');
    await world.pass(1);
    assert.equal(world.goal('b'), 'TIMEDOUT');
    assert.equal(world.record('b').goalDeadlineAt, 1_010_000);
  });

  it('does not run while volumes are mounted and drivers loaded', async () => {
    const drivers = { required: ['can'], optional: [], manual: [] };
    const world = await boot(
      revisionOf(
        { g1: { containers: { a: { ...READY, drivers } } } },
        { driverSections: [{ scope: 'all', match: '', aliases: new Map([['can', ['can']]]) }] },
      ),
      { ways: { a: { mount: 20_000 } }, modules: { can: { load: 20_000 } } },
    );
    await world.pass(40_000);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.goal('a'), 'UNACHIEVED');
    await world.pass(10_000);
    assert.equal(world.goal('a'), 'TIMEDOUT');
  });

  it('idea 13: a restart after recovery begins it anew', async () => {
    const world = await boot(
      revisionOf({ g1: { containers: { a: { ...READY, recovery: recovery({ retryDelayMs: 2_000 }) } } } }),
    );
    await world.pass(5_000);
    await world.exit('a');
    await world.pass(2_000);
    assert.equal(world.record('a').goalDeadlineAt, 17_000);
    await world.pass(9_999);
    assert.equal(world.goal('a'), 'UNACHIEVED');
    await world.pass(1);
    assert.equal(world.goal('a'), 'TIMEDOUT');
  });

  it('fires once for a container that waits in RECOVERING, STOPPING or STARTING (R-04)', async () => {
    const policy = { recovery: recovery({ retryDelayMs: 60_000 }) };
    const world = await boot(revisionOf({ g1: { containers: { a: policy, b: {}, c: {} } } }), {
      ways: { b: { neverStarts: true }, c: { start: 9_000, ignoresHalt: true } },
    });
    await world.pass(0);
    await world.exit('a');
    await world.pass(8_000);
    await world.order('container.stop', 'c');
    await world.pass(1_999);
    assert.deepEqual(world.statuses(), { a: 'RECOVERING', b: 'STARTING', c: 'STOPPING' });
    assert.deepEqual(['a', 'b', 'c'].map(world.goal), ['UNACHIEVED', 'UNACHIEVED', 'UNACHIEVED']);
    await world.pass(1);
    assert.deepEqual(['a', 'b', 'c'].map(world.goal), ['TIMEDOUT', 'TIMEDOUT', 'TIMEDOUT']);
  });

  it('is not disturbed by the grace of a stop', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }), {
      ways: { a: { ignoresHalt: true } },
    });
    await world.pass(1_000);
    await world.order('container.stop', 'a');
    assert.equal(world.record('a').goalDeadlineAt, 10_000);
    assert.equal(world.record('a').killAt, 6_000);
    await world.pass(5_000);
    assert.equal(world.status('a'), 'STOPPED');
  });

  it('says nothing for a container that went back to BLOCKED before it fired (lifecycle §4.2)', async () => {
    const world = await boot(
      revisionOf({
        g1: { goalTimeoutMs: 100_000, containers: { a: { recovery: recovery({ retryDelayMs: 50_000 }) } } },
        g2: { containers: { b: { ...READY, recovery: recovery() } } },
      }),
    );
    await world.pass(1_000);
    await world.exit('a');
    await world.exit('b');
    await world.pass(20_000);
    assert.equal(world.status('b'), 'BLOCKED');
    assert.equal(world.goal('b'), 'UNACHIEVED');
    assert.equal(world.record('b').goalDeadlineAt, undefined);
  });

  it('does nothing to the container: a goal reached late counts', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } } }), {
      ways: { a: { readyAfter: 15_000 } },
    });
    await world.pass(14_999);
    assert.equal(world.joint(), 'STARTED TIMEDOUT');
    await world.pass(1);
    assert.equal(world.joint(), 'READY ACHIEVED');
    assert.deepEqual(world.failures(), []);
  });

  it('has the configured length where the group has none (S-17, L-28)', async () => {
    const world = await boot(revisionOf({ g1: { goalTimeoutMs: undefined, containers: { a: READY } } }), {
      defaultGoalTimeoutMs: 30_000,
    });
    await world.pass(0);
    assert.equal(world.record('a').goalDeadlineAt, 30_000);
  });

  it('does not exist for the goal MOUNTED', async () => {
    const world = await boot(revisionOf({ g1: { containers: { m: { statusGoal: 'MOUNTED' } } } }));
    await world.pass(1_000_000);
    assert.equal(world.record('m').goalDeadlineAt, undefined);
    assert.equal(world.attachment.pendingTimers, 0);
  });

  for (const { members, why, expected } of [
    { why: 'one timed out, one still within its time', members: ['a', 'late'], expected: 'TIMEDOUT' },
    { why: 'one achieved, one still within its time', members: ['fine', 'late'], expected: 'UNACHIEVED' },
    { why: 'all achieved', members: ['fine'], expected: 'ACHIEVED' },
  ]) {
    it(`§4.4: the goal of a group with ${why} is ${expected}`, async () => {
      const sketches = {
        a: READY,
        late: { ...READY, recovery: recovery() },
        fine: {},
      };
      const containers = Object.fromEntries(
        Object.entries(sketches).filter(([name]) => members.includes(name)),
      );
      const world = await boot(revisionOf({ g1: { containers } }));
      await world.pass(5_000);
      if (members.includes('late')) await world.exit('late');
      await world.pass(5_000);
      assert.equal(world.joint('g1')?.split(' ')[1], expected);
    });
  }
});
