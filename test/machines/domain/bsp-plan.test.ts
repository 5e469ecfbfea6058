/** What a machine is to the supervisor, and volumes of the device by their special names (storage §9). */

import assert from 'node:assert/strict';
import { deviceDirectories, hasBspVolumes, ownsMachine } from '../../../machines/domain/bsp-plan.ts';
import type { Layout } from '../../../machines/domain/layout.ts';
import type { BspSpec, VolumeSpec } from '../../../machines/domain/revision.ts';
import { verityPlan } from '../../../machines/domain/verity-plan.ts';
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
const volume = (name: string): VolumeSpec => ({
  kind: 'storage',
  name,
  persistence: 'permanent',
  disk: undefined,
});

describe('a machine belongs to the supervisor', () => {
  const cases: readonly (readonly [Parameters<typeof ownsMachine>[0], string, boolean])[] = [
    ['embedded', 'console=ttyS0 pv_rev=12 pv_try=', true],
    ['standalone', 'pv_try=locals/x\n', true],
    ['embedded', 'pv_embedded quiet', true],
    ['embedded', 'BOOT_IMAGE=/vmlinuz root=UUID=1 ro quiet', false],
    ['embedded', 'init=/pv_rev=1 xpv_rev=2', false],
    ['appengine', 'pv_rev=12', false],
    ['embedded', '', false],
  ];
  for (const [mode, line, expected] of cases) {
    it(`${mode}, kernel booted with "${line.trim()}": ${expected ? 'yes' : 'no'}`, () => {
      assert.equal(ownsMachine(mode, line), expected);
    });
  }
});

describe('volumes of device.json', () => {
  it('with special names stand in for directories of the storage (state format §14.5)', () => {
    const deviceVolumes = ['pv--usrmeta', 'pv--devmeta', 'pv--phconfig', 'data'].map(volume);
    const metadata = { userMeta: '/v/bsp/pv--usrmeta', deviceMeta: '/v/bsp/pv--devmeta' };
    assert.deepEqual(deviceDirectories({ deviceVolumes }, LAYOUT, false), metadata);
    const all = { ...metadata, hubConfig: '/v/bsp/pv--phconfig' };
    assert.deepEqual(deviceDirectories({ deviceVolumes }, LAYOUT, true), all);
    assert.deepEqual(deviceDirectories({ deviceVolumes: [volume('data')] }, LAYOUT, true), {});
  });

  it('a revision without any of it has nothing to do', () => {
    const none = { bsp: undefined, deviceVolumes: [], disks: [diskSpec('d')] };
    const bsp: BspSpec = {
      boot: { kind: 'fit', fit: 'f' },
      addons: [],
      firmware: undefined,
      modules: undefined,
      modulesByRelease: new Map(),
    };
    assert.equal(hasBspVolumes({ ...none, bsp }), false);
    assert.equal(hasBspVolumes({ ...none, disks: [diskSpec('d', { type: 'swap-disk' })] }), true);
    assert.equal(hasBspVolumes({ ...none, deviceVolumes: [volume('v')] }), true);
    assert.equal(
      hasBspVolumes({ ...none, bsp: { ...bsp, modulesByRelease: new Map([['6.1', 'm']]) } }),
      true,
    );
  });
});

describe('the plan of a verified image (state format §9.4)', () => {
  it('takes names relative to the container, and its device’s name without the extension', () => {
    const manifest = {
      type: 'dm-verity',
      data_device: 'a/root.squashfs',
      hash_device: 'h',
      root_hash: 'AB'.repeat(16),
    };
    assert.deepEqual(verityPlan(LAYOUT, 'web', 'a/root.squashfs', manifest), {
      mapping: 'pv--dmverity--web-a-root',
      data: '/s/trails/r1/web/a/root.squashfs',
      hash: '/s/trails/r1/web/h',
      rootHash: 'AB'.repeat(16),
    });
    assert.equal(verityPlan(LAYOUT, 'web', 'x.squashfs', []), 'its type is undefined, not "dm-verity"');
  });
});
