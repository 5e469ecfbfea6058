import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { filesOf } from '../../../adapters/host/lxc-places.ts';
import { containerDir } from '../../../machines/domain/layout.ts';
import { follow, LxcWorld, OBEYS, type Running, type Sketch } from './lxc-world.ts';

describe('the LXC runtime, from inside', () => {
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
      const hooks = join(world.layout.libDir, 'pv/hooks_lxc-mount.d');
      const script = '#!/bin/sh\necho $LXC_NAME > $LXC_ROOTFS_MOUNT/etc/hooked\n';
      world.write(join(hooks, 'remount.sh'), script, 0o755);
      world.write(join(hooks, 'notes.txt'), 'no program');
      // What these do is done by the supervisor itself.
      for (const ours of ['export.sh', 'mdev.sh'])
        world.write(join(hooks, ours), '#!/bin/sh\nexit 1\n', 0o755);
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
      const reader = follow((tell) => runtime.start(user, 1, tell));
      assert.deepEqual(await reader.exited, { kind: 'code', code: 6 });
      running.process.kill();
      await running.exited;
    });

    it('exports behind links as the container sees them, and what the host mounts below (state format §20)', async () => {
      const container = world.container('lxcw-exl', {
        init: OBEYS,
        spec: { exports: ['/srv', 'out', 'srv/inner'] },
      });
      const root = join(world.layout.volumes, 'lxcw-exl/rootfs');
      symlinkSync('/tmp', join(root, 'srv'));
      symlinkSync('/../../../../etc', join(root, 'out'));
      world.write(join(root, 'etc/mine'), 'of the container');
      mkdirSync(join(root, 'tmp/inner'));
      const running = follow((tell) => runtime.start(container, 1, tell));
      await running.started;
      await world.appears('lxcw-exl', 'tmp/ready');
      const exported = join(world.layout.exports, 'lxcw-exl');
      assert.ok(existsSync(join(exported, 'srv/ready')));
      assert.equal(readFileSync(join(exported, 'out/mine'), 'utf8'), 'of the container');
      mkdirSync(join(exported, 'out/below'));
      await world.kernel.mount('tmpfs', join(exported, 'out/below'), 'tmpfs');
      running.process.kill();
      await running.exited;
    });
  });
});
