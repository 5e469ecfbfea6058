import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
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
      const reader = follow((tell) => runtime.start(user, 1, tell));
      assert.deepEqual(await reader.exited, { kind: 'code', code: 6 });
      running.process.kill();
      await running.exited;
    });
  });
});
