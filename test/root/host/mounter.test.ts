/** Mounting a container's volumes and root file system for real, and leaving nothing behind (state format §9,
 *  storage §6–§7). Mounts and loop devices are counted before and after; both kernel back-ends. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { readMountTable } from '../../../adapters/host/mount-table.ts';
import { containerSpec } from '../../support/revision.ts';
import {
  CONFIG,
  faultOf,
  image,
  NEVER,
  ROOT_IMAGE,
  storage,
  UPPER,
  useMounterWorld,
  web,
} from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

for (const name of ['native', 'spawn'] as const) {
  describe(`mounts over the ${name} kernel back-end`, () => {
    const { device, kernel, mounter, ready, at, read } = useMounterWorld(name);
    const running: ChildProcess[] = [];
    afterEach(() => {
      for (const child of running.splice(0)) child.kill('SIGKILL');
    });

    it('puts up volumes and root file system, and takes all of it down', async () => {
      ready();
      const mounts = mounter();
      await mounts.mount(web(), NEVER);
      assert.equal(read('volumes/web/rootfs/etc/name'), 'image');
      assert.deepEqual(device().traces(), {
        mounts: ['volumes/web/root.squashfs', 'volumes/web/lxc-overlay', 'volumes/web/rootfs'],
        loops: [at('storage/trails/r1/web/root.squashfs')],
      });
      const options =
        readMountTable().find(({ target }) => target === at('volumes/web/rootfs'))?.options ?? '';
      assert.ok(options.includes(`lowerdir=${at('volumes/web/root.squashfs')}`), options);
      assert.ok(options.includes(`workdir=${at('volumes/web/lxc-overlay/olwork')}`), options);
      await mounts.unmount(web());
      assert.deepEqual(device().traces(), UNTOUCHED);
      await mounts.unmount(web());
    });

    it('keeps permanent and revision storage over a restart, and empties boot storage (storage §15, 16)', async () => {
      ready();
      const kept = ['permanent', 'revision', 'boot'] as const;
      const spec = web({ volumes: [ROOT_IMAGE, UPPER, ...kept.map((kind) => storage(kind, kind))] });
      const mounts = mounter();
      await mounts.mount(spec, NEVER);
      for (const kind of kept) writeFileSync(at(`volumes/web/${kind}/file`), kind);
      writeFileSync(at('volumes/web/rootfs/etc/name'), 'changed');
      assert.equal(statSync(at('storage/disks/perm/web/permanent')).mode & 0o777, 0o755);
      await mounts.unmount(spec);
      await mounts.mount(spec, NEVER);
      assert.equal(read('storage/disks/perm/web/permanent/file'), 'permanent');
      assert.equal(read('storage/disks/rev/r1/web/revision/file'), 'revision');
      assert.ok(!existsSync(at('volumes/web/boot/file')));
      assert.equal(read('volumes/web/rootfs/etc/name'), 'image');
      await mounts.unmount(spec);
    });

    it('keeps changes to the root file system with permanent lxc-overlay (storage §15, 17)', async () => {
      ready();
      const spec = web({ volumes: [ROOT_IMAGE, storage('lxc-overlay', 'permanent')] });
      const mounts = mounter();
      await mounts.mount(spec, NEVER);
      writeFileSync(at('volumes/web/rootfs/etc/name'), 'changed');
      await mounts.unmount(spec);
      await mounts.mount(spec, NEVER);
      assert.equal(read('volumes/web/rootfs/etc/name'), 'changed');
      assert.equal(read('storage/disks/perm/web/lxc-overlay/upper/etc/name'), 'changed');
      await mounts.unmount(spec);
    });

    it('lays _config over the image, dot-files and links included, afresh each time (storage §15, 18 and 19)', async () => {
      ready();
      device().write('objects/o', 'config');
      device().write('storage/trails/r1/_config/web/.hidden', 'dot');
      device().write('storage/trails/r1/_config/web/etc/secret', 'mode', 0o600);
      symlinkSync(at('objects/o'), at('storage/trails/r1/_config/web/etc/both'));
      const spec = web({ hasConfigFiles: true });
      const mounts = mounter();
      await mounts.mount(spec, NEVER);
      assert.equal(read('volumes/web/rootfs/etc/both'), 'config');
      assert.equal(read('volumes/web/rootfs/.hidden'), 'dot');
      assert.equal(statSync(at('volumes/web/rootfs/etc/secret')).mode & 0o777, 0o600);
      writeFileSync(at('volumes/web/rootfs/etc/both'), 'written by the container');
      assert.equal(read('objects/o'), 'config');
      await mounts.unmount(spec);
      assert.ok(!existsSync(at('configs/web')));
      writeFileSync(at('objects/o'), 'new');
      await mounts.mount(spec, NEVER);
      assert.equal(read('volumes/web/rootfs/etc/both'), 'new');
      await mounts.unmount(spec);
    });

    it('gives goal MOUNTED its volumes only', async () => {
      device().image('storage/trails/r1/web/data.squashfs', { a: 'a' });
      const spec = web({ statusGoal: 'MOUNTED', volumes: [image('data.squashfs')] });
      const mounts = mounter();
      await mounts.mount(spec, NEVER);
      assert.deepEqual(device().traces().mounts, ['volumes/web/data.squashfs']);
      await mounts.unmount(spec);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('binds files and trees of the trail, and hands a plain directory on as root', async () => {
      const made = device();
      made.write('storage/trails/r1/web/note.bind', 'one');
      made.write('storage/trails/r1/web/tree.data/f', 'tree');
      made.write('storage/trails/r1/web/more.conf', 'lxc.rootfs.path = dir:/volumes/web/tree.data\n');
      made.write(
        'storage/trails/r1/web/lxc.container.conf',
        'lxc.rootfs.path = /no\nlxc.include = more.conf\n',
      );
      const spec = web({ volumes: [image('note.bind'), image('tree.data')] });
      const mounts = mounter();
      await mounts.mount(spec, NEVER);
      writeFileSync(at('volumes/web/note.bind'), 'two');
      assert.equal(read('storage/trails/r1/web/note.bind'), 'two');
      assert.equal(read('volumes/web/rootfs/f'), 'tree');
      await mounts.unmount(spec);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('runs a handler to mount and unmount (state format §9.4)', async () => {
      ready();
      const handler = device().write(
        'lib/pv/volmount/verity/dm',
        `#!/bin/sh\necho "$@" >> ${at('calls')}\ntarget=$PV_DISK_VOLDIR/$3/$4\n` +
          'if [ $1 = mount ]; then exec mount -n -o loop,ro "$2" "$target"; else exec umount -n "$target"; fi\n',
      );
      chmodSync(handler, 0o755);
      const spec = web({ volumes: [image('root.squashfs', 'dm'), UPPER] });
      const mounts = mounter({ handlerArgs: ['-x'] });
      await mounts.mount(spec, NEVER);
      assert.equal(read('volumes/web/rootfs/etc/name'), 'image');
      await mounts.unmount(spec);
      const source = at('storage/trails/r1/web/root.squashfs');
      assert.equal(
        read('calls'),
        `mount ${source} web root.squashfs -x\numount ${source} web root.squashfs\n`,
      );
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('whose handler is gone stay, and the error says what to do', async () => {
      ready();
      const script =
        '#!/bin/sh\n[ $1 = umount ] || exec mount -n -o loop,ro "$2" "$PV_DISK_VOLDIR/$3/$4"\nexit 2\n';
      const handler = device().write('lib/pv/volmount/verity/gpg', script);
      chmodSync(handler, 0o755);
      const spec = web({ volumes: [image('root.squashfs', 'gpg'), UPPER] });
      const mounts = mounter();
      await mounts.mount(spec, NEVER);
      const stubborn = await faultOf(mounts.unmount(spec));
      assert.equal(stubborn.code, 'UNMOUNT_FAILED');
      assert.match(
        `${stubborn.message}. ${stubborn.fix}`,
        /gpg umount .* status 2\. Run it by hand, as PV_DISK/,
      );
      rmSync(handler);
      const fault = await faultOf(mounts.unmount(spec));
      assert.equal(fault.code, 'UNMOUNT_FAILED');
      assert.match(`${fault.message}. ${fault.fix}`, /no such handler \(ENOENT\)\. Install it/);
      assert.deepEqual(device().traces().mounts, ['volumes/web/root.squashfs']);
    });

    it('are refused where something is mounted already (L-10)', async () => {
      ready();
      const mounts = mounter();
      await mounts.mount(web(), NEVER);
      const before = device().traces();
      const fault = await faultOf(mounts.mount(web(), NEVER));
      assert.equal(fault.errno, 'EBUSY');
      assert.match(fault.message, /is already mounted/);
      assert.deepEqual(device().traces(), before);
      await mounts.unmount(web());
    });

    it('are undone when given up, and the next ones wait for that', async () => {
      ready();
      const mounts = mounter();
      const giveUp = new AbortController();
      // A pipe that nobody feeds: the handler is in the middle of its work for as long as it lives.
      const handler = device().write(
        'lib/pv/volmount/verity/dm',
        `#!/bin/sh\n[ $1 = mount ] || exit 1\nmkfifo ${at('never')}; echo > ${at('begun')}; cat ${at('never')}\n`,
      );
      chmodSync(handler, 0o755);
      execFileSync('mkfifo', [at('begun')]);
      const slow = web({ volumes: [UPPER, ROOT_IMAGE, image('x.squashfs', 'dm')] });
      const begun = once(spawn('cat', [at('begun')], { stdio: ['ignore', 'pipe', 'inherit'] }), 'exit');
      const attempt = faultOf(mounts.mount(slow, giveUp.signal));
      await begun;
      assert.equal(device().traces().mounts.length, 2);
      giveUp.abort();
      const next = mounts.mount(web(), NEVER);
      assert.match((await attempt).message, /given up on request/);
      await next;
      assert.equal(device().traces().mounts.length, 3);
      await mounts.unmount(web());
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('are found again behind a symbolic link', async () => {
      ready();
      mkdirSync(at('elsewhere'));
      symlinkSync(at('elsewhere'), at('volumes'));
      const mounts = mounter();
      await mounts.mount(web(), NEVER);
      assert.deepEqual(device().traces().mounts.at(-1), 'elsewhere/web/rootfs');
      await mounts.unmount(web());
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('are not even begun when given up before', async () => {
      ready();
      const fault = await faultOf(mounter().mount(web(), AbortSignal.abort()));
      assert.match(fault.message, /given up/);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('that are in use stay, and the error names who uses them', async () => {
      ready();
      const mounts = mounter();
      await mounts.mount(web(), NEVER);
      const user = spawn('sleep', ['1000'], { cwd: at('volumes/web/rootfs/etc') });
      running.push(user);
      await once(user, 'spawn');
      const fault = await faultOf(mounts.unmount(web()));
      assert.equal(fault.code, 'UNMOUNT_FAILED');
      assert.equal(fault.errno, 'EBUSY');
      assert.ok(fault.message.includes(`in use by sleep (${user.pid})`), fault.message);
      user.kill('SIGKILL');
      await once(user, 'exit');
      await mounts.unmount(web());
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('of an earlier supervisor are swept, but for the containers to keep', async () => {
      const made = ready();
      made.image('storage/trails/r1/other/root.squashfs', { a: 'a' });
      made.write('storage/trails/r1/other/lxc.container.conf', CONFIG.replaceAll('web', 'other'));
      made.write('storage/trails/r1/_config/other/a', 'config');
      const other = containerSpec('other', 'app', { volumes: [ROOT_IMAGE, UPPER], hasConfigFiles: true });
      await Promise.all([mounter().mount(web(), NEVER), mounter().mount(other, NEVER)]);
      mkdirSync(at('volumes/bsp/modules'), { recursive: true });
      await kernel().mount('tmpfs', at('volumes/bsp/modules'), 'tmpfs');
      execFileSync('losetup', ['--find', '-r', made.image('storage/trails/r0/old/a.squashfs', { b: 'b' })]);
      await mounter().sweep(new Set(['web']));
      assert.deepEqual(device().traces(), {
        mounts: [
          'volumes/web/root.squashfs',
          'volumes/web/lxc-overlay',
          'volumes/web/rootfs',
          'volumes/bsp/modules',
        ],
        loops: [at('storage/trails/r1/web/root.squashfs')],
      });
      assert.ok(!existsSync(at('configs/other')));
      await mounter().unmount(web());
    });
  });
}
