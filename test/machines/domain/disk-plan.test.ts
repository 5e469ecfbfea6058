/** Disks of the state as plans (storage §10, state format §14). */

import assert from 'node:assert/strict';
import { sizeOf } from '../../../machines/domain/disk-options.ts';
import { type DiskPlan, diskPlan } from '../../../machines/domain/disk-plan.ts';
import type { Layout } from '../../../machines/domain/layout.ts';
import type { DiskSpec } from '../../../machines/domain/revision.ts';
import { diskSpec } from '../../support/disk.ts';

const LAYOUT: Layout = {
  storage: '/s',
  runDir: '/run/sv',
  volumes: '/v',
  configs: '/c',
  media: '/m',
  libDir: '/lib',
  exports: '/e',
  revision: 'r1',
};
const planned = (disk: DiskSpec, others: readonly DiskSpec[] = []) =>
  diskPlan(disk, LAYOUT, [disk, ...others]);

function planOf(disk: DiskSpec, others: readonly DiskSpec[] = []): DiskPlan {
  const result = planned(disk, others);
  return result.ok ? result.plan : assert.fail(result.fault.message);
}

function refusalOf(disk: DiskSpec, others: readonly DiskSpec[] = []): string {
  const result = planned(disk, others);
  if (result.ok) return assert.fail('it can be planned');
  assert.equal(result.fault.code, 'MOUNT_FAILED');
  assert.equal(result.fault.subject, disk.name);
  return `${result.fault.message}. ${result.fault.fix}`;
}

describe('the plan of a disk (storage §10)', () => {
  const target = '/m/pv/dmcrypt/d';
  const ext4 = { type: 'ext4', formatOptions: [], mountOptions: [] };
  const cases: { why: string; disk: Partial<DiskSpec>; expected: unknown }[] = [
    {
      why: 'volume-disk',
      disk: {},
      expected: { kind: 'bind', name: 'd', source: '/s/pv/volume-disk/d', target },
    },
    {
      why: 'volume-disk in a file',
      disk: { provision: 'file', provisionOptions: 'size=2M' },
      expected: {
        kind: 'image',
        name: 'd',
        file: '/s/pv/volume-disk/d.img',
        sizeBytes: 2 ** 21,
        fileSystem: ext4,
        target,
      },
    },
    {
      why: 'volume-disk in a named file, with options',
      disk: {
        provision: 'file',
        provisionOptions: 'size=1G',
        path: '/storage/x.img',
        format: 'ext3',
        formatOptions: '-E lazy_itable_init=0,discard',
        mountOptions: 'noatime,nodev',
        uuid: 'u-1',
      },
      expected: {
        kind: 'image',
        name: 'd',
        file: '/s/x.img',
        sizeBytes: 2 ** 30,
        fileSystem: {
          type: 'ext3',
          formatOptions: ['-U', 'u-1', '-E', 'lazy_itable_init=0,discard'],
          mountOptions: ['noatime', 'nodev'],
        },
        target,
      },
    },
    {
      why: 'volume-disk in zram: the size comes last',
      disk: { provision: 'zram', provisionOptions: 'disksize=64M comp_algorithm=lz4' },
      expected: {
        kind: 'zram',
        name: 'd',
        zram: {
          attributes: [
            ['comp_algorithm', 'lz4'],
            ['disksize', '64M'],
          ],
        },
        fileSystem: ext4,
        target,
      },
    },
    {
      why: 'swap-disk on a partition',
      disk: { type: 'swap-disk', path: '/dev/sda3', mountOptions: 'pri=5,discard', formatOptions: '-L swap' },
      expected: {
        kind: 'swap',
        name: 'd',
        place: { kind: 'existing', path: '/dev/sda3' },
        formatOptions: ['-L', 'swap'],
        options: ['-p', '5', '-d'],
      },
    },
    {
      why: 'swap-disk in a file',
      disk: { type: 'swap-disk', provision: 'file', provisionOptions: 'size=8M' },
      expected: {
        kind: 'swap',
        name: 'd',
        place: { kind: 'file', path: '/s/pv/swap-disk/d', sizeBytes: 2 ** 23 },
        formatOptions: [],
        options: [],
      },
    },
    {
      why: 'dm-crypt-versatile',
      disk: { type: 'dm-crypt-versatile', path: '/storage/c/a.img,8,c/a.key' },
      expected: {
        kind: 'crypt',
        name: 'd',
        key: 'versatile',
        image: '/s/c/a.img',
        sizeBytes: 2 ** 23,
        keyFile: '/s/c/a.key.txt',
        doneFile: '/s/c/a.key.init_done',
        mapping: 'pv--dmcrypt--d',
        target,
        script: '/lib/pv/volmount/crypt/crypt',
        scriptOptions: ['--type', 'versatile', '--mode', 'mainline'],
        scriptPath: '/storage/c/a.img,8,c/a.key',
      },
    },
  ];
  for (const { why, disk, expected } of cases) {
    it(why, () => assert.deepEqual(planOf(diskSpec('d', disk)), expected));
  }

  it('dm-crypt-caam takes the -v2 prefix, the mode and the migration along', () => {
    const plan = planOf(
      diskSpec('d', {
        type: 'dm-crypt-caam',
        path: '-v2 /x/a.img,8,/x/a',
        mode: 'nxp',
        migrateKeyblob: true,
      }),
    );
    assert.ok(plan.kind === 'crypt');
    assert.equal(plan.image, '/x/a.img');
    assert.deepEqual(plan.scriptOptions, ['--type', 'caam', '--mode', 'nxp', '--migrate-keyblob']);
  });

  const inner = [
    diskSpec('old'),
    diskSpec('new', { aliases: ['n'] }),
    diskSpec('swap', { type: 'swap-disk' }),
  ];
  it('dual: primary and secondary by name or alias, and what to do in order', () => {
    const plan = planOf(
      diskSpec('d', {
        type: 'dual',
        disks: ['n', 'old'],
        initOrder: ['copy-once-to-primary', 'create-primary'],
      }),
      inner,
    );
    assert.ok(plan.kind === 'dual');
    assert.deepEqual([plan.primary.name, plan.secondary?.name], ['new', 'old']);
    assert.deepEqual(plan.actions, [{ kind: 'copyOnce' }, { kind: 'choose', disk: 'primary', create: true }]);
  });

  const refused: { why: string; disk: Partial<DiskSpec>; says: RegExp }[] = [
    {
      why: 'unknown provision',
      disk: { provision: 'tape' },
      says: /no provision "tape"\. Write "zram" or "file"/,
    },
    {
      why: 'file without a size',
      disk: { provision: 'file' },
      says: /needs a size of at least 1M, and "" is none/,
    },
    { why: 'tiny file', disk: { provision: 'file', provisionOptions: 'size=4K' }, says: /"4K" is none/ },
    { why: 'zram without a size', disk: { provision: 'zram' }, says: /zram needs a disksize/ },
    {
      why: 'unknown attribute',
      disk: { provision: 'zram', provisionOptions: 'disksize=1M,reset=1' },
      says: /zram has no option "reset"/,
    },
    { why: 'swap format for files', disk: { provision: 'zram', format: 'swap' }, says: /volumes need files/ },
    {
      why: 'way out of the storage',
      disk: { type: 'swap-disk', path: 'a/../../b' },
      says: /Write it without "\.\."/,
    },
    { why: 'swap on nothing', disk: { type: 'swap-disk' }, says: /neither a path nor a provision/ },
    {
      why: 'odd swap option',
      disk: { type: 'swap-disk', path: '/x', mountOptions: 'ro' },
      says: /"ro" is no option/,
    },
    {
      why: 'crypt without a path',
      disk: { type: 'dm-crypt-versatile' },
      says: /not of the form IMAGE,MEBIBYTES,KEY/,
    },
    { why: 'crypt of size 0', disk: { type: 'dm-crypt-dcp', path: 'a,0,b' }, says: /not of the form/ },
    { why: 'dual of none', disk: { type: 'dual' }, says: /it has 0 inner disks/ },
    {
      why: 'dual of five',
      disk: { type: 'dual', disks: ['a', 'b', 'c', 'd', 'e'] },
      says: /it has 5 inner disks/,
    },
    {
      why: 'dual with nine actions',
      disk: { type: 'dual', disks: ['old'], initOrder: Array(9).fill('primary') },
      says: /9 actions.*at most 8 words/,
    },
    {
      why: 'dual of an unknown disk',
      disk: { type: 'dual', disks: ['x'] },
      says: /inner disk "x" is not defined/,
    },
    {
      why: 'dual of swap',
      disk: { type: 'dual', disks: ['swap'] },
      says: /nothing can be kept on a swap-disk/,
    },
    { why: 'dual of itself', disk: { type: 'dual', disks: ['d'] }, says: /nothing can be kept on a dual/ },
    { why: 'dual of one twice', disk: { type: 'dual', disks: ['new', 'n'] }, says: /one and the same/ },
  ];
  for (const { why, disk, says } of refused) {
    it(`refused: ${why}`, () => assert.match(refusalOf(diskSpec('d', disk), inner), says));
  }

  it('words without effect are remarked on', () => {
    const result = planned(diskSpec('d', { mountTarget: '/data', path: '/x' }));
    assert.deepEqual(result.ok && result.remarks, [
      'disk "d": mount_target "/data" has no effect: its volumes show it',
      'disk "d": path "/x" has no effect without "provision": "file"',
    ]);
  });

  for (const [text, bytes] of [
    ['512', 512],
    ['4k', 4096],
    ['64M', 2 ** 26],
    ['2G', 2 ** 31],
    ['0', undefined],
    ['', undefined],
    ['1.5G', undefined],
    ['1MB', undefined],
  ] as const) {
    it(`size "${text}"`, () => assert.equal(sizeOf(text), bytes));
  }
});
