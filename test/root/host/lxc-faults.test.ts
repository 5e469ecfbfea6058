import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { filesOf } from '../../../adapters/host/lxc-places.ts';
import { readPid } from '../../../adapters/host/lxc-survivors.ts';
import { follow, LxcWorld, OBEYS, type Running, type Sketch, WAITS } from './lxc-world.ts';

describe('the LXC runtime, when a start fails', () => {
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

  describe('tells why a start did not come about', () => {
    const cases: { name: string; why: string; sketch: Sketch; says: RegExp; fix: RegExp }[] = [
      {
        name: 'lxcw-noinit',
        why: 'no init',
        sketch: {},
        says: /No such file or directory - Failed to exec "\/sbin\/init"/,
        fix: /executable init/,
      },
      {
        name: 'lxcw-key',
        why: 'a line LXC does not know',
        sketch: { init: WAITS, config: ['lxc.nonsense = 1'] },
        says: /Unsupported config key "lxc.nonsense"/,
        fix: /Correct the line/,
      },
      {
        name: 'lxcw-line',
        why: 'a line that is none',
        sketch: { init: WAITS, config: ['nonsense'] },
        says: /lxc\.container\.conf:3: "nonsense" is not KEY = VALUE/,
        fix: /run\.json/,
      },
      {
        name: 'lxcw-mount',
        why: 'a mount without a source',
        sketch: { init: WAITS, config: ['lxc.mount.entry = /nowhere mnt none bind,create=dir 0 0'] },
        says: /Failed to mount "\/nowhere"/,
        fix: /lxc\.mount\.entry/,
      },
      {
        name: 'lxcw-type',
        why: 'a type without a runtime (state format §8.2)',
        sketch: { init: WAITS, spec: { type: 'wasm' } },
        says: /no runtime for containers of type "wasm"/,
        fix: /"lxc"/,
      },
      {
        name: 'lxcw-pool',
        why: 'a network pool that device.json does not have (state format §21)',
        sketch: {
          init: WAITS,
          spec: {
            network: { mode: 'pool', pool: 'lan0', hostname: undefined, ip: undefined, mac: undefined },
          },
        },
        says: /network pool "lan0": device\.json has no usable pool/,
        fix: /add the pool/,
      },
      {
        name: `lxcw-${'x'.repeat(80)}`,
        why: 'a name that does not fit into LXC’s sockets',
        sketch: { init: WAITS },
        says: /too long for LXC's sockets/,
        fix: /shorter run directory/,
      },
      {
        name: 'lxcw-export',
        why: 'an export that is not there (state format §20)',
        sketch: { init: WAITS, spec: { exports: ['/etc', '/nowhere'] } },
        says: /exporting \/nowhere failed: ENOENT/,
        fix: /root file system/,
      },
      {
        name: 'lxcw-nohook',
        why: 'a hook that calls what is not installed',
        sketch: { init: WAITS, config: ['lxc.hook.mount = no-such-program'] },
        says: /Script exited with status 127/,
        fix: /Install what its hooks call; .*busybox/,
      },
      {
        name: 'lxcw-net',
        why: 'a network it cannot have',
        sketch: { init: WAITS, config: ['lxc.net.0.type = veth', 'lxc.net.0.link = nobridge0'] },
        says: /nobridge0|network/i,
        fix: /lxc\.net/,
      },
    ];
    for (const { name, why, sketch, says, fix } of cases) {
      it(why, async () => {
        const running = start(name, sketch);
        const exit = await running.exited;
        assert.equal(exit.kind, 'startFailed');
        if (exit.kind !== 'startFailed') return;
        assert.equal(exit.fault.code, 'START_FAILED');
        assert.match(exit.fault.message, says);
        assert.match(exit.fault.fix ?? '', fix);
        assert.equal(running.facts.length, 1);
      });
    }

    it('a missing configuration', async () => {
      const container = world.container('lxcw-conf', { init: WAITS, spec: { config: 'missing.conf' } });
      const exit = await follow((tell) => runtime.start(container, 1, tell)).exited;
      assert.equal(exit.kind, 'startFailed');
      if (exit.kind !== 'startFailed') return;
      assert.match(exit.fault.message, /missing\.conf: the LXC configuration cannot be read \(ENOENT\)/);
    });

    it('LXC runs one of that name already; the running one goes on', async () => {
      const container = world.container('lxcw-twice', { init: OBEYS });
      const first = follow((tell) => runtime.start(container, 1, tell));
      await first.started;
      const monitor = monitorOf('lxcw-twice');
      const second = await follow((tell) => runtime.start(container, 1, tell)).exited;
      assert.equal(second.kind === 'startFailed' && second.fault.errno, 'EBUSY');
      process.kill(monitor, 0);
      first.process.kill();
      await first.exited;
    });
  });

  it('complains of a halt that it could not carry out, and still kills', async () => {
    const running = start('lxcw-nohalt', { init: OBEYS });
    await running.started;
    const { config } = filesOf(world.layout, 'lxcw-nohalt');
    rmSync(config);
    mkdirSync(config);
    running.process.halt();
    assert.match(
      world.complaints
        .splice(0)
        .map(({ message }) => message)
        .join(),
      /EISDIR/,
    );
    running.process.kill();
    assert.deepEqual(await running.exited, { kind: 'signal', signal: 'SIGKILL' });
    rmSync(config, { recursive: true });
  });
});
