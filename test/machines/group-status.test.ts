/** Status of groups and of the revision as they are announced (lifecycle §6, R-05; ideas of §22 by number). */

import assert from 'node:assert/strict';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

const READY = { statusGoal: 'READY' } as const;

describe('group and revision status (R-05)', () => {
  afterEach(checkWorlds);

  it('idea 14: a member that is STARTED with goal READY makes the group STARTED', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {}, b: READY } } }));
    await world.pass(0);
    assert.equal(world.joint('g1'), 'STARTED UNACHIEVED');
  });

  it('idea 15: BLOCKED ranks above MOUNTED', async () => {
    const drivers = { required: ['can'], optional: [], manual: [] };
    const world = await boot(
      revisionOf(
        {
          g0: { containers: { first: { recovery: recovery({ retryDelayMs: 60_000 }) } } },
          g1: { containers: { a: { drivers }, b: { recovery: recovery() } } },
        },
        { driverSections: [{ scope: 'all', match: '', aliases: new Map([['can', ['can']]]) }] },
      ),
      { modules: { can: { load: 50_000 } } },
    );
    await world.pass(0);
    await world.exit('first');
    await world.exit('b');
    assert.deepEqual(world.statuses(), { first: 'RECOVERING', a: 'MOUNTED', b: 'BLOCKED' });
    assert.equal(world.joint('g1'), 'MOUNTED UNACHIEVED');
    assert.equal(world.joint(), 'MOUNTED UNACHIEVED');
  });

  it('idea 16, R-05: a member that gave up does not count, one that is RECOVERING does', async () => {
    const gaveUp = recovery({ maxRetries: 1, backoff: { kind: 'never' } });
    const world = await boot(
      revisionOf({
        g1: { containers: { a: READY, b: { recovery: gaveUp } } },
        g2: { containers: { c: { recovery: recovery({ retryDelayMs: 1_000 }) } } },
      }),
      { ways: { a: { readyAfter: 0 }, b: { crash: { after: 0, exit: { kind: 'unknown' }, times: 2 } } } },
    );
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'READY', b: 'STOPPED', c: 'STARTED' });
    assert.equal(world.joint('g1'), 'READY ACHIEVED');
    await world.exit('c');
    assert.equal(world.joint('g2'), 'RECOVERING UNACHIEVED');
    assert.equal(world.joint(), 'RECOVERING UNACHIEVED');
  });

  it('R-05: a member that is STOPPING shows, one that the user stopped does not', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {}, b: {} } } }), {
      ways: { b: { halt: 100 } },
    });
    await world.pass(0);
    await world.order('container.stop', 'b');
    assert.equal(world.joint('g1'), 'STOPPING UNACHIEVED');
    await world.pass(100);
    assert.equal(world.joint('g1'), 'READY ACHIEVED');
  });

  it('idea 17: groups READY, STARTED, BLOCKED make the revision BLOCKED', async () => {
    const world = await boot(
      revisionOf({
        g1: { containers: { a: {} } },
        g2: { containers: { b: READY } },
        g3: { containers: { c: {} } },
      }),
    );
    await world.pass(0);
    assert.deepEqual(['g1', 'g2', 'g3'].map(world.joint), [
      'READY ACHIEVED',
      'STARTED UNACHIEVED',
      'BLOCKED UNACHIEVED',
    ]);
    assert.equal(world.joint(), 'BLOCKED UNACHIEVED');
  });

  for (const { why, groups } of [
    { why: 'no group', groups: {} },
    { why: 'empty groups only', groups: { g1: { containers: {} }, g2: { containers: {} } } },
  ]) {
    it(`idea 18, L-19: a revision with ${why} is READY and says so`, async () => {
      const world = await boot(revisionOf(groups));
      assert.deepEqual(world.revisionPath(), ['READY']);
      assert.equal(world.joint(), 'READY ACHIEVED');
    });
  }

  it('idea 19, R-05: the revision through a crash and back', async () => {
    const world = await boot(
      revisionOf({ g1: { containers: { a: { recovery: recovery({ retryDelayMs: 1_000 }) } } } }),
      { ways: { a: { mount: 10, start: 10 } } },
    );
    await world.pass(100);
    await world.exit('a');
    await world.pass(2_000);
    const climb = ['INSTALLED', 'MOUNTED', 'STARTING', 'READY'];
    assert.deepEqual(world.revisionPath(), [...climb, 'STOPPED', 'RECOVERING', ...climb]);
  });

  it('a group shows its containers and its gate in the view', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: READY } }, g2: { containers: { b: {} } } }));
    await world.pass(0);
    const { status, goal, groups } = world.supervisor.view();
    assert.deepEqual({ status, goal }, { status: 'BLOCKED', goal: 'UNACHIEVED' });
    assert.deepEqual(
      groups.map((group) => [group.name, group.status, group.goal, group.unlocked]),
      [
        ['g1', 'STARTED', 'UNACHIEVED', true],
        ['g2', 'BLOCKED', 'UNACHIEVED', false],
      ],
    );
    assert.deepEqual(
      groups.flatMap(({ containers }) => containers.map((one) => [one.name, one.goal, one.record?.status])),
      [
        ['a', 'UNACHIEVED', 'STARTED'],
        ['b', 'UNACHIEVED', 'BLOCKED'],
      ],
    );
  });
});
