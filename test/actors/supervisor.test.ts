/** The whole system: in which order things become durable, told and done, and what happens when something breaks. */

import assert from 'node:assert/strict';
import type { Clock, Ports } from '../../actors/ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { ContainerRecord } from '../../machines/domain/record.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import type { Status } from '../../machines/domain/status.ts';
import type { Decide } from '../../sim/conduct.ts';
import { recovery, revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

const one = revisionOf({ g1: { containers: { a: {} } } });
const busy = { code: 'UNMOUNT_FAILED', message: 'umount root of a: EBUSY', errno: 'EBUSY' } as const;
const broken = { code: 'MOUNT_FAILED', message: 'mount root.squashfs of a: EINVAL' } as const;

const containersTold = (told: readonly Announcement[]) =>
  told.flatMap((news) => (news.type === 'container' ? [news.record.status] : []));

/** A journal that cannot write records of this status. */
function refusing(status: Status): (ports: Ports) => Ports {
  return (ports) => {
    const write = (record: ContainerRecord): void => {
      if (record.status === status)
        throw new SupervisorError('JOURNAL_FAILED', `write ${record.name}: ENOSPC`);
      ports.journal.write(record);
    };
    return { ...ports, journal: { ...ports.journal, write } };
  };
}

function failingClock(clock: Clock, fails: () => boolean, error: Error): Clock {
  return {
    now: () => {
      if (fails()) throw error;
      return clock.now();
    },
    setTimeout: (call, delayMs) => clock.setTimeout(call, delayMs),
    clearTimeout: (handle) => clock.clearTimeout(handle),
  };
}

describe('every change (R-09)', () => {
  afterEach(checkWorlds);

  it('is durable, then told, then acted on', async () => {
    const order: string[] = [];
    const decide: Decide = (operation, subject) => {
      if (operation !== 'record') order.push(`${operation} ${subject}`);
      return {};
    };
    const revision = revisionOf({ g1: { containers: { a: { recovery: recovery() } } } });
    const world = await boot(revision, {
      decide,
      heard: (news, host) => {
        if (news.type !== 'container') return;
        assert.equal(host.records.get(news.record.name), news.record, 'told before it was durable');
        order.push(`told ${news.record.status}`);
      },
    });
    await world.pass(0);
    await world.exit('a');
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(0);
    const climb = ['told INSTALLED', 'mount a', 'told MOUNTED', 'told STARTING', 'start a', 'told STARTED'];
    assert.deepEqual(order, [
      ...climb,
      'unmount a',
      'told STOPPED',
      ...climb,
      'told STOPPING',
      'halt a',
      'unmount a',
      'told STOPPED',
    ]);
  });

  for (const { at, acted } of [
    { at: 'INSTALLED', acted: ['mount a'] },
    { at: 'MOUNTED', acted: ['mount a'] },
    { at: 'STARTING', acted: ['mount a', 'start a'] },
    { at: 'STARTED', acted: ['mount a', 'start a'] },
  ] as const) {
    it(`that cannot be made durable (${at}) crashes the supervisor; no more is told, nothing new begun`, async () => {
      const world = await boot(one, { unchecked: true, ports: refusing(at) });
      await world.pass(1_000_000);
      assert.deepEqual(
        world.crashes.map((error) => error instanceof SupervisorError && error.fault.code),
        ['JOURNAL_FAILED'],
      );
      const told = containersTold(world.told);
      assert.deepEqual(told, ['INSTALLED', 'MOUNTED', 'STARTING', 'STARTED'].slice(0, told.length));
      assert.ok(!told.includes(at));
      assert.deepEqual(world.host.calls, acted);
      assert.equal(world.attachment.pendingTimers, 0);
      assert.deepEqual(world.host.violations, []);
    });
  }

  for (const at of ['STARTING', 'STARTED'] as const) {
    it(`that was not made durable (${at}) is found by the next supervisor all the same`, async () => {
      const dying = await boot(one, { unchecked: true, ports: refusing(at) });
      await dying.pass(1_000);
      dying.cut();
      const world = await boot(one, { after: dying });
      await world.pass(0);
      assert.equal(world.status('a'), 'STARTED');
      assert.equal(world.host.starts('a'), 1);
    });
  }
});

describe('what breaks', () => {
  afterEach(checkWorlds);

  it('an error in a chart reaches `crashed`, once, and lets the containers go', async () => {
    const bug = new Error('a clock that fails makes a chart fail');
    let fails = false;
    const world = await boot(revisionOf({ g1: { containers: { a: {}, b: {} } } }), {
      unchecked: true,
      ports: (ports) => ({ ...ports, clock: failingClock(ports.clock, () => fails, bug) }),
    });
    await world.pass(0);
    fails = true;
    await world.order('container.stop', 'a');
    await world.pass(1_000_000);
    assert.deepEqual(world.crashes, [bug]);
    assert.equal(world.attachment.pendingTimers, 0);
    assert.deepEqual(world.host.alive, ['a', 'b']);
  });

  it('a runtime that throws instead of telling fails that container alone', async () => {
    const world = await boot(
      revisionOf({ g1: { containers: { a: { recovery: recovery({ retryDelayMs: 1_000 }) }, b: {} } } }),
      {
        decide: (operation, subject) => {
          if (operation === 'start' && subject === 'a') throw new Error('a bug in the runtime');
          return {};
        },
      },
    );
    await world.pass(0);
    assert.deepEqual(world.statuses(), { a: 'RECOVERING', b: 'STARTED' });
    const exit = world.record('a').lastExit;
    assert.ok(exit?.kind === 'startFailed' && exit.fault.code === 'UNEXPECTED');
  });

  it('a mount that fails is undone and reported with its fault', async () => {
    const world = await boot(one, { ways: { a: { mount: 10, mountFails: { fault: broken, times: 1 } } } });
    await world.pass(10);
    assert.deepEqual(world.failures(), ['a MOUNT_FAILED']);
    assert.deepEqual(world.host.mounted, []);
    assert.deepEqual(world.record('a').fault, broken);
  });

  it('an unmount that fails leaves the container STOPPED, with the fault, and not restarted', async () => {
    const revision = revisionOf({ g1: { containers: { a: { recovery: recovery({ policy: 'always' }) } } } });
    const world = await boot(revision, { ways: { a: { unmountFails: { fault: busy, times: 9 } } } });
    await world.pass(0);
    await world.exit('a');
    assert.deepEqual(world.failures(), ['a UNMOUNT_FAILED']);
    assert.equal(world.status('a'), 'STOPPED');
    assert.equal(world.host.starts('a'), 1);
    assert.deepEqual(world.host.mounted, ['a']);
    assert.deepEqual(world.host.reboots, [busy]);
  });

  it('an unmount that fails during a stop does not keep the device from stopping', async () => {
    const world = await boot(one, { ways: { a: { unmountFails: { fault: busy, times: 9 } } } });
    await world.pass(0);
    world.supervisor.send({ type: 'device.stop' });
    await world.pass(0);
    assert.deepEqual(world.failures(), ['a UNMOUNT_FAILED']);
    assert.equal(world.supervisor.phase(), 'stopped');
  });
});

describe('a failed container without an update (lifecycle §9.1)', () => {
  afterEach(checkWorlds);

  it('a required service that nobody exports: no container is touched, the device reboots (state format §17.1)', async () => {
    const log = { name: 'log', type: 'unix', role: undefined, interface: undefined, target: undefined };
    const needy = { services: { required: [log], optional: [] } };
    const world = await boot(revisionOf({ g1: { containers: { a: {} } }, g2: { containers: { b: needy } } }));
    await world.pass(0);
    assert.deepEqual(world.host.starts('a'), 0);
    assert.match(
      world.host.reboots[0]?.message ?? '',
      /^container b requires service log, which no container exports/,
    );
    assert.ok(!world.host.calls.some((call) => call.startsWith('mount')));
    assert.equal(world.supervisor.phase(), 'rebooting');
  });

  it('a required service that another container exports is no obstacle', async () => {
    const log = { name: 'log', type: 'unix', role: undefined, interface: undefined, target: undefined };
    const offer = {
      name: 'log',
      type: 'unix',
      socket: '/run/log',
      owns: undefined,
      bus: undefined,
      role: undefined,
      allow: [],
    };
    const world = await boot(
      revisionOf({
        g1: {
          containers: { a: { serviceExports: [offer] }, b: { services: { required: [log], optional: [] } } },
        },
      }),
    );
    await world.pass(0);
    assert.equal(world.joint(), 'READY ACHIEVED');
  });

  it('has the device rebooted, once, after every container has stopped', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {}, b: {}, c: {} } } }), {
      ways: { b: { halt: 2_000 }, c: { ignoresHalt: true } },
    });
    await world.pass(0);
    await world.exit('a', { kind: 'signal', signal: 'SIGSEGV' });
    assert.equal(world.supervisor.phase(), 'stopping');
    await world.pass(4_999);
    assert.equal(world.host.reboots.length, 0);
    await world.pass(1);
    assert.equal(world.supervisor.phase(), 'rebooting');
    assert.equal(world.host.reboots.length, 1);
    assert.match(world.host.reboots[0]?.message ?? '', /container a: killed by SIGSEGV/);
    assert.deepEqual(world.host.mounted, []);
  });

  it('names the first failure as the reason, and tells of every one', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: {}, b: {} } } }), {
      ways: { b: { unmountFails: { fault: busy, times: 9 } } },
    });
    await world.pass(0);
    await world.exit('a');
    await world.pass(0);
    assert.deepEqual(world.failures(), ['a EXITED', 'b UNMOUNT_FAILED']);
    assert.deepEqual(
      world.host.reboots.map(({ code }) => code),
      ['EXITED'],
    );
  });
});

describe('letting go (R-08)', () => {
  afterEach(checkWorlds);

  it('leaves every process and mount, and no timer', async () => {
    const world = await boot(revisionOf({ g1: { containers: { a: { statusGoal: 'READY' }, b: {} } } }));
    await world.pass(0);
    const calls = [...world.host.calls];
    world.supervisor.detach();
    assert.deepEqual(world.host.alive, ['a', 'b']);
    assert.deepEqual(world.host.mounted, ['a', 'b']);
    assert.equal(world.attachment.pendingTimers, 0);
    assert.deepEqual(world.host.calls, calls);
  });
});
