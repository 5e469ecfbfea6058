/** What was running out when a supervisor died goes on running out at the same instants, and readiness is remembered
 *  (R-08). */

import assert from 'node:assert/strict';
import { adopt } from '../support/adopt.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { checkWorlds } from '../support/world.ts';

const READY = { statusGoal: 'READY' } as const;
const one = revisionOf({ g1: { containers: { a: {} } } });
const retrying = revisionOf({ g1: { containers: { a: { recovery: recovery({ retryDelayMs: 8_000 }) } } } });

describe('what goes on at the same instants (R-08)', () => {
  afterEach(checkWorlds);

  for (const awayMs of [0, 3_000, 60_000]) {
    const when = (at: number) => Math.max(at, awayMs);
    const away = `after ${awayMs / 1000} s without a supervisor`;

    it(`the goal timer, ${away}`, async () => {
      const revision = revisionOf({ g1: { containers: { a: READY } }, g2: { containers: { b: {} } } });
      const { world } = await adopt({ revision, before: (died) => died.pass(0), awayMs });
      await world.pass(20_000);
      assert.equal(world.goal('a'), 'TIMEDOUT');
      assert.equal(world.record('b').startedAt, when(10_000));
    });

    it(`the retry delay, ${away}`, async () => {
      const { world } = await adopt({
        revision: retrying,
        before: async (died) => {
          await died.pass(0);
          await died.exit('a');
        },
        awayMs,
      });
      await world.pass(20_000);
      assert.equal(world.record('a').startedAt, when(8_000));
      assert.equal(world.record('a').retries, 1);
    });

    it(`the grace of a stop, ${away}`, async () => {
      const { world } = await adopt({
        revision: one,
        options: { ways: { a: { ignoresHalt: true } } },
        before: async (died) => {
          await died.pass(0);
          await died.order('container.stop', 'a');
        },
        awayMs,
      });
      await world.pass(20_000);
      assert.equal(world.status('a'), 'STOPPED');
      assert.equal(world.record('a').since, when(5_000));
      assert.equal(world.record('a').stopReason, 'user');
    });

    it(`stability, ${away}`, async () => {
      const revision = revisionOf({
        g1: { containers: { a: { recovery: recovery({ stableTimeoutMs: 30_000 }) } } },
      });
      const { world } = await adopt({ revision, before: (died) => died.pass(0), awayMs });
      await world.pass(0);
      assert.equal(world.record('a').stableAt, 30_000);
      // It is a time on record, not a timer.
      assert.equal(world.attachment.pendingTimers, 0);
    });
  }

  it('the retry counter and the reset window', async () => {
    const revision = revisionOf({
      g1: { containers: { a: { recovery: recovery({ resetWindowMs: 60_000 }) } } },
    });
    const { world } = await adopt({
      revision,
      before: async (died) => {
        await died.pass(0);
        await died.exit('a');
        await died.pass(0);
      },
      awayMs: 59_000,
    });
    assert.equal(world.record('a').retries, 1);
    await world.pass(1_000);
    await world.exit('a');
    await world.pass(0);
    assert.equal(world.record('a').retries, 2);
    await world.pass(60_001);
    await world.exit('a');
    assert.equal(world.record('a').retries, 1);
  });
});

describe('readiness (R-08)', () => {
  afterEach(checkWorlds);

  it('that was announced is remembered', async () => {
    const revision = revisionOf({ g1: { containers: { a: READY } }, g2: { containers: { b: READY } } });
    const { world } = await adopt({
      revision,
      options: { ways: { a: { readyAfter: 100 } } },
      before: (died) => died.pass(100),
    });
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'READY', b: 'STARTED' });
  });

  it('signalled while nobody listened is heard by the next supervisor', async () => {
    const { world } = await adopt({
      revision: revisionOf({ g1: { containers: { a: READY } } }),
      options: { ways: { a: { readyAfter: 100 } } },
      before: (died) => died.pass(0),
      awayMs: 200,
    });
    await world.pass(0);
    assert.equal(world.status('a'), 'READY');
  });

  it('that was latched while STARTING is remembered (L-03)', async () => {
    const { world } = await adopt({
      revision: revisionOf({ g1: { containers: { a: READY } } }),
      options: { ways: { a: { start: 2_000 } } },
      before: (died) => died.order('signal.ready', 'a'),
    });
    await world.pass(2_000);
    assert.equal(world.status('a'), 'READY');
  });
});
