/** A supervisor dies, the next one goes on: what runs keeps its process, and only what died meanwhile is
 *  treated as exited. Most of the length is one table: a container in every status. */

import assert from 'node:assert/strict';
import type { Ports } from '../../actors/ports.ts';
import { blankRecord } from '../../machines/domain/adoption.ts';
import type { ContainerRecord } from '../../machines/domain/record.ts';
import type { Status } from '../../machines/domain/status.ts';
import { adopt, type Story } from '../support/adopt.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

const READY = { statusGoal: 'READY' } as const;
const one = revisionOf({ g1: { containers: { a: {} } } });
const retrying = revisionOf({ g1: { containers: { a: { recovery: recovery({ retryDelayMs: 8_000 }) } } } });

/** A journal that keeps nothing. */
const forgetful = (ports: Ports): Ports => ({
  ...ports,
  journal: { ...ports.journal, write: () => undefined },
});

describe('adoption of a container that was left (R-08)', () => {
  afterEach(checkWorlds);

  const stories: readonly (Story & { left: Status; adopted: Status; ends: Status; starts: number })[] = [
    {
      left: 'INSTALLED',
      adopted: 'INSTALLED',
      ends: 'STARTED',
      starts: 1,
      revision: one,
      options: { ways: { a: { mount: 1_000 } } },
    },
    {
      left: 'BLOCKED',
      adopted: 'BLOCKED',
      ends: 'STARTED',
      starts: 1,
      revision: revisionOf({ g0: { containers: { first: READY } }, g1: { containers: { a: {} } } }),
      before: (world) => world.pass(1_000),
    },
    {
      left: 'MOUNTED',
      adopted: 'MOUNTED',
      ends: 'MOUNTED',
      starts: 0,
      revision: revisionOf({ g1: { containers: { a: { statusGoal: 'MOUNTED' } } } }),
    },
    {
      left: 'STARTING',
      adopted: 'STARTING',
      ends: 'STARTED',
      starts: 1,
      revision: one,
      options: { ways: { a: { start: 2_000 } } },
      before: (world) => world.pass(1_000),
    },
    {
      left: 'STARTED',
      adopted: 'STARTED',
      ends: 'STARTED',
      starts: 1,
      revision: one,
      before: (world) => world.pass(0),
    },
    {
      left: 'READY',
      adopted: 'READY',
      ends: 'READY',
      starts: 1,
      revision: revisionOf({ g1: { containers: { a: READY } } }),
      options: { ways: { a: { readyAfter: 100 } } },
      before: (world) => world.pass(100),
    },
    {
      left: 'RECOVERING',
      adopted: 'RECOVERING',
      ends: 'STARTED',
      starts: 2,
      revision: retrying,
      before: async (world) => {
        await world.pass(0);
        await world.exit('a');
      },
    },
    {
      left: 'STOPPING',
      adopted: 'STOPPING',
      ends: 'STOPPED',
      starts: 1,
      revision: one,
      options: { ways: { a: { ignoresHalt: true } } },
      before: async (world) => {
        await world.pass(0);
        await world.order('container.stop', 'a');
      },
    },
    {
      left: 'STOPPED',
      adopted: 'STOPPED',
      ends: 'STOPPED',
      starts: 1,
      revision: one,
      before: async (world) => {
        await world.pass(0);
        await world.order('container.stop', 'a');
        await world.pass(0);
      },
    },
  ];
  for (const { left, adopted, ends, starts, ...story } of stories) {
    it(`${left} goes on as ${adopted} and ends ${ends}, with ${starts} starts in all`, async () => {
      const { died, world } = await adopt(story);
      assert.equal(died.status('a'), left);
      assert.equal(world.status('a'), adopted);
      const process = died.record('a').pid;
      if (process !== undefined) assert.equal(world.record('a').pid, process);
      await world.pass(120_000);
      assert.equal(world.status('a'), ends);
      assert.equal(world.host.starts('a'), starts);
      if (process !== undefined && ends === adopted) assert.equal(world.record('a').pid, process);
      assert.deepEqual(world.failures(), []);
    });
  }

  for (const { reason, policy, exit } of [
    { reason: 'gaveUp', policy: recovery({ maxRetries: 1, backoff: { kind: 'never' } }), exit: 1 },
    { reason: 'finished', policy: recovery(), exit: 0 },
  ] as const) {
    it(`STOPPED because it ${reason} stays so, and satisfies its goal`, async () => {
      const revision = revisionOf({ g1: { containers: { a: { recovery: policy } } } });
      const crash = { after: 5, exit: { kind: 'code', code: exit }, times: 2 } as const;
      const { world } = await adopt({
        revision,
        options: { ways: { a: { crash } } },
        before: (died) => died.pass(100),
      });
      assert.equal(world.record('a').stopReason, reason);
      assert.equal(world.joint(), 'READY ACHIEVED');
      await world.pass(120_000);
      assert.equal(world.status('a'), 'STOPPED');
    });
  }

  it('the user stop survives, and an API start ends it', async () => {
    const { world } = await adopt({
      revision: one,
      before: async (died) => {
        await died.pass(0);
        await died.order('container.stop', 'a');
        await died.pass(0);
      },
    });
    assert.equal(world.record('a').stopReason, 'user');
    await world.order('container.start', 'a');
    await world.pass(0);
    assert.equal(world.status('a'), 'STARTED');
  });

  it('a user stop survives that had to wait for volumes being mounted', async () => {
    const { world } = await adopt({
      revision: one,
      options: { ways: { a: { mount: 1_000, unmount: 1_000 } } },
      before: async (died) => {
        await died.pass(500);
        await died.order('container.stop', 'a');
      },
    });
    await world.pass(5_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.record('a').stopReason, 'user');
    assert.equal(world.host.starts('a'), 0);
    assert.deepEqual(world.host.mounted, []);
  });

  it('a system stop does not survive: what it had stopped starts again', async () => {
    const revision = revisionOf({ g1: { containers: { a: {}, b: {}, m: { statusGoal: 'MOUNTED' } } } });
    const { world } = await adopt({
      revision,
      options: { ways: { b: { halt: 2_000 } } },
      before: async (died) => {
        await died.pass(0);
        died.supervisor.send({ type: 'device.stop' });
        await died.pass(1_000);
        assert.deepEqual(died.statuses(), { a: 'STOPPED', b: 'STOPPING', m: 'STOPPED' });
      },
    });
    await world.pass(5_000);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED', m: 'MOUNTED' });
    assert.equal(world.joint(), 'READY ACHIEVED');
  });

  it('after a system stop a new run begins with a full retry budget', async () => {
    const revision = revisionOf({
      g1: { containers: { a: { recovery: recovery({ maxRetries: 2, retryDelayMs: 4_000 }) } } },
    });
    const { world } = await adopt({
      revision,
      before: async (died) => {
        await died.pass(0);
        await died.exit('a', { kind: 'code', code: 7 });
        died.supervisor.send({ type: 'device.stop' });
        await died.pass(1_000);
        assert.equal(died.record('a').retries, 1);
      },
    });
    await world.pass(0);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.record('a').retries, 0);
    assert.equal(world.record('a').lastExit, undefined);
  });

  it('a restart under way is completed', async () => {
    const { world } = await adopt({
      revision: one,
      options: { ways: { a: { halt: 2_000 } } },
      before: async (died) => {
        await died.pass(0);
        await died.order('container.restart', 'a');
      },
    });
    await world.pass(5_000);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.host.starts('a'), 2);
  });

  it('a process without a record is taken for one whose start was just requested', async () => {
    const died = await boot(one, { unchecked: true, ports: forgetful });
    await died.pass(1_000);
    died.cut();
    const world = await boot(one, { after: died });
    await world.pass(0);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.host.starts('a'), 1);
    assert.equal(world.record('a').goalDeadlineAt, 11_000);
  });
});

describe('what died while no supervisor was there (R-08)', () => {
  afterEach(checkWorlds);

  for (const left of ['STARTING', 'STARTED'] as const) {
    it(`${left}: is treated as exited, once`, async () => {
      const revision = revisionOf({ g1: { containers: { a: { recovery: recovery({ maxRetries: 5 }) } } } });
      const crash = { after: 3_000, exit: { kind: 'signal', signal: 'SIGSEGV' }, times: 1 } as const;
      const { died, world } = await adopt({
        revision,
        options: { ways: { a: { start: left === 'STARTING' ? 2_000 : 0, crash } } },
        before: (first) => first.pass(1_000),
        awayMs: 10_000,
      });
      assert.equal(died.status('a'), left);
      await world.pass(5_000);
      assert.equal(world.status('a'), 'STARTED');
      assert.equal(world.record('a').retries, 1);
      assert.deepEqual(world.record('a').lastExit, { kind: 'signal', signal: 'SIGSEGV' });
      assert.deepEqual(world.path('a').slice(0, 2), ['STOPPED', 'INSTALLED']);

      world.cut();
      const next = await boot(revision, { after: world });
      await next.pass(5_000);
      assert.equal(next.record('a').retries, 1);
      assert.equal(next.host.starts('a'), 2);
    });
  }

  it('without recovery: fails, and the device reboots', async () => {
    const crash = { after: 3_000, exit: { kind: 'code', code: 7 }, times: 1 } as const;
    const { world } = await adopt({
      revision: one,
      options: { ways: { a: { crash } } },
      before: (died) => died.pass(0),
      awayMs: 10_000,
    });
    await world.pass(0);
    assert.deepEqual(world.failures(), ['a EXITED']);
    assert.equal(world.host.reboots.length, 1);
  });

  it('STOPPING for the user: the stop is complete', async () => {
    const { world } = await adopt({
      revision: retrying,
      options: { ways: { a: { halt: 3_000 } } },
      before: async (died) => {
        await died.pass(0);
        await died.order('container.stop', 'a');
      },
      awayMs: 10_000,
    });
    await world.pass(10_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.record('a').stopReason, 'user');
    assert.deepEqual(world.host.mounted, []);
  });

  it('STARTING that never ran is no exit: it starts afresh, its counter kept', async () => {
    const revision = revisionOf({ g1: { containers: { a: { recovery: recovery({ maxRetries: 5 }) } } } });
    const empty = await boot(revisionOf({}));
    const record: ContainerRecord = { ...blankRecord('a', 0), status: 'STARTING', startedAt: 0, retries: 2 };
    empty.attachment.ports.journal.write(record);
    empty.cut();
    const world = await boot(revision, { after: empty });
    await world.pass(0);
    assert.equal(world.status('a'), 'STARTED');
    assert.equal(world.record('a').retries, 2);
    assert.equal(world.record('a').lastExit, undefined);
  });

  it('after a power cycle nothing is adopted', async () => {
    const died = await boot(one);
    await died.pass(0);
    died.cut();
    died.host.powerCycle();
    const world = await boot(one, { after: died });
    await world.pass(0);
    assert.deepEqual(world.path('a'), ['INSTALLED', 'MOUNTED', 'STARTING', 'STARTED']);
    assert.equal(world.host.starts('a'), 2);
  });
});
