/** Every way in which mounting a container fails for real: nothing stays behind, and the error says what to do
 *  (state format §9.7). Both kernel back-ends. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import type { ContainerSpec } from '../../../machines/domain/revision.ts';
import { diskSpec } from '../../support/disk.ts';
import { faultOf, image, NEVER, ROOT_IMAGE, storage, UPPER, useMounterWorld, web } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

for (const name of ['native', 'spawn'] as const) {
  describe(`failures to mount over the ${name} kernel back-end`, () => {
    const { device, mounter, ready, at } = useMounterWorld(name);

    const failures: {
      why: string;
      spoil: () => Partial<ContainerSpec>;
      errno?: string;
      says: RegExp;
    }[] = [
      {
        why: 'missing image',
        spoil: () => ({ volumes: [UPPER, image('none.squashfs')] }),
        errno: 'ENOENT',
        says: /squashfs image .*none\.squashfs.*the image is missing.*Install the revision again/,
      },
      {
        why: 'garbage image',
        spoil: () => {
          device().write('storage/trails/r1/web/bad.squashfs', 'x'.repeat(8192));
          return { volumes: [ROOT_IMAGE, UPPER, image('bad.squashfs')] };
        },
        errno: 'EINVAL',
        says: /not a squashfs image: it begins with 78787878/,
      },
      {
        why: 'damaged image',
        spoil: () => {
          const good = readFileSync(at('storage/trails/r1/web/root.squashfs'));
          good.writeUInt16LE(77, 20);
          device().write('storage/trails/r1/web/bad.squashfs', good);
          return { volumes: [ROOT_IMAGE, UPPER, image('bad.squashfs')] };
        },
        errno: 'EINVAL',
        says: /the kernel refuses the image, compressed with unknown/,
      },
      {
        why: 'unknown file system',
        spoil: () => {
          device().write('storage/trails/r1/web/x.weirdfs', 'x'.repeat(8192));
          return { volumes: [ROOT_IMAGE, UPPER, image('x.weirdfs')] };
        },
        errno: 'ENODEV',
        says: /this kernel has no file system "weirdfs".*CONFIG_WEIRDFS/,
      },
      {
        why: 'no storage for the upper layer',
        spoil: () => ({ volumes: [ROOT_IMAGE] }),
        errno: 'ENOENT',
        says: /there is no .*volumes\/web\/lxc-overlay for the upper layer.*"storage"/,
      },
      {
        why: 'missing lower layer',
        spoil: () => ({ volumes: [UPPER] }),
        errno: 'ENOENT',
        says: /lower layer .*root\.squashfs is missing/,
      },
      {
        why: 'missing _config directory',
        spoil: () => ({ hasConfigFiles: true }),
        errno: 'ENOENT',
        says: /copy of .*_config\/web.*the source is missing/,
      },
      {
        why: 'mount point that is a file',
        spoil: () => {
          device().write('volumes/web/data', '');
          return { volumes: [ROOT_IMAGE, UPPER, storage('data', 'permanent')] };
        },
        errno: 'EEXIST',
        says: /bind of .* on .*volumes\/web\/data/,
      },
      {
        why: 'unknown disk (storage §15, 21)',
        spoil: () => ({ volumes: [ROOT_IMAGE, UPPER, storage('data', 'permanent', 'nope')] }),
        says: /volume "data" is on disk "nope", which is not defined/,
      },
      {
        why: 'missing LXC configuration',
        spoil: () => ({ config: 'none.conf' }),
        errno: 'ENOENT',
        says: /none\.conf: the LXC configuration cannot be read/,
      },
      {
        why: 'link in a volume where another volume is kept',
        spoil: () => {
          mkdirSync(at('storage/disks/perm/web/data'), { recursive: true });
          symlinkSync('/', at('storage/disks/perm/web/data/inner'));
          return {
            volumes: [ROOT_IMAGE, UPPER, storage('data', 'permanent'), storage('data/inner', 'permanent')],
          };
        },
        errno: 'ELOOP',
        says: /perm\/web\/data\/inner failed: a symbolic link \(ELOOP\)\. Remove the link/,
      },
      {
        why: 'link in a volume where another volume is mounted',
        spoil: () => {
          mkdirSync(at('storage/disks/perm/web/data'), { recursive: true });
          symlinkSync(at('storage'), at('storage/disks/perm/web/data/inner'));
          return {
            volumes: [ROOT_IMAGE, UPPER, storage('data', 'permanent'), storage('data/inner', 'boot')],
          };
        },
        errno: 'ELOOP',
        says: /volumes\/web\/data\/inner failed: a symbolic link/,
      },
      {
        why: 'missing handler',
        spoil: () => ({ volumes: [UPPER, image('root.squashfs', 'gpg')] }),
        errno: 'ENOENT',
        says: /there is no such handler \(ENOENT\)\. Install it/,
      },
      {
        why: 'handler that is not executable',
        spoil: () => {
          device().write('lib/pv/volmount/verity/dm', '#!/bin/sh\n');
          return { volumes: [UPPER, image('root.squashfs', 'dm')] };
        },
        errno: 'EACCES',
        says: /not executable \(EACCES\)\. Make it executable: chmod \+x .*verity\/dm/,
      },
      {
        why: 'failing handler',
        spoil: () => {
          chmodSync(
            device().write('lib/pv/volmount/verity/dm', '#!/bin/sh\necho no key >&2; exit 3\n'),
            0o755,
          );
          return { volumes: [UPPER, image('root.squashfs', 'dm')] };
        },
        says: /verity\/dm mount .* ended with status 3: no key\. Run it by hand, as PV_DISK_VOLDIR=\S+ \S+dm mount/,
      },
    ];
    for (const { why, spoil, errno, says } of failures) {
      it(why, async () => {
        ready();
        const fault = await faultOf(mounter().mount(web(spoil()), NEVER));
        assert.equal(fault.code, 'MOUNT_FAILED');
        assert.equal(fault.errno, errno, fault.message);
        assert.match(`${fault.message}. ${fault.fix}`, says);
        assert.deepEqual(device().traces(), UNTOUCHED);
      });
    }

    it('disk that cannot be mounted (state format §9.7)', async () => {
      ready();
      const safe = diskSpec('safe', { type: 'dm-crypt-caam', path: '-v2 safe.img,8,safe.key' });
      const spec = web({ volumes: [ROOT_IMAGE, UPPER, storage('data', 'permanent', 'safe')] });
      const fault = await faultOf(mounter({ disks: [safe] }).mount(spec, NEVER));
      assert.match(fault.message, /disk "safe": dm-crypt-caam cannot be used: its key is kept by NXP CAAM/);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });
  });
}
