/** How containers, alone and all together, are stopped (lifecycle §8; ideas of §22 by number). */

import assert from 'node:assert/strict';
import { recovery, revisionOf } from '../support/revision.ts';
import { bootTrial } from '../support/trial.ts';
import { boot, checkWorlds } from '../support/world.ts';

const one = revisionOf({ g1: { containers: { a: {} } } });

describe('stopping one container (lifecycle §8.1)', () => {
  afterEach(checkWorlds);

  it('idea 27: one that exits within the grace is not killed', async () => {
    const world = await boot(one, { ways: { a: { halt: 2_000 } } });
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(10_000);
    assert.deepEqual(world.timeline('a').slice(-2), ['0 STOPPING', '2000 STOPPED']);
    assert.deepEqual(world.host.calls.slice(2), ['halt a', 'unmount a']);
  });

  it('idea 28: one that ignores the stop is killed after 5 s, then unmounted', async () => {
    const world = await boot(one, { ways: { a: { ignoresHalt: true, kill: 300 } } });
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(4_000);
    assert.equal(world.status('a'), 'STOPPING');
    await world.pass(1_000);
    assert.deepEqual(world.host.mounted, ['a']);
    await world.pass(300);
    assert.equal(world.status('a'), 'STOPPED');
    assert.deepEqual(world.host.calls.slice(2), ['halt a', 'kill a', 'unmount a']);
  });

  it('L-04: a start whose pid never comes is killed after 5 s', async () => {
    const world = await boot(one, { ways: { a: { neverStarts: true } } });
    await world.pass(1_000);
    await world.order('container.stop', 'a');
    await world.pass(5_000);
    assert.deepEqual(world.timeline('a').slice(-2), ['1000 STOPPING', '6000 STOPPED']);
    assert.deepEqual(world.host.alive, []);
  });

  it('a stop while the volumes of a dead process are being unmounted waits for that alone', async () => {
    const revision = revisionOf({ g1: { containers: { a: { recovery: recovery() } } } });
    const world = await boot(revision, { ways: { a: { unmount: 200 } } });
    await world.pass(0);
    await world.exit('a');
    await world.order('container.stop', 'a');
    await world.pass(10_000);
    assert.deepEqual(world.timeline('a').slice(-2), ['0 STOPPING', '200 STOPPED']);
    assert.deepEqual(world.host.calls.slice(2), ['unmount a']);
    assert.equal(world.record('a').stopReason, 'user');
  });

  it('a stop after the runtime broke waits for the volumes alone', async () => {
    const revision = revisionOf({ g1: { containers: { a: { recovery: recovery() } } } });
    const world = await boot(revision, {
      decide: (operation) => {
        if (operation === 'start') throw new Error('a bug in the runtime');
        return operation === 'unmount' ? { latencyMs: 200 } : {};
      },
    });
    await world.order('container.stop', 'a');
    await world.pass(10_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.record('a').stopReason, 'user');
  });

  it('a stop of a container whose volumes could not be unmounted tries again', async () => {
    const fault = { code: 'UNMOUNT_FAILED', message: 'umount root of a: EBUSY' } as const;
    const trial = await bootTrial(
      revisionOf({ g0: { containers: { first: { statusGoal: 'READY' } } }, g1: { containers: { a: {} } } }),
      { ways: { first: { readyAfter: 0 }, a: { unmountFails: { fault, times: 1 } } } },
    );
    const { order } = trial;
    await trial.pass(0);
    await order('a', { type: 'container.stop', by: 'user' });
    await trial.pass(0);
    assert.equal(trial.record('a').stopReason, 'failed');
    assert.deepEqual(trial.host.mounted, ['first', 'a']);

    // Not to be started before `first` is READY again, it is BLOCKED with its old mounts.
    await order('first', { type: 'container.restart' });
    await order('a', { type: 'container.start' });
    assert.equal(trial.status('a'), 'BLOCKED');
    await order('a', { type: 'container.stop', by: 'user' });
    assert.equal(trial.status('a'), 'STOPPED');
    assert.equal(trial.record('a').stopReason, 'user');
    assert.deepEqual(trial.host.mounted, ['first']);
    await trial.pass(0);
  });

  it('repeated stops do not prolong the grace', async () => {
    const world = await boot(one, { ways: { a: { ignoresHalt: true } } });
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(4_000);
    await world.order('container.stop', 'a');
    await world.pass(1_000);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.host.calls.filter((call) => call === 'halt a').length, 1);
  });
});

describe('stopping the device (lifecycle §8.2)', () => {
  afterEach(checkWorlds);

  /** One container in every status, in one picture; `g2` waits for `ready`, which never signals. */
  const everyStatus = revisionOf(
    {
      g1: {
        goalTimeoutMs: 1_000_000,
        containers: {
          started: {},
          ready: { statusGoal: 'READY' },
          signalled: { statusGoal: 'READY' },
          starting: {},
          mounted: { statusGoal: 'MOUNTED' },
          loading: { drivers: { required: ['can'], optional: [], manual: [] } },
          mounting: {},
          recovering: { recovery: recovery({ retryDelayMs: 1_000_000 }) },
          stopping: {},
          stopped: {},
          gaveUp: { recovery: recovery({ maxRetries: 1, backoff: { kind: 'never' } }) },
        },
      },
      g2: { containers: { blocked: {} } },
    },
    { driverSections: [{ scope: 'all', match: '', aliases: new Map([['can', ['can']]]) }] },
  );

  async function bootEveryStatus() {
    const crash = { after: 0, exit: { kind: 'code', code: 1 } as const };
    const world = await boot(everyStatus, {
      ways: {
        started: { halt: 100 },
        signalled: { readyAfter: 10, halt: 4_000 },
        starting: { start: 8_000 },
        mounting: { mount: 8_000 },
        recovering: { crash: { ...crash, times: 1 } },
        stopping: { ignoresHalt: true },
        gaveUp: { crash: { ...crash, times: 2 } },
        ready: { ignoresHalt: true },
      },
      modules: { can: { load: 8_000 } },
    });
    await world.pass(100);
    await world.order('container.stop', 'stopped');
    await world.pass(900);
    await world.order('container.stop', 'stopping');
    assert.deepEqual(world.statuses(), {
      started: 'STARTED',
      ready: 'STARTED',
      signalled: 'READY',
      starting: 'STARTING',
      mounted: 'MOUNTED',
      loading: 'MOUNTED',
      mounting: 'INSTALLED',
      recovering: 'RECOVERING',
      stopping: 'STOPPING',
      stopped: 'STOPPED',
      gaveUp: 'STOPPED',
      blocked: 'BLOCKED',
    });
    return world;
  }

  it('stops containers in every status at once, each with its own grace', async () => {
    const world = await bootEveryStatus();
    await world.pass(1_000);
    world.supervisor.send({ type: 'device.stop' });
    assert.equal(world.supervisor.phase(), 'stopping');
    await world.pass(4_999);
    assert.deepEqual(world.host.alive, ['ready', 'starting']);
    assert.equal(world.supervisor.phase(), 'stopping');
    await world.pass(1);
    assert.deepEqual(new Set(Object.values(world.statuses())), new Set(['STOPPED']));
    assert.equal(world.supervisor.phase(), 'stopped');
    assert.deepEqual(world.host.alive, []);
    // L-10, L-18: volumes of MOUNTED containers too.
    assert.deepEqual(world.host.mounted, []);
    assert.equal(world.attachment.pendingTimers, 0);
    assert.deepEqual(world.failures(), []);
    assert.deepEqual(world.host.reboots, []);
  });

  it('kills at once what runs when forced, in every status', async () => {
    const world = await bootEveryStatus();
    world.supervisor.send({ type: 'device.force' });
    await world.pass(0);
    assert.equal(world.supervisor.phase(), 'stopped');
    assert.deepEqual(world.host.alive, []);
    assert.deepEqual(world.host.mounted, []);
    assert.equal(world.attachment.pendingTimers, 0);
  });

  it('kills at once what still runs when forced after a stop', async () => {
    const world = await bootEveryStatus();
    world.supervisor.send({ type: 'device.stop' });
    await world.pass(1_000);
    world.supervisor.send({ type: 'device.force' });
    await world.pass(0);
    assert.equal(world.supervisor.phase(), 'stopped');
    assert.equal(world.clock.now(), 2_000);
  });

  it('takes no order on a container any more', async () => {
    const world = await bootEveryStatus();
    world.supervisor.send({ type: 'device.stop' });
    await world.order('container.restart', 'started');
    await world.order('container.start', 'recovering');
    await world.pass(10_000);
    assert.equal(world.supervisor.phase(), 'stopped');
    assert.equal(world.host.starts('started'), 1);
    assert.equal(world.host.starts('recovering'), 1);
  });

  it('of a revision without containers is done at once', async () => {
    const world = await boot(revisionOf({ g1: { containers: {} } }));
    world.supervisor.send({ type: 'device.stop' });
    assert.equal(world.supervisor.phase(), 'stopped');
  });

  it('tells its phases', async () => {
    const world = await boot(one, { ways: { a: { halt: 10 } } });
    await world.pass(0);
    world.supervisor.send({ type: 'device.stop' });
    await world.pass(10);
    assert.deepEqual(
      world.told.flatMap((news) => (news.type === 'device' ? [`${news.at} ${news.phase}`] : [])),
      ['0 running', '0 stopping', '10 stopped'],
    );
  });
});
