/** Encrypted disks (storage §10): keys, images, marks and mounts are real; the cipher is, where this kernel lacks it, a
 *  program that stands for `cryptsetup`. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createDisks } from '../../../adapters/host/disks.ts';
import type { DiskSpec } from '../../../machines/domain/revision.ts';
import { diskSpec } from '../../support/disk.ts';
import { type FakeMapper, fakeMapper } from './fake-mapper.ts';
import { faultOf, useMounterWorld } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

const SAFE = diskSpec('safe', {
  type: 'dm-crypt-versatile',
  path: '/storage/crypt/safe.img,4,/storage/crypt/safe.key',
});
const MOUNTED = 'media/pv/dmcrypt/safe';

describe('encrypted disks', () => {
  const { device, kernel, at, read } = useMounterWorld('native');
  const disksOf = (spec: DiskSpec, fake?: FakeMapper) =>
    createDisks({ kernel: kernel(), layout: device().layout, disks: [spec], ...fake });

  it('are made by the reference’s recipe, once', async () => {
    const fake = fakeMapper(device().root);
    const disks = disksOf(SAFE, fake);
    await disks.ensure('safe');
    const open =
      'cryptsetup open --batch-mode --type plain --cipher aes-cbc-essiv:sha256 --key-size 256 --key-file /storage/crypt/safe.key.txt /storage/crypt/safe.img pv--dmcrypt--safe';
    assert.deepEqual(fake.calls(), [open, 'cryptsetup close pv--dmcrypt--safe', open]);
    const key = readFileSync(at('storage/crypt/safe.key.txt'));
    assert.equal(key.length, 32);
    assert.equal(statSync(at('storage/crypt/safe.key.txt')).mode & 0o777, 0o600);
    assert.deepEqual(readFileSync(at('storage/crypt/safe.key.txt.bak')), key);
    const image = readFileSync(at('storage/crypt/safe.img'));
    assert.equal(image.length, 4 * 2 ** 20);
    assert.equal(image.readUInt32LE(1024 + 24), 0, 'blocks of 1 KiB');
    writeFileSync(at(`${MOUNTED}/file`), 'kept');
    assert.deepEqual(await disks.takeDown(), []);
    assert.deepEqual(device().traces(), UNTOUCHED);
    fake.calls();
    await disksOf(SAFE, fake).ensure('safe');
    assert.deepEqual(fake.calls(), [open]);
    assert.equal(read(`${MOUNTED}/file`), 'kept');
    assert.deepEqual(await disks.takeDown(), []);
  });

  it('are made anew until the mark says that they are complete (R-09)', async () => {
    const fake = fakeMapper(device().root);
    device().write('storage/crypt/safe.img', 'half');
    device().write('storage/crypt/safe.key.txt', 'half');
    const disks = disksOf(SAFE, fake);
    await disks.ensure('safe');
    assert.ok(existsSync(at('storage/crypt/safe.key.init_done')));
    assert.ok(existsSync(at(`${MOUNTED}/lost+found`)));
    assert.deepEqual(await disks.takeDown(), []);
  });

  for (const { why, spoil } of [
    { why: 'lost', spoil: (key: string) => rmSync(key) },
    { why: 'cut short', spoil: (key: string) => writeFileSync(key, 'abc') },
    { why: 'another one', spoil: (key: string) => writeFileSync(key, Buffer.alloc(32, 7)) },
  ]) {
    it(`open with the backup when the key is ${why}, and have the key back then`, async () => {
      const fake = fakeMapper(device().root);
      const disks = disksOf(SAFE, fake);
      await disks.ensure('safe');
      writeFileSync(at(`${MOUNTED}/file`), 'kept');
      assert.deepEqual(await disks.takeDown(), []);
      const key = readFileSync(at('storage/crypt/safe.key.txt'));
      spoil(at('storage/crypt/safe.key.txt'));
      await disks.ensure('safe');
      assert.equal(read(`${MOUNTED}/file`), 'kept');
      assert.deepEqual(readFileSync(at('storage/crypt/safe.key.txt')), key);
      assert.deepEqual(await disks.takeDown(), []);
    });
  }

  it('are never formatted again because no key fits', async () => {
    const fake = fakeMapper(device().root);
    const disks = disksOf(SAFE, fake);
    await disks.ensure('safe');
    assert.deepEqual(await disks.takeDown(), []);
    for (const file of ['safe.key.txt', 'safe.key.txt.bak'])
      device().write(`storage/crypt/${file}`, Buffer.alloc(32));
    const image = readFileSync(at('storage/crypt/safe.img'));
    const fault = await faultOf(disks.ensure('safe'));
    assert.match(
      `${fault.message}. ${fault.fix}`,
      /neither .*safe\.key\.txt nor its backup opens .*Bring the key back/,
    );
    assert.deepEqual(readFileSync(at('storage/crypt/safe.img')), image);
    assert.deepEqual(device().traces(), UNTOUCHED);
    assert.deepEqual(readdirSync(at('mapper')), ['control']);
  });

  it('go by the script of the device where it has one', async () => {
    const fake = fakeMapper(device().root);
    const crypt = `#!/bin/sh
echo "crypt $*" >> ${at('calls')}
for last; do :; done
case $1 in mount) mount -t tmpfs crypt "$last" ;; umount) umount "$last" ;; esac
`;
    device().write('lib/pv/volmount/crypt/crypt', crypt, 0o755);
    const disks = disksOf({ ...SAFE, mode: 'nxp', migrateKeyblob: true }, fake);
    await disks.ensure('safe');
    assert.deepEqual(device().traces().mounts, [MOUNTED]);
    assert.deepEqual(await disks.takeDown(), []);
    const words = `--type versatile --mode nxp --migrate-keyblob -- ${SAFE.path?.replaceAll(device().root, '')} /${MOUNTED}`;
    assert.deepEqual(fake.calls(), [`crypt mount ${words}`, `crypt umount ${words}`]);
    device().write('lib/pv/volmount/crypt/crypt', '#!/bin/sh\necho no blob >&2; exit 2\n', 0o755);
    const fault = await faultOf(disks.ensure('safe'));
    assert.match(fault.message, /^disk "safe": .*crypt mount --type versatile .* ended with 2: no blob$/);
  });

  for (const [type, hardware] of [
    ['dm-crypt-caam', 'NXP CAAM'],
    ['dm-crypt-dcp', 'NXP DCP'],
  ] as const) {
    it(`of type ${type} name the hardware that is missing`, async () => {
      const fault = await faultOf(disksOf({ ...SAFE, type }, fakeMapper(device().root)).ensure('safe'));
      assert.equal(fault.code, 'MOUNT_FAILED');
      assert.match(
        fault.message,
        new RegExp(`${type} cannot be used: its key is kept by ${hardware}, and /proc/crypto`),
      );
      assert.match(fault.fix ?? '', /Use dm-crypt-versatile/);
    });
  }

  it('say that the kernel has no device mapper, and make nothing then', async () => {
    mkdirSync(at('mapper'));
    const fault = await faultOf(
      disksOf(SAFE, { ...fakeMapper(device().root), mapper: at('none') }).ensure('safe'),
    );
    assert.equal(fault.errno, 'ENOENT');
    assert.match(
      `${fault.message}. ${fault.fix}`,
      /no device mapper: .*none\/control cannot be opened.*CONFIG_DM_CRYPT/,
    );
    assert.ok(!existsSync(at('storage/crypt')));
  });
});
