/** Helper processes kept alive, on the fake clock: every row of the table in control API §6.12. */

import assert from 'node:assert/strict';
import { createDaemons, type DaemonKeeper } from '../../actors/daemons.ts';
import type { DaemonSpawner } from '../../actors/ports.ts';
import type { InitMode } from '../../machines/domain/daemon.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import { advance, VirtualClock } from '../../sim/clock.ts';
import { Diary } from '../../sim/diary.ts';
import { FakeDaemons } from '../../sim/fake-daemons.ts';

interface Ways {
  readonly installed?: readonly string[];
  readonly initMode?: InitMode;
  readonly terminateMs?: number;
}

describe('daemons (control API §6.12)', () => {
  const keepers: DaemonKeeper[] = [];
  afterEach(() => {
    for (const keeper of keepers.splice(0)) keeper.detach();
  });

  const prepare = ({ installed = ['pv-xconnect'], initMode = 'appengine', terminateMs = 0 }: Ways = {}) => {
    const clock = new VirtualClock();
    const diary = new Diary(() => clock.now(), undefined);
    const fakes = new FakeDaemons({ clock, diary, installed: new Set(installed), terminateMs });
    const complaints: Fault[] = [];
    const supervise = (spawner: DaemonSpawner = fakes.spawner()): DaemonKeeper => {
      const complain = (fault: Fault) => complaints.push(fault);
      const keeper = createDaemons({ spawner, clock, initMode, complain });
      keepers.push(keeper);
      return keeper;
    };
    const keeper = supervise();
    const pass = (ms: number) => advance(clock, clock.now() + ms);
    const shown = (name = 'pv-xconnect', of = keeper) => {
      const view = of.list().find((daemon) => daemon.name === name);
      return `${view?.pid} ${view?.respawn}`;
    };
    return { clock, diary, fakes, keeper, supervise, pass, shown, complaints };
  };

  it('lists them all, in one order', () => {
    const { keeper } = prepare();
    assert.deepEqual(keeper.list(), [
      { name: 'hwrngd', pid: 0, respawn: true },
      { name: 'pv-xconnect', pid: 0, respawn: true },
      { name: 'pv-dbus', pid: 0, respawn: true },
    ]);
  });

  it('running: its pid; executable missing: 0, no respawn', async () => {
    const { keeper, pass, shown } = prepare();
    keeper.begin();
    await pass(0);
    assert.equal(shown('pv-xconnect'), '400 true');
    assert.equal(shown('pv-dbus'), '0 false');
  });

  for (const { initMode, expected } of [
    { initMode: 'embedded', expected: '400 true' },
    { initMode: 'standalone', expected: '400 true' },
    { initMode: 'appengine', expected: '0 true' },
  ] as const) {
    it(`hwrngd in init mode ${initMode}: ${expected}, also when it is started by hand`, async () => {
      const { keeper, pass, shown } = prepare({ installed: ['hwrngd'], initMode });
      keeper.begin();
      await pass(0);
      assert.equal(shown('hwrngd'), expected);
      assert.ok(keeper.start('hwrngd'));
      await pass(10_000);
      assert.equal(shown('hwrngd'), expected);
    });
  }

  it('stopped over the API: -1, no respawn, and nothing follows', async () => {
    const { keeper, pass, shown, diary } = prepare();
    keeper.begin();
    await pass(0);
    assert.ok(keeper.stop('pv-xconnect'));
    await pass(0);
    assert.equal(shown(), '-1 false');
    await pass(60_000);
    assert.equal(shown(), '-1 false');
    assert.deepEqual(
      diary.lines('call').filter((line) => line.endsWith('pv-xconnect')),
      ['spawn pv-xconnect', 'terminate pv-xconnect'],
    );
  });

  it('still going after a stop: its pid, no respawn', async () => {
    const { keeper, pass, shown } = prepare({ terminateMs: 3_000 });
    keeper.begin();
    await pass(0);
    keeper.stop('pv-xconnect');
    assert.equal(shown(), '400 false');
    await pass(3_000);
    assert.equal(shown(), '-1 false');
  });

  it('exited: no process and respawn, then a new pid after 5 s', async () => {
    const { keeper, pass, shown, fakes } = prepare();
    keeper.begin();
    await pass(0);
    fakes.crash('pv-xconnect');
    assert.equal(shown(), '0 true');
    await pass(4_999);
    assert.equal(shown(), '0 true');
    await pass(1);
    assert.equal(shown(), '401 true');
  });

  it('stopped while it waits for the respawn: it stays away', async () => {
    const { keeper, pass, shown, fakes } = prepare();
    keeper.begin();
    await pass(0);
    fakes.crash('pv-xconnect');
    keeper.stop('pv-xconnect');
    await pass(60_000);
    assert.equal(shown(), '-1 false');
  });

  it('started after a stop: the delay comes first', async () => {
    const { keeper, pass, shown } = prepare();
    keeper.begin();
    await pass(0);
    keeper.stop('pv-xconnect');
    await pass(0);
    keeper.start('pv-xconnect');
    assert.equal(shown(), '0 true');
    await pass(5_000);
    assert.equal(shown(), '401 true');
  });

  it('test idea 43: stop and start without a wait between ends with a new pid', async () => {
    const { keeper, pass, shown } = prepare({ terminateMs: 100 });
    keeper.begin();
    await pass(0);
    keeper.stop('pv-xconnect');
    keeper.start('pv-xconnect');
    assert.equal(shown(), '400 true');
    await pass(100);
    assert.equal(shown(), '0 true');
    await pass(5_000);
    assert.equal(shown(), '401 true');
  });

  it('the last of several commands counts', async () => {
    const { keeper, pass, shown } = prepare({ terminateMs: 100 });
    keeper.begin();
    await pass(0);
    for (const order of ['stop', 'start', 'stop', 'start', 'stop'] as const) keeper[order]('pv-xconnect');
    await pass(60_000);
    assert.equal(shown(), '-1 false');
  });

  it('a start changes nothing for one that runs', async () => {
    const { keeper, pass, shown, diary } = prepare();
    keeper.begin();
    await pass(0);
    keeper.start('pv-xconnect');
    await pass(10_000);
    assert.equal(shown(), '400 true');
    assert.equal(diary.lines('call').filter((line) => line === 'spawn pv-xconnect').length, 1);
  });

  it('a start of a missing one looks again', async () => {
    const { keeper, pass, shown, diary } = prepare({ installed: [] });
    keeper.begin();
    await pass(0);
    keeper.start('pv-xconnect');
    await pass(0);
    assert.equal(shown(), '0 false');
    assert.equal(diary.lines('call').filter((line) => line === 'spawn pv-xconnect').length, 2);
  });

  it('stopped before it ever ran: 0, no respawn; a start runs it at once', async () => {
    const { keeper, pass, shown } = prepare();
    keeper.stop('pv-xconnect');
    keeper.begin();
    await pass(0);
    assert.equal(shown(), '0 false');
    keeper.start('pv-xconnect');
    await pass(0);
    assert.equal(shown(), '400 true');
  });

  it('knows no others', () => {
    const { keeper } = prepare();
    assert.equal(keeper.start('sshd'), false);
    assert.equal(keeper.stop('sshd'), false);
  });

  describe('the end of the device (logs and metadata §9)', () => {
    it('terminates all and waits for them', async () => {
      const { keeper, pass, fakes } = prepare({ installed: ['pv-xconnect', 'pv-dbus'], terminateMs: 100 });
      keeper.begin();
      await pass(0);
      const ended = keeper.end();
      await pass(100);
      await ended;
      assert.deepEqual(fakes.alive, []);
      await pass(60_000);
      assert.deepEqual(fakes.alive, []);
    });

    it('kills after 5 s what does not go', async () => {
      const { keeper, pass, fakes, diary } = prepare({ terminateMs: Number.POSITIVE_INFINITY });
      keeper.begin();
      await pass(0);
      const ended = keeper.end();
      await pass(4_999);
      assert.deepEqual(fakes.alive, ['pv-xconnect']);
      await pass(1);
      await ended;
      assert.ok(diary.lines('call').includes('kill pv-xconnect'));
      assert.deepEqual(fakes.alive, []);
    });

    for (const { why, before } of [
      { why: 'never begun', before: () => undefined },
      {
        why: 'stopped',
        before: (keeper: DaemonKeeper) => {
          keeper.begin();
          keeper.stop('pv-xconnect');
        },
      },
    ]) {
      it(`is reached at once by one that was ${why}, and twice is once`, async () => {
        const { keeper, pass } = prepare();
        before(keeper);
        await pass(0);
        await keeper.end();
        await keeper.end();
        assert.ok(keeper.start('pv-xconnect'));
      });
    }
  });

  it('outlive the supervisor; the next one takes them over, and keeps them alive (R-08)', async () => {
    const { keeper, supervise, pass, shown, fakes } = prepare();
    keeper.begin();
    await pass(0);
    keeper.detach();
    await pass(60_000);
    const next = supervise();
    next.begin();
    await pass(0);
    assert.equal(shown('pv-xconnect', next), '400 true');
    fakes.crash('pv-xconnect');
    await pass(5_000);
    assert.equal(shown('pv-xconnect', next), '401 true');
  });

  it('a start that fails is complained of, and tried again after 5 s', async () => {
    const { supervise, pass, shown, complaints } = prepare();
    const failure = new SupervisorError('START_FAILED', 'starting pv-xconnect failed: EAGAIN');
    const starts: string[] = [];
    const next = supervise({
      spawn: (name, tell) => {
        starts.push(name);
        if (starts.length > 2) throw failure;
        tell({ type: 'daemon.exited', fault: failure.fault });
        return { terminate: () => undefined, kill: () => undefined, detach: () => undefined };
      },
    });
    next.begin();
    await pass(0);
    assert.equal(shown('pv-xconnect', next), '0 true');
    assert.deepEqual(complaints, [failure.fault, failure.fault]);
    await pass(5_000);
    assert.equal(shown('pv-xconnect', next), '0 true');
    assert.equal(complaints.length, 4);
  });
});
