import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { filesOf } from '../../../adapters/host/lxc-places.ts';
import { readPid } from '../../../adapters/host/lxc-survivors.ts';
import type { Exit } from '../../../machines/domain/recovery.ts';
import { follow, IGNORES, LxcWorld, OBEYS, type Running, type Sketch, WAITS } from './lxc-world.ts';

describe('the LXC runtime', () => {
  let world: LxcWorld;
  let runtime: LxcRuntime;
  before(() => {
    world = new LxcWorld();
    runtime = world.runtime();
  });
  after(() => world.close());
  afterEach(() => {
    assert.deepEqual(world.leftovers(), [], 'left behind');
    assert.deepEqual(world.complaints, []);
  });

  function start(name: string, sketch: Sketch): Running {
    const container = world.container(name, sketch);
    return follow((tell) => runtime.start(container, 1, tell));
  }

  function monitorOf(name: string): number {
    return readPid(filesOf(world.layout, name).pidFile) ?? assert.fail('no monitor');
  }

  describe('tells how init ended (R-06)', () => {
    const cases: { name: string; init: string; exit: Exit; why: string }[] = [
      { name: 'lxcw-0', why: 'exit 0', init: 'exit 0', exit: { kind: 'code', code: 0 } },
      { name: 'lxcw-7', why: 'exit 7', init: 'exit 7', exit: { kind: 'code', code: 7 } },
      { name: 'lxcw-255', why: 'exit 255', init: 'exit 255', exit: { kind: 'code', code: 255 } },
      {
        name: 'lxcw-off',
        why: 'power-off from inside, an orderly end',
        init: 'exec poweroff -f',
        exit: { kind: 'code', code: 0 },
      },
      {
        name: 'lxcw-reboot',
        why: 'reboot from inside: an exit, not a second life',
        init: 'exec reboot -f',
        exit: { kind: 'signal', signal: 'SIGHUP' },
      },
    ];
    for (const { name, why, init, exit } of cases) {
      it(why, async () => {
        const running = start(name, { init });
        assert.deepEqual(await running.exited, exit);
        assert.deepEqual(
          running.facts.map(({ type }) => type),
          ['process.started', 'process.exited'],
        );
        assert.ok((await running.started) > 1);
      });
    }

    it('killed from outside', async () => {
      const running = start('lxcw-k', { init: WAITS });
      process.kill(await running.started, 'SIGSEGV');
      process.kill(await running.started, 'SIGKILL');
      assert.deepEqual(await running.exited, { kind: 'signal', signal: 'SIGKILL' });
    });

    it('with its monitor killed, which takes init along and leaves no control group', async () => {
      const running = start('lxcw-m', { init: WAITS });
      await running.started;
      process.kill(monitorOf('lxcw-m'), 'SIGKILL');
      assert.deepEqual(await running.exited, { kind: 'signal', signal: 'SIGKILL' });
    });
  });

  describe('stops (lifecycle §8.1)', () => {
    it('by SIGPWR, whose handler chooses the exit status', async () => {
      const running = start('lxcw-h', { init: OBEYS });
      await running.started;
      await world.appears('lxcw-h', 'tmp/ready');
      running.process.halt();
      assert.deepEqual(await running.exited, { kind: 'code', code: 3 });
    });

    for (const signal of ['SIGUSR1', 'SIGRTMIN+3', '37', 'sigusr1']) {
      it(`by its own lxc.signal.halt = ${signal}`, async () => {
        const name = 'lxcw-hs';
        const caught = signal.toLowerCase() === 'sigusr1' ? 'USR1' : '37';
        const init = `trap "exit 5" ${caught}\n: > /tmp/ready\n${WAITS}`;
        const running = start(name, { init, config: [`lxc.signal.halt = ${signal}`] });
        await running.started;
        await world.appears(name, 'tmp/ready');
        running.process.halt();
        assert.deepEqual(await running.exited, { kind: 'code', code: 5 });
        world.forget(name);
      });
    }

    it('by SIGKILL when the halt signal is ignored', async () => {
      const running = start('lxcw-i', { init: IGNORES });
      await running.started;
      await world.appears('lxcw-i', 'tmp/ready');
      running.process.halt();
      running.process.kill();
      assert.deepEqual(await running.exited, { kind: 'signal', signal: 'SIGKILL' });
    });

    it('once started, when halted while starting', async () => {
      const running = start('lxcw-hw', { init: OBEYS, config: [`lxc.hook.pre-start = sh -c 'sleep 0.1'`] });
      running.process.halt();
      await running.started;
      running.process.kill();
      await running.exited;
    });

    it('at once, when killed while a hook keeps it from starting', async () => {
      const marker = join(world.directory, 'hooked');
      const hook = `lxc.hook.pre-start = sh -c 'touch ${marker}; sleep 1000'`;
      const running = start('lxcw-kw', { init: WAITS, config: [hook] });
      await world.made(marker);
      running.process.kill();
      assert.deepEqual(await running.exited, { kind: 'signal', signal: 'SIGKILL' });
    });

    it('takes no notice of calls after the exit', async () => {
      const running = start('lxcw-after', { init: 'exit 0' });
      await running.exited;
      running.process.halt();
      running.process.kill();
      running.process.detach();
      assert.equal(running.facts.length, 2);
    });

    it('starts again under the same name', async () => {
      const container = world.container('lxcw-again', { init: 'exit 1' });
      for (const round of [1, 2, 3]) {
        const running = follow((tell) => runtime.start(container, 1, tell));
        assert.deepEqual(await running.exited, { kind: 'code', code: 1 }, `round ${round}`);
      }
    });
  });

  it('starts sixteen side by side', async () => {
    const all = Array.from({ length: 16 }, (_, index) => start(`lxcw-p${index}`, { init: WAITS }));
    const pids = await Promise.all(all.map(({ started }) => started));
    assert.equal(new Set(pids).size, 16);
    for (const { process } of all) process.kill();
    for (const exit of await Promise.all(all.map(({ exited }) => exited))) {
      assert.deepEqual(exit, { kind: 'signal', signal: 'SIGKILL' });
    }
  });
});
