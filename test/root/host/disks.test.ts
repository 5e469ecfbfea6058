/** Disks for real: loop devices, swap and compressed memory of this kernel (storage §10, state format §14). Encrypted ones
 *  are in `crypt.test.ts`. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createDisks, type Disks } from '../../../adapters/host/disks.ts';
import { readMountTable } from '../../../adapters/host/mount-table.ts';
import { isSwapping } from '../../../adapters/host/swap.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import type { DiskSpec } from '../../../machines/domain/revision.ts';
import { diskSpec } from '../../support/disk.ts';
import { faultOf, NEVER, ROOT_IMAGE, storage, UPPER, useMounterWorld, web } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

describe('disks', () => {
  const opened: Disks[] = [];
  /** Swap and memory are the machine's, and must be given back before the files go. */
  afterEach(async () => {
    for (const disks of opened.splice(0).reverse()) await disks.takeDown();
  });
  const { device, kernel, mounter, ready, at, read } = useMounterWorld('native');
  const disksOf = (...disks: readonly DiskSpec[]): Disks => {
    const made = createDisks({ kernel: kernel(), layout: device().layout, disks });
    opened.push(made);
    return made;
  };
  const sourceOf = (path: string) => readMountTable().find(({ target }) => target === at(path))?.source;
  const media = (name: string) => `media/pv/dmcrypt/${name}`;
  const FILE = { provision: 'file', provisionOptions: 'size=8M' };

  describe('of volumes', () => {
    it('are mounted once for all who ask at the same time, and by the table, not by a directory', async () => {
      mkdirSync(at(media('bulk')), { recursive: true });
      const disks = disksOf(diskSpec('bulk'));
      await Promise.all([disks.ensure('bulk'), disks.ensure('bulk'), disks.ensure('bulk')]);
      assert.deepEqual(device().traces().mounts, [media('bulk')]);
      writeFileSync(at(`${media('bulk')}/file`), 'kept');
      assert.equal(read('storage/pv/volume-disk/bulk/file'), 'kept');
      assert.deepEqual(await disks.takeDown(), []);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('show a file system in a sparse file, made once (storage §15, 22)', async () => {
      const spec = diskSpec('data', { ...FILE, format: 'ext4', mountOptions: 'noatime,nodev' });
      const disks = disksOf(spec);
      await disks.ensure('data');
      const image = statSync(at('storage/pv/volume-disk/data.img'));
      assert.equal(image.size, 8 * 2 ** 20);
      assert.ok(image.blocks * 512 < image.size, 'it has no holes');
      const line = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .find((one) => one.includes(at(media('data'))));
      assert.match(line ?? '', /nodev,noatime .* ext4 /);
      writeFileSync(at(`${media('data')}/file`), 'kept');
      assert.deepEqual(await disks.takeDown(), []);
      assert.deepEqual(device().traces(), UNTOUCHED);
      await disks.ensure('data');
      assert.equal(read(`${media('data')}/file`), 'kept');
    });

    it('are made anew after an interrupted creation (R-09)', async () => {
      device().write('storage/pv/volume-disk/data.img.new', 'half');
      const disks = disksOf(diskSpec('data', FILE));
      await disks.ensure('data');
      assert.ok(existsSync(at(`${media('data')}/lost+found`)));
      assert.deepEqual(readdirSync(at('storage/pv/volume-disk')), ['data.img']);
    });

    it('leave nothing when making fails, and can be tried again', async () => {
      const disks = disksOf(diskSpec('data', { ...FILE, formatOptions: '-O no_such_feature' }));
      const fault = await faultOf(disks.ensure('data'));
      assert.match(fault.message, /^disk "data": mkfs\.ext4 .* ended with 1: Invalid filesystem option set/);
      assert.deepEqual(readdirSync(at('storage/pv/volume-disk')), []);
      assert.deepEqual(readdirSync(at('run/disks')), []);
      await faultOf(disks.ensure('data'));
    });

    it('that do not exist, or cannot be planned, say so', async () => {
      assert.match((await faultOf(disksOf().ensure('x'))).message, /disk "x" is not defined/);
      const odd = disksOf(diskSpec('odd', { provision: 'tape' }));
      assert.match((await faultOf(odd.ensure('odd'))).message, /disk "odd": there is no provision "tape"/);
    });

    it('in compressed memory are empty after each start of the device', async () => {
      const disks = disksOf(diskSpec('fast', { provision: 'zram', provisionOptions: 'disksize=16M' }));
      await disks.ensure('fast');
      const zram = sourceOf(media('fast')) ?? '';
      assert.match(zram, /^\/dev\/zram\d+$/);
      writeFileSync(at(`${media('fast')}/file`), '');
      assert.deepEqual(await disks.takeDown(), []);
      assert.ok(!existsSync(join('/sys/block', zram.slice('/dev/'.length))), `${zram} is still there`);
      await disks.ensure('fast');
      assert.ok(!existsSync(at(`${media('fast')}/file`)));
    });

    it('in compressed memory name what the kernel knows when it refuses an algorithm', async () => {
      const zrams = () => readdirSync('/sys/block').filter((name) => name.startsWith('zram'));
      const before = zrams();
      const provisionOptions = 'comp_algorithm=rot13,disksize=16M';
      const disks = disksOf(diskSpec('fast', { provision: 'zram', provisionOptions }));
      const fault = await faultOf(disks.ensure('fast'));
      assert.match(
        `${fault.message}. ${fault.fix}`,
        /zram refuses comp_algorithm=rot13 \(EINVAL\)\. This kernel knows: .*lz/,
      );
      assert.deepEqual(zrams(), before);
    });
  });

  describe('under containers', () => {
    const safe = diskSpec('data', { ...FILE, aliases: ['d'] });
    const spec = () => web({ volumes: [ROOT_IMAGE, UPPER, storage('kept', 'permanent', 'data')] });

    it('are mounted on first use, and stay when the container stops (state format §14.4)', async () => {
      ready();
      const disks = disksOf(safe);
      const mounts = mounter({ disks: [safe], diskMounts: disks });
      await mounts.mount(spec(), NEVER);
      writeFileSync(at('volumes/web/kept/file'), 'kept');
      assert.equal(read(`${media('data')}/perm/web/kept/file`), 'kept');
      await mounts.unmount(spec());
      assert.deepEqual(device().traces().mounts, [media('data')]);
      assert.deepEqual(await disks.takeDown(), []);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('are not taken away from who uses them: the fault names who is in the way', async () => {
      const disks = disksOf(safe);
      await disks.ensure('data');
      const held = openSync(at(media('data')), 'r');
      const [fault] = await disks.takeDown();
      closeSync(held);
      assert.equal(fault?.errno, 'EBUSY');
      assert.match(fault?.message ?? '', /unmounting disk "data": .* in use by node/);
      assert.deepEqual(await disks.takeDown(), []);
    });
  });

  describe('over the supervisor', () => {
    it('are found again by the next one, which takes them down too (R-08)', async () => {
      await disksOf(diskSpec('data', FILE)).ensure('data');
      const source = sourceOf(media('data'));
      const next = disksOf(diskSpec('data', FILE));
      assert.deepEqual(await next.sweep(), []);
      await next.ensure('data');
      assert.equal(sourceOf(media('data')), source);
      assert.deepEqual(await next.takeDown(), []);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('are swept when the revision does not have them, or has others of their name', async () => {
      await disksOf(diskSpec('data', FILE)).ensure('data');
      await disksOf(diskSpec('bulk')).ensure('bulk');
      const next = disksOf(diskSpec('data'));
      assert.deepEqual(await next.sweep(), []);
      assert.deepEqual(device().traces(), UNTOUCHED);
      await next.ensure('data');
      assert.deepEqual(device().traces(), { mounts: [media('data')], loops: [] });
    });

    it('are left alone when someone else has mounted them', async () => {
      mkdirSync(at(media('data')), { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', 'others', at(media('data'))]);
      const disks = disksOf(diskSpec('data', FILE));
      await disks.ensure('data');
      assert.deepEqual([...(await disks.sweep()), ...(await disks.takeDown())], []);
      assert.equal(sourceOf(media('data')), 'others');
    });
  });

  describe('of swap', () => {
    it('in a file without holes are made once and swapped on', async () => {
      const provisionOptions = 'size=4M';
      const spec = diskSpec('swap', {
        type: 'swap-disk',
        provision: 'file',
        provisionOptions,
        mountOptions: 'pri=7',
      });
      const file = at('storage/pv/swap-disk/swap');
      const disks = disksOf(diskSpec('bulk'), spec);
      await disks.enableSwap();
      assert.ok(isSwapping(file));
      assert.match(
        readFileSync('/proc/swaps', 'utf8'),
        new RegExp(`${file}\\s+file\\s+\\d+\\s+\\d+\\s+7\\n`),
      );
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const { ino } = statSync(file);
      await disksOf(spec).enableSwap();
      assert.deepEqual(await disks.takeDown(), []);
      assert.ok(!isSwapping(file));
      await disks.enableSwap();
      assert.equal(statSync(file).ino, ino);
    });

    it('in compressed memory are adopted by the next supervisor (R-08)', async () => {
      const spec = diskSpec('swap', {
        type: 'swap-disk',
        provision: 'zram',
        provisionOptions: 'disksize=16M',
      });
      const before = readFileSync('/proc/swaps', 'utf8');
      await disksOf(spec).enableSwap();
      const swaps = readFileSync('/proc/swaps', 'utf8');
      assert.equal(swaps.split('\n').length, before.split('\n').length + 1);
      const next = disksOf(spec);
      assert.deepEqual(await next.sweep(), []);
      await next.enableSwap();
      assert.equal(readFileSync('/proc/swaps', 'utf8'), swaps);
      assert.deepEqual(await disksOf().sweep(), []);
      assert.equal(readFileSync('/proc/swaps', 'utf8'), before);
    });

    it('are formatted only when they are blank', async () => {
      device().write('storage/blank', Buffer.alloc(2 ** 20));
      device().write('storage/photos', Buffer.concat([Buffer.alloc(4096), Buffer.from('photo')]));
      const existing = (path: string) => disksOf(diskSpec('swap', { type: 'swap-disk', path }));
      await existing('/storage/blank').enableSwap();
      assert.ok(isSwapping(at('storage/blank')));
      const fault = await faultOf(existing('photos').enableSwap());
      assert.match(fault.message, /storage\/photos holds something, and no swap/);
      assert.match(
        (await faultOf(existing('none').enableSwap())).message,
        /looking into .*none failed: ENOENT/,
      );
    });
  });

  describe('of two', () => {
    const inner = [diskSpec('old', FILE), diskSpec('new', FILE)];
    const dual = (...initOrder: string[]) =>
      disksOf(...inner, diskSpec('both', { type: 'dual', disks: ['new', 'old'], initOrder }));

    it('show the first one that exists, else the one to be made', async () => {
      const disks = dual('primary', 'secondary', 'create-primary');
      await disks.ensure('both');
      writeFileSync(at(`${media('both')}/file`), 'kept');
      assert.equal(read(`${media('new')}/file`), 'kept');
      assert.ok(!existsSync(at('storage/pv/volume-disk/old.img')));
      assert.deepEqual(await disks.takeDown(), []);
      assert.deepEqual(device().traces(), UNTOUCHED);
      assert.match(
        (await faultOf(dual('secondary').ensure('both'))).message,
        /none of its inner disks exists/,
      );
    });

    it('move from the secondary to the primary once, again if that was interrupted', async () => {
      const old = disksOf(...inner);
      await old.ensure('old');
      device().write(`${media('old')}/a/file`, 'moved', 0o640);
      assert.deepEqual(await old.takeDown(), []);
      const order = ['copy-once-to-primary', 'primary', 'create-primary'];
      const half = disksOf(...inner);
      await half.ensure('new');
      device().write(`${media('new')}/rubbish`, 'half');
      assert.deepEqual(await half.takeDown(), []);
      device().write('storage/pv/dual/both.copying', '');
      const disks = dual(...order);
      await disks.ensure('both');
      assert.equal(read(`${media('both')}/a/file`), 'moved');
      assert.equal(statSync(at(`${media('both')}/a/file`)).mode & 0o777, 0o640);
      assert.ok(!existsSync(at(`${media('both')}/rubbish`)));
      writeFileSync(at(`${media('both')}/a/file`), 'newer');
      assert.deepEqual(await disks.takeDown(), []);
      await disks.ensure('both');
      assert.equal(read(`${media('both')}/a/file`), 'newer');
    });
  });

  it('complain of words that have no effect', async () => {
    const complaints: Fault[] = [];
    const complain = (fault: Fault) => complaints.push(fault);
    const disks = [diskSpec('bulk', { mountTarget: '/data' })];
    const made = createDisks({ kernel: kernel(), layout: device().layout, disks, complain });
    await made.ensure('bulk');
    await made.ensure('bulk');
    assert.deepEqual(
      complaints.map(({ message }) => message),
      ['disk "bulk": mount_target "/data" has no effect: its volumes show it'],
    );
    await made.takeDown();
  });
});
