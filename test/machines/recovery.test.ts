/** What follows an exit (lifecycle §9.1–§9.3; ideas of §22 by number). */

import assert from 'node:assert/strict';
import type { Exit } from '../../machines/domain/recovery.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { bootTrial } from '../support/trial.ts';
import { boot, checkWorlds, type World, type WorldOptions } from '../support/world.ts';

const FAILED: Exit = { kind: 'code', code: 7 };
const DONE: Exit = { kind: 'code', code: 0 };
const ALWAYS = Number.POSITIVE_INFINITY;
const one = (parts: Partial<ContainerSpec> = {}) => revisionOf({ g1: { containers: { a: parts } } });
const crashes = (times: number, exit = FAILED) => ({ ways: { a: { crash: { after: 0, exit, times } } } });

async function bootOne(parts: Partial<ContainerSpec> = {}, options: WorldOptions = {}): Promise<World> {
  const world = await boot(one(parts), options);
  await world.pass(0);
  return world;
}

/** When each start was asked for. */
const startsOf = (world: World): number[] =>
  world.host.diary.flatMap(({ at, line }) => (line === 'start a' ? [at] : []));

describe('an exit without recovery (lifecycle §9.1)', () => {
  afterEach(checkWorlds);

  for (const { idea, restartPolicy } of [
    { idea: 29, restartPolicy: 'system' },
    { idea: 30, restartPolicy: 'container' },
  ] as const) {
    it(`idea ${idea}: reboots the device under restart policy "${restartPolicy}"`, async () => {
      const world = await bootOne({ restartPolicy });
      await world.exit('a', FAILED);
      assert.deepEqual(world.failures(), ['a EXITED']);
      assert.match(
        world.host.reboots[0]?.message ?? '',
        /container a: exit status 7; it has no auto_recovery/,
      );
    });
  }

  it('idea 41: an explicit policy "no" in a group with a default reboots', async () => {
    const world = await boot(
      revisionOf({
        g1: {
          recovery: recovery({ policy: 'always' }),
          containers: { a: { recovery: recovery({ policy: 'no' }) } },
        },
      }),
    );
    await world.pass(0);
    await world.exit('a', FAILED);
    assert.equal(world.host.reboots.length, 1);
  });

  it('idea 31: fails the trial, and the owner decides', async () => {
    const trial = await bootTrial(one(), crashes(1));
    await trial.pass(0);
    assert.equal(trial.reports.at(-1), 'container.failed a EXITED');
    assert.equal(trial.status('a'), 'STOPPED');
  });

  it('idea 42: so does a start that does not come about', async () => {
    const fault = { code: 'START_FAILED', message: 'lxc-start a: exit status 1' } as const;
    const world = await bootOne({}, { ways: { a: { startFails: { fault, times: 1 } } } });
    assert.deepEqual(world.failures(), ['a START_FAILED']);
  });
});

describe('auto-recovery (lifecycle §9.2)', () => {
  afterEach(checkWorlds);

  it('idea 42: a start that does not come about is an exit like any other', async () => {
    const fault = { code: 'START_FAILED', message: 'lxc-start a: exit status 1' } as const;
    const world = await bootOne(
      { recovery: recovery({ retryDelayMs: 1_000 }) },
      { ways: { a: { startFails: { fault, times: 1 } } } },
    );
    assert.equal(world.status('a'), 'RECOVERING');
  });

  it('ideas 32 and 34: delays grow, then the backoff, then the first delay again', async () => {
    const policy = recovery({
      maxRetries: 2,
      retryDelayMs: 4_000,
      backoffFactor: 2,
      backoff: { kind: 'wait', delayMs: 20_000 },
    });
    const world = await bootOne({ recovery: policy }, crashes(ALWAYS));
    await world.pass(36_000);
    assert.deepEqual(startsOf(world), [0, 4_000, 12_000, 32_000, 36_000]);
    assert.equal(world.record('a').retries, 2);
  });

  it('idea 33: backoff "never" stops it, without a reboot, and an API start begins at counter 0', async () => {
    const policy = recovery({ maxRetries: 2, backoff: { kind: 'never' } });
    const world = await boot(
      revisionOf({ g1: { containers: { a: { recovery: policy }, b: {} } } }),
      crashes(3),
    );
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'STOPPED', b: 'STARTED' });
    assert.equal(world.joint(), 'READY ACHIEVED');
    await world.order('container.start', 'a');
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'STARTED', b: 'STARTED' });
    assert.equal(world.record('a').retries, 0);
  });

  it('idea 35: backoff "reboot" reboots', async () => {
    const world = await bootOne({ recovery: recovery({ maxRetries: 1 }) }, crashes(2));
    assert.match(world.host.reboots[0]?.message ?? '', /its retries are spent/);
  });

  for (const backoff of [{ kind: 'reboot' }, { kind: 'never' }, { kind: 'wait', delayMs: 20_000 }] as const) {
    it(`idea 35: spent retries fail a trial under backoff "${backoff.kind}"`, async () => {
      const trial = await bootTrial(one({ recovery: recovery({ maxRetries: 1, backoff }) }), crashes(2));
      await trial.pass(0);
      assert.equal(trial.reports.at(-1), 'container.failed a EXITED');
      assert.equal(trial.host.starts('a'), 2);
    });
  }

  it('spent retries follow the backoff again once the trial is settled', async () => {
    const policy = recovery({ maxRetries: 1, backoff: { kind: 'never' } });
    const trial = await bootTrial(one({ recovery: policy }), crashes(2, FAILED));
    await trial.send({ type: 'revision.settle' });
    await trial.pass(0);
    assert.equal(trial.record('a').stopReason, 'gaveUp');
    assert.deepEqual(
      trial.reports.filter((report) => report.startsWith('container.failed')),
      [],
    );
  });

  it('a settled trial opens the gates that a time-out had kept shut (L-14)', async () => {
    const trial = await bootTrial(
      revisionOf({
        g1: { containers: { a: { statusGoal: 'READY' } } },
        g2: { containers: { b: {} } },
      }),
    );
    await trial.pass(10_000);
    assert.equal(trial.status('b'), 'BLOCKED');
    await trial.send({ type: 'revision.settle' });
    await trial.pass(0);
    assert.equal(trial.status('b'), 'STARTED');
  });

  it('idea 36: without a limit, 100 exits are 100 restarts', async () => {
    const world = await bootOne({ recovery: recovery() }, crashes(100));
    assert.equal(world.host.starts('a'), 101);
    assert.equal(world.status('a'), 'STARTED');
  });

  for (const { uptimeMs, retries } of [
    { uptimeMs: 61_000, retries: 1 },
    { uptimeMs: 60_000, retries: 2 },
  ]) {
    it(`idea 37: after ${uptimeMs / 1000} s of uptime a reset window of 60 s leaves counter ${retries}`, async () => {
      const world = await bootOne({ recovery: recovery({ resetWindowMs: 60_000 }) });
      await world.exit('a');
      await world.pass(0);
      await world.pass(uptimeMs);
      await world.exit('a');
      assert.equal(world.record('a').retries, retries);
    });
  }

  it('idea 38: a delay of 0 goes to INSTALLED without RECOVERING', async () => {
    const world = await bootOne({ recovery: recovery() });
    await world.exit('a');
    assert.ok(!world.path('a').includes('RECOVERING'));
    assert.deepEqual(world.path('a').slice(-4), ['STOPPED', 'INSTALLED', 'MOUNTED', 'STARTING']);
  });

  for (const { policy, exit, why, status } of [
    { policy: 'on-failure', exit: FAILED, why: 'a non-zero exit', status: 'STARTING' },
    {
      policy: 'on-failure',
      exit: { kind: 'signal', signal: 'SIGSEGV' },
      why: 'a death by signal',
      status: 'STARTING',
    },
    { policy: 'on-failure', exit: DONE, why: 'exit 0', status: 'STOPPED' },
    { policy: 'always', exit: DONE, why: 'exit 0', status: 'STARTING' },
    { policy: 'unless-stopped', exit: DONE, why: 'exit 0', status: 'STARTING' },
    { policy: 'unless-stopped', exit: FAILED, why: 'a non-zero exit', status: 'STARTING' },
  ] as const) {
    it(`R-06 (ideas 39, 40): "${policy}" after ${why} is ${status}`, async () => {
      const world = await bootOne({ recovery: recovery({ policy }) });
      await world.exit('a', exit);
      assert.equal(world.status('a'), status);
      assert.deepEqual(world.failures(), []);
    });
  }

  for (const { reached, joint } of [
    { reached: true, joint: 'READY ACHIEVED' },
    { reached: false, joint: 'STOPPED UNACHIEVED' },
  ]) {
    it(`R-06: exit 0 ${reached ? 'after' : 'before'} the goal leaves the group ${joint}`, async () => {
      const world = await bootOne(
        { statusGoal: 'READY', recovery: recovery() },
        { ways: reached ? { a: { readyAfter: 0 } } : {} },
      );
      await world.exit('a', DONE);
      assert.equal(world.record('a').stopReason, 'finished');
      assert.equal(world.joint('g1'), joint);
    });
  }

  it('idea 40: after an API stop "unless-stopped" stays STOPPED', async () => {
    const world = await bootOne({ recovery: recovery({ policy: 'unless-stopped' }) });
    await world.order('container.stop', 'a');
    await world.pass(1_000_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.host.starts('a'), 1);
  });

  it('idea 43: a mount that fails is no exit; policy "always" does not retry it', async () => {
    const fault = { code: 'MOUNT_FAILED', message: 'mount a: EINVAL' } as const;
    const world = await bootOne(
      { recovery: recovery({ policy: 'always' }) },
      { ways: { a: { mountFails: { fault, times: 1 } } } },
    );
    assert.deepEqual(world.failures(), ['a MOUNT_FAILED']);
    assert.equal(world.host.starts('a'), 0);
    assert.deepEqual(world.host.reboots, [fault]);
  });
});
