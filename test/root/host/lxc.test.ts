import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { filesOf } from '../../../adapters/host/lxc-places.ts';
import { readPid } from '../../../adapters/host/lxc-survivors.ts';
import { containerDir } from '../../../machines/domain/layout.ts';
import type { Exit } from '../../../machines/domain/recovery.ts';
import { follow, LxcWorld, type Running, type Sketch } from './lxc-world.ts';

const WAITS = 'while :; do sleep 1000 & wait; done';
const OBEYS = `trap "exit 3" PWR\n: > /tmp/ready\n${WAITS}`;
const IGNORES = `trap "" PWR\n: > /tmp/ready\n${WAITS}`;

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
    return follow((tell) => runtime.start(container, tell));
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
      const running = start('lxcw-hw', { init: OBEYS, config: ['lxc.hook.pre-start = sleep 0.1 && :'] });
      running.process.halt();
      await running.started;
      running.process.kill();
      await running.exited;
    });

    it('at once, when killed while a hook keeps it from starting', async () => {
      const marker = join(world.directory, 'hooked');
      const hook = `lxc.hook.pre-start = touch ${marker} && sleep 1000 && :`;
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
        const running = follow((tell) => runtime.start(container, tell));
        assert.deepEqual(await running.exited, { kind: 'code', code: 1 }, `round ${round}`);
      }
    });
  });

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
        why: 'an address from a pool (state format §21)',
        sketch: {
          init: WAITS,
          spec: {
            network: { mode: 'pool', pool: 'lan0', hostname: undefined, ip: undefined, mac: undefined },
          },
        },
        says: /network pool "lan0"/,
        fix: /lxc\.net/,
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
      const exit = await follow((tell) => runtime.start(container, tell)).exited;
      assert.equal(exit.kind, 'startFailed');
      if (exit.kind !== 'startFailed') return;
      assert.match(exit.fault.message, /missing\.conf: the LXC configuration cannot be read \(ENOENT\)/);
    });

    it('LXC runs one of that name already; the running one goes on', async () => {
      const container = world.container('lxcw-twice', { init: OBEYS });
      const first = follow((tell) => runtime.start(container, tell));
      await first.started;
      const monitor = monitorOf('lxcw-twice');
      const second = await follow((tell) => runtime.start(container, tell)).exited;
      assert.equal(second.kind === 'startFailed' && second.fault.errno, 'EBUSY');
      process.kill(monitor, 0);
      first.process.kill();
      await first.exited;
    });
  });

  describe('gives the container (storage §7.3, §8)', () => {
    async function output(name: string, script: string, sketch: Sketch = {}): Promise<readonly string[]> {
      const running = start(name, { ...sketch, init: `{ ${script}; } > /tmp/out 2>&1` });
      await running.exited;
      return world.read(name, 'tmp/out').trim().split('\n');
    }

    it('its name as host name', async () => {
      assert.deepEqual(await output('lxcw-uts', 'hostname'), ['lxcw-uts']);
    });

    it('the host name of run.json before that of its configuration (state format §21)', async () => {
      const network = {
        mode: 'none',
        pool: undefined,
        hostname: 'given',
        ip: undefined,
        mac: undefined,
      } as const;
      const sketch: Sketch = { config: ['lxc.uts.name = own'], spec: { network } };
      assert.deepEqual(await output('lxcw-uts2', 'hostname', sketch), ['given']);
    });

    it('/pantavisor with its own logs and metadata, read-only', async () => {
      world.write(join(world.layout.runDir, 'user-meta.lxcw-pv', 'color'), 'red');
      world.write(join(world.layout.runDir, 'user-meta', 'lxcw-pv.color'), 'red');
      const script = 'cd /pantavisor; ls; ls user-meta; ls logs; (: > user-meta/x); (: > x)';
      const lines = await output('lxcw-pv', script);
      assert.deepEqual(lines.slice(0, 5), ['device-meta', 'logs', 'user-meta', 'color', 'lxc']);
      assert.match(lines.slice(5).join(), /Read-only.*Read-only/);
    });

    it('to mgmt the logs and metadata of all', async () => {
      world.write(join(world.layout.runDir, 'user-meta', 'other.color'), 'blue');
      const lines = await output('lxcw-mgmt', 'cd /pantavisor; cat user-meta/other.color; echo; ls logs', {
        spec: { roles: ['mgmt'] },
      });
      assert.deepEqual(lines, ['blue', '0']);
    });

    it('a door whose sockets may come later than the container', async () => {
      const door = join(world.layout.runDir, 'doors/lxcw-door');
      const init = `: > /tmp/ready\nwhile [ ! -e /pantavisor/pv-ctrl ]; do sleep 0.01; done\nexit 4`;
      const running = start('lxcw-door', { init });
      await running.started;
      await world.appears('lxcw-door', 'tmp/ready');
      world.write(join(door, 'pv-ctrl'), '');
      assert.deepEqual(await running.exited, { kind: 'code', code: 4 });
    });

    it('paths of its configuration where this host has them', async () => {
      world.write(join(world.layout.volumes, 'lxcw-path/data/file'), 'there');
      world.write(join(containerDir(world.layout, 'lxcw-path'), 'beside'), 'here');
      const config = [
        'lxc.include = more.conf',
        'lxc.mount.entry = beside tmp/beside none bind,create=file 0 0',
      ];
      world.write(
        join(containerDir(world.layout, 'lxcw-path'), 'more.conf'),
        'lxc.mount.entry = /volumes/lxcw-path/data mnt none bind,create=dir 0 0\n',
      );
      assert.deepEqual(await output('lxcw-path', 'cat /mnt/file; echo; cat /tmp/beside', { config }), [
        'there',
        'here',
      ]);
    });

    it('hooks of the host', async () => {
      const hook = join(world.layout.libDir, 'pv/hooks_lxc-mount.d/mdev.sh');
      world.write(hook, '#!/bin/sh\necho $LXC_NAME > $LXC_ROOTFS_MOUNT/etc/hooked\n', 0o755);
      world.write(join(hook, '../notes.txt'), 'no program');
      runtime = world.runtime();
      assert.deepEqual(await output('lxcw-hook', 'cat /etc/hooked'), ['lxcw-hook']);
    });

    it('a console log', async () => {
      const running = start('lxcw-cons', { init: 'echo hello from init > /dev/console; exit 0' });
      await running.exited;
      assert.match(readFileSync(filesOf(world.layout, 'lxcw-cons').consoleLog, 'utf8'), /hello from init/);
    });

    it('exports to others while it runs, shared (state format §20)', async () => {
      const running = start('lxcw-exp', { init: OBEYS, spec: { exports: ['/etc', 'tmp'] } });
      await running.started;
      await world.appears('lxcw-exp', 'tmp/ready');
      const exported = join(world.layout.exports, 'lxcw-exp');
      assert.ok(existsSync(join(exported, 'tmp/ready')));
      const rows = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
      const shared = rows.filter((row) => row.includes(` ${exported}/`) && row.includes(' shared:'));
      assert.equal(shared.length, 2);
      const user = world.container('lxcw-use', {
        init: 'cat /mnt/ready && exit 6',
        config: ['lxc.mount.entry = /exports/lxcw-exp/tmp mnt none bind,create=dir 0 0'],
      });
      const reader = follow((tell) => runtime.start(user, tell));
      assert.deepEqual(await reader.exited, { kind: 'code', code: 6 });
      running.process.kill();
      await running.exited;
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
