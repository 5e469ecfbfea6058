/** How a container that reached its goal becomes stable (lifecycle §9.4; ideas of §22 by number). */

import assert from 'node:assert/strict';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { bootTrial } from '../support/trial.ts';
import { boot, checkWorlds, type World, type WorldOptions } from '../support/world.ts';

const one = (parts: Partial<ContainerSpec>) => revisionOf({ g1: { containers: { a: parts } } });

async function bootOne(parts: Partial<ContainerSpec>, options: WorldOptions = {}): Promise<World> {
  const world = await boot(one(parts), options);
  await world.pass(0);
  return world;
}

describe('stability (lifecycle §9.4)', () => {
  afterEach(checkWorlds);

  const stable = recovery({ stableTimeoutMs: 30_000 });

  it('begins when the goal is reached, once per start', async () => {
    const world = await bootOne(
      { statusGoal: 'READY', recovery: stable },
      { ways: { a: { readyAfter: 1_000 } } },
    );
    assert.equal(world.record('a').stableAt, undefined);
    await world.pass(1_000);
    assert.equal(world.record('a').stableAt, 31_000);
    await world.pass(5_000);
    await world.order('signal.ready', 'a');
    assert.equal(world.record('a').stableAt, 31_000);
  });

  it('begins anew after a crash', async () => {
    const world = await bootOne({ recovery: stable });
    await world.pass(20_000);
    await world.exit('a');
    await world.pass(0);
    assert.equal(world.record('a').stableAt, 50_000);
  });

  it('L-09: does not exist for the goal MOUNTED', async () => {
    const world = await bootOne({ statusGoal: 'MOUNTED', recovery: stable });
    assert.equal(world.record('a').stableAt, undefined);
    assert.equal(world.attachment.pendingTimers, 0);
  });

  it('idea 53: a user stop in a trial leaves nothing to wait for', async () => {
    const trial = await bootTrial(one({ recovery: stable }));
    await trial.pass(0);
    await trial.order('a', { type: 'container.stop', by: 'user' });
    await trial.pass(0);
    assert.equal(trial.record('a').stableAt, undefined);
    assert.equal(trial.reports.at(-1), 'revision.changed READY ACHIEVED');
  });
});
