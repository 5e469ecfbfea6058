/** What is mounted for a container, as data (state format §9, storage §6, §7). */

import assert from 'node:assert/strict';
import type { Layout } from '../../../machines/domain/layout.ts';
import { parseRootfs, type Rootfs, rootfsLines } from '../../../machines/domain/lxc-rootfs.ts';
import {
  type MountOptions,
  type MountPlan,
  mountPlan,
  unmountPlan,
} from '../../../machines/domain/mount-plan.ts';
import type { ContainerSpec, VolumeSpec } from '../../../machines/domain/revision.ts';
import { diskSpec } from '../../support/disk.ts';
import { containerSpec } from '../../support/revision.ts';

const LAYOUT: Layout = {
  storage: '/s',
  runDir: '/run/sv',
  volumes: '/v',
  configs: '/c',
  media: '/m',
  libDir: '/lib',
  exports: '/e',
  revision: 'locals/r1',
};
const OPTIONS: MountOptions = { disks: [], handlers: true, verityOff: false, handlerArgs: ['--fec'] };
const OVERLAY: Rootfs = {
  kind: 'overlay',
  lowers: ['/volumes/web/root.squashfs'],
  upper: '/volumes/web/lxc-overlay/upper',
};
const NONE: Rootfs = { kind: 'none' };

function image(entry: string, root = false): VolumeSpec {
  const [handler, file] = entry.includes(':') ? entry.split(':') : [undefined, entry];
  assert.ok(file !== undefined);
  return { kind: 'image', name: file, file, handler, format: file.split('.').at(-1) ?? '', root };
}

function storage(name: string, persistence: 'permanent' | 'revision' | 'boot', disk?: string): VolumeSpec {
  return { kind: 'storage', name, persistence, disk };
}

function planOf(
  parts: Partial<ContainerSpec>,
  rootfs: Rootfs = NONE,
  options: Partial<MountOptions> = {},
): MountPlan {
  const planned = mountPlan(containerSpec('web', 'app', parts), LAYOUT, rootfs, { ...OPTIONS, ...options });
  assert.ok(planned.ok, planned.ok ? '' : planned.fault.message);
  return planned.plan;
}

function faultOf(
  parts: Partial<ContainerSpec>,
  rootfs: Rootfs = NONE,
  options: Partial<MountOptions> = {},
): string {
  const planned = mountPlan(containerSpec('web', 'app', parts), LAYOUT, rootfs, { ...OPTIONS, ...options });
  assert.ok(!planned.ok);
  assert.equal(planned.fault.code, 'MOUNT_FAILED');
  return `${planned.fault.message}. ${planned.fault.fix}`;
}

describe('the mount plan', () => {
  const TRAIL = '/s/trails/locals/r1/web';

  describe('image volumes (state format §9.3)', () => {
    const verity = '/lib/pv/volmount/verity/dm';
    const loop = (file: string, fsType: string) => ({
      kind: 'image',
      volume: file,
      source: `${TRAIL}/${file}`,
      target: `/v/web/${file}`,
      fsType,
    });
    const cases: {
      why: string;
      entry: string;
      options?: Partial<MountOptions>;
      expected: object;
    }[] = [
      {
        why: 'the extension is the file system',
        entry: 'root.squashfs',
        expected: loop('root.squashfs', 'squashfs'),
      },
      { why: 'any extension', entry: 'data.ext4', expected: loop('data.ext4', 'ext4') },
      {
        why: '.bind is the file itself',
        entry: 'conf.bind',
        expected: {
          kind: 'bindFile',
          volume: 'conf.bind',
          source: `${TRAIL}/conf.bind`,
          target: '/v/web/conf.bind',
        },
      },
      {
        why: '.data is a directory and what is mounted below it',
        entry: 'www.data',
        expected: {
          kind: 'bindTree',
          volume: 'www.data',
          source: `${TRAIL}/www.data`,
          target: '/v/web/www.data',
        },
      },
      {
        why: 'a handler is run',
        entry: 'dm:root.squashfs',
        expected: {
          kind: 'handler',
          volume: 'root.squashfs',
          source: `${TRAIL}/root.squashfs`,
          target: '/v/web/root.squashfs',
          mount: [verity, 'mount', `${TRAIL}/root.squashfs`, 'web', 'root.squashfs', '--fec'],
          unmount: [verity, 'umount', `${TRAIL}/root.squashfs`, 'web', 'root.squashfs'],
        },
      },
      {
        why: 'PV_SECUREBOOT_HANDLERS=0 drops the handler',
        entry: 'dm:root.squashfs',
        options: { handlers: false },
        expected: loop('root.squashfs', 'squashfs'),
      },
      {
        why: 'pv_verityoff drops the handler',
        entry: 'dm:root.squashfs',
        options: { verityOff: true },
        expected: loop('root.squashfs', 'squashfs'),
      },
      {
        why: 'the extension bind wins over a handler',
        entry: 'dm:x.bind',
        expected: { kind: 'bindFile', volume: 'x.bind', source: `${TRAIL}/x.bind`, target: '/v/web/x.bind' },
      },
    ];
    for (const { why, entry, options, expected } of cases) {
      it(`${why}: ${entry}`, () => {
        assert.deepEqual(planOf({ volumes: [image(entry)] }, NONE, options).steps, [expected]);
      });
    }
  });

  describe('storage volumes (state format §9.5)', () => {
    const bound = diskSpec('bulk', { aliases: ['big'] });
    const crypt = diskSpec('safe', { type: 'dm-crypt-versatile', default: true });
    const zram = diskSpec('fast', { provision: 'zram' });
    const cases: { why: string; volume: VolumeSpec; expected: readonly string[] }[] = [
      {
        why: 'permanent',
        volume: storage('data', 'permanent'),
        expected: ['storage /s/disks/perm/web/data'],
      },
      {
        why: 'revision',
        volume: storage('data', 'revision'),
        expected: ['storage /s/disks/rev/locals/r1/web/data'],
      },
      { why: 'boot', volume: storage('data', 'boot'), expected: ['tmpfs'] },
      {
        why: 'a literal path as name',
        volume: storage('etc/example/', 'permanent'),
        expected: ['storage /s/disks/perm/web/etc/example'],
      },
      {
        why: 'bound disk (storage §15, 22)',
        volume: storage('d', 'permanent', 'bulk'),
        expected: ['disk /m/pv/dmcrypt/bulk', 'storage /m/pv/dmcrypt/bulk/perm/web/d'],
      },
      {
        why: 'disk by its alias (storage §15, 21)',
        volume: storage('d', 'revision', 'big'),
        expected: ['disk /m/pv/dmcrypt/bulk', 'storage /m/pv/dmcrypt/bulk/rev/locals/r1/web/d'],
      },
      {
        why: 'encrypted disk',
        volume: storage('d', 'permanent', 'safe'),
        expected: ['disk /m/pv/dmcrypt/safe', 'storage /m/pv/dmcrypt/safe/perm/web/d'],
      },
      {
        why: 'boot on a disk is emptied first',
        volume: storage('d', 'boot', 'fast'),
        expected: ['disk /m/pv/dmcrypt/fast', 'storage /m/pv/dmcrypt/fast/boot/web/d wiped'],
      },
    ];
    for (const { why, volume, expected } of cases) {
      it(why, () => {
        const { steps } = planOf({ volumes: [volume] }, NONE, { disks: [bound, crypt, zram] });
        const lines = steps.map((step) => {
          if (step.kind === 'storage') return `storage ${step.source}${step.wipe ? ' wiped' : ''}`;
          return step.kind === 'disk' ? `disk ${step.target}` : step.kind;
        });
        assert.deepEqual(lines, expected);
      });
    }

    it('on a disk that is not defined: names volume and disk (storage §15, 21)', () => {
      const volumes = [storage('data', 'permanent', 'nope')];
      assert.equal(
        faultOf({ volumes }, NONE, { disks: [bound] }),
        'mounting web: volume "data" is on disk "nope", which is not defined. Defined are: bulk.',
      );
      assert.match(faultOf({ volumes }), /Define the disk in device\.json/);
    });

    it('in the place of the root file system: refused', () => {
      assert.match(
        faultOf({ volumes: [storage('rootfs', 'boot')] }),
        /has the place of the root file system/,
      );
    });
  });

  describe('the root file system (storage §7.2)', () => {
    const volumes = [
      image('root.squashfs', true),
      image('extra.squashfs'),
      storage('lxc-overlay', 'permanent'),
      storage('docker--data', 'boot'),
    ];

    it('comes after root volume, volumes and storage, in their order (lifecycle §3)', () => {
      const { steps } = planOf({ volumes }, OVERLAY);
      assert.deepEqual(
        steps.map((step) => step.kind),
        ['image', 'image', 'storage', 'tmpfs', 'overlay'],
      );
    });

    it('has upper and olwork as siblings, and its paths moved to this layout (storage §15, 20)', () => {
      assert.deepEqual(planOf({ volumes }, OVERLAY).steps.at(-1), {
        kind: 'overlay',
        lowers: ['/v/web/root.squashfs'],
        upper: '/v/web/lxc-overlay/upper',
        work: '/v/web/lxc-overlay/olwork',
        target: '/v/web/rootfs',
      });
    });

    it('has a fresh copy of _config as its first lower layer (storage §15, 18 and 20)', () => {
      const { steps } = planOf({ volumes, hasConfigFiles: true }, OVERLAY);
      assert.deepEqual(steps.at(-2), {
        kind: 'config',
        source: '/s/trails/locals/r1/_config/web',
        target: '/c/web',
      });
      const last = steps.at(-1);
      assert.deepEqual(last?.kind === 'overlay' ? last.lowers : [], ['/c/web', '/v/web/root.squashfs']);
    });

    it('may be a plain directory', () => {
      const rootfs: Rootfs = { kind: 'directory', path: '/volumes/web/root.squashfs' };
      assert.deepEqual(planOf({ volumes: [] }, rootfs).steps, [
        { kind: 'rootDirectory', source: '/v/web/root.squashfs', target: '/v/web/rootfs' },
      ]);
    });

    it('that is no overlay cannot take _config files, and says so', () => {
      assert.match(
        faultOf({ hasConfigFiles: true }, { kind: 'directory', path: '/x' }),
        /need an overlay.*overlayfs:LOWER:UPPER/,
      );
    });

    it('is left out for goal MOUNTED, which never starts', () => {
      const { steps } = planOf({ volumes, statusGoal: 'MOUNTED', hasConfigFiles: true }, OVERLAY);
      assert.deepEqual(
        steps.map((step) => step.kind),
        ['image', 'image', 'storage', 'tmpfs'],
      );
    });
  });

  it('backwards takes down last what was put up first', () => {
    const volumes = [
      image('dm:root.squashfs', true),
      storage('a', 'boot'),
      storage('b', 'permanent', 'safe'),
    ];
    const { steps } = planOf({ volumes, hasConfigFiles: true }, OVERLAY, {
      disks: [diskSpec('safe', { type: 'dm-crypt-versatile' })],
    });
    assert.deepEqual(
      unmountPlan(steps).map(({ kind, target }) => `${kind} ${target}`),
      [
        'unmount /v/web/rootfs',
        'removeConfig /c/web',
        'unmount /v/web/b',
        'unmount /v/web/a',
        'handler /v/web/root.squashfs',
      ],
    );
  });
});

describe('lxc.rootfs.path', () => {
  const cases: { value: string; expected: Rootfs | RegExp }[] = [
    { value: '', expected: { kind: 'none' } },
    { value: '/srv/root', expected: { kind: 'directory', path: '/srv/root' } },
    { value: 'dir:/srv/root', expected: { kind: 'directory', path: '/srv/root' } },
    { value: 'overlayfs:/a:/b', expected: { kind: 'overlay', lowers: ['/a'], upper: '/b' } },
    { value: 'overlay:/a:/b:/c', expected: { kind: 'overlay', lowers: ['/a', '/b'], upper: '/c' } },
    { value: 'overlay:/a', expected: /needs a lower and an upper/ },
    { value: 'overlay:/a:b', expected: /"b" is not an absolute path/ },
    { value: 'btrfs:/a', expected: /"btrfs" is not supported/ },
    { value: 'dir:/a:/b', expected: /takes one path/ },
  ];
  for (const { value, expected } of cases) {
    it(`"${value}"`, () => {
      const parsed = parseRootfs(value);
      if (expected instanceof RegExp) assert.match(parsed.ok ? '' : parsed.reason, expected);
      else assert.deepEqual(parsed, { ok: true, rootfs: expected });
    });
  }

  it('is found beside comments, quotes and includes', () => {
    const text =
      '# lxc.rootfs.path = /no\n lxc.include = /etc/x.conf\r\nlxc.rootfs.path="dir:/a"\nlxc.rootfs.pathx = /b';
    assert.deepEqual(rootfsLines(text), [
      { kind: 'include', path: '/etc/x.conf' },
      { kind: 'path', value: 'dir:/a' },
    ]);
  });
});
