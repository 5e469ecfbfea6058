/** Volumes of the BSP and the device for real, on a tree that stands for the host's /lib and /sys (storage §9). */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { type BspOptions, createBspVolumes } from '../../../adapters/host/bsp-volumes.ts';
import { createDisks } from '../../../adapters/host/disks.ts';
import { isSwapping } from '../../../adapters/host/swap.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import type { BspSpec } from '../../../machines/domain/revision.ts';
import { diskSpec } from '../../support/disk.ts';
import { faultOf, storage, useMounterWorld } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

const BSP: BspSpec = {
  boot: { kind: 'fit', fit: 'a.fit' },
  addons: [],
  firmware: 'firmware.squashfs',
  modules: 'modules.squashfs',
  modulesByRelease: new Map(),
};
const SHOWN = [
  'volumes/bsp/firmware.squashfs',
  'volumes/bsp/modules.squashfs',
  'lib/firmware',
  'lib/modules/6.1',
];

describe('volumes of the BSP (storage §9)', () => {
  const { device, kernel, at, read } = useMounterWorld('native');
  const complaints: Fault[] = [];
  beforeEach(() => {
    complaints.length = 0;
    const made = device();
    made.image('storage/trails/r1/bsp/firmware.squashfs', { blob: 'firmware' });
    made.image('storage/trails/r1/bsp/modules.squashfs', { 'modules.dep': 'any' });
    made.image('storage/trails/r1/bsp/m61.squashfs', { 'modules.dep': '6.1' });
    made.write('lib/firmware/old', 'old');
    made.write('cmdline', 'quiet pv_rev=12 root=/dev/ram\n');
    made.write('path', '');
  });

  function volumes(revision: Partial<BspOptions['revision']> = {}, more: Partial<BspOptions> = {}) {
    const parts = { bsp: BSP, deviceVolumes: [], disks: [], ...revision };
    const { layout } = device();
    return createBspVolumes({
      kernel: kernel(),
      layout,
      revision: parts,
      disks: createDisks({ kernel: kernel(), layout, disks: parts.disks }),
      initMode: 'embedded',
      firmwareVolume: false,
      handlers: true,
      verityOff: false,
      handlerArgs: [],
      complain: (fault) => complaints.push(fault),
      places: {
        firmware: at('lib/firmware'),
        modules: at('lib/modules/6.1'),
        firmwarePath: at('path'),
        kernelCommandLine: at('cmdline'),
        release: '6.1',
      },
      ...more,
    });
  }

  it('show firmware and modules over what is there, and give it back', async () => {
    const bsp = volumes();
    await bsp.mount();
    assert.deepEqual(device().traces().mounts, SHOWN);
    assert.equal(read('lib/firmware/blob'), 'firmware');
    assert.equal(read('lib/modules/6.1/modules.dep'), 'any');
    assert.ok(!existsSync(at('lib/firmware/old')));
    await volumes().mount();
    assert.deepEqual(device().traces().mounts, SHOWN, 'an adopting supervisor mounts nothing again (R-08)');
    assert.deepEqual(await volumes().unmount(), []);
    assert.deepEqual(device().traces(), UNTOUCHED);
    assert.equal(read('lib/firmware/old'), 'old');
  });

  it('modules for the running kernel win over those for any', async () => {
    const bsp = volumes({ bsp: { ...BSP, modulesByRelease: new Map([['6.1', 'm61.squashfs']]) } });
    await bsp.mount();
    assert.equal(read('lib/modules/6.1/modules.dep'), '6.1');
    assert.deepEqual(await bsp.unmount(), []);
  });

  it('absolute paths are directories of the host, and a link to nowhere makes room', async () => {
    device().write('host/fw/blob', 'host');
    mkdirSync(at('lib/modules'));
    symlinkSync('/nowhere', at('lib/modules/6.1'));
    const bsp = volumes({ bsp: { ...BSP, firmware: at('host/fw'), modules: at('host/fw') } });
    await bsp.mount();
    assert.equal(read('lib/firmware/blob'), 'host');
    assert.equal(read('lib/modules/6.1/blob'), 'host');
    assert.deepEqual(await bsp.unmount(), []);
    assert.deepEqual(device().traces(), UNTOUCHED);
    const same = volumes({ bsp: { ...BSP, firmware: at('lib/firmware'), modules: undefined } });
    await same.mount();
    assert.deepEqual([...(await same.unmount()), ...device().traces().mounts], []);
  });

  it('a handler’s prefix means the handler', async () => {
    const handler = `#!/bin/sh
case $1 in mount) mount -t tmpfs gpg $PV_DISK_VOLDIR/$3/$4 ;; umount) umount $PV_DISK_VOLDIR/$3/$4 ;; esac
`;
    device().write('lib/pv/volmount/verity/gpg', handler, 0o755);
    const bsp = volumes({ bsp: { ...BSP, firmware: 'gpg:firmware.squashfs', modules: undefined } });
    await bsp.mount();
    assert.deepEqual(device().traces(), { mounts: [SHOWN[0], SHOWN[2]], loops: [] });
    assert.deepEqual(await bsp.unmount(), []);
    assert.deepEqual(device().traces(), UNTOUCHED);
  });

  for (const { why, spoil } of [
    { why: 'a kernel that was booted for something else', spoil: {} },
    { why: 'a supervisor inside another system (appengine)', spoil: { initMode: 'appengine' } as const },
  ]) {
    it(`${why}: nothing of the host is touched, and that is said`, async () => {
      device().write('cmdline', spoil.initMode === undefined ? 'root=/dev/sda1 quiet xpv_rev=1' : 'pv_rev=1');
      const bsp = volumes(
        { deviceVolumes: [storage('pv--firmware', 'permanent')] },
        { ...spoil, firmwareVolume: true },
      );
      await bsp.mount();
      assert.deepEqual(device().traces(), { mounts: ['volumes/bsp/pv--firmware'], loops: [] });
      assert.equal(read('path'), '');
      assert.ok(!existsSync(at('lib/modules')));
      assert.match(complaints[0]?.message ?? '', /firmware and modules of the BSP are left alone/);
      assert.deepEqual(await bsp.unmount(), []);
      assert.equal(read('lib/firmware/old'), 'old');
    });
  }

  it('volumes of device.json lie on the storage and on disks; swap comes first', async () => {
    const swap = diskSpec('swap', { type: 'swap-disk', provision: 'file', provisionOptions: 'size=1M' });
    const disks = [diskSpec('bulk'), swap];
    const deviceVolumes = [storage('pv--usrmeta', 'permanent', 'bulk'), storage('pv--devmeta', 'revision')];
    const bsp = volumes({ bsp: undefined, disks, deviceVolumes });
    await bsp.mount();
    const { layout } = device();
    const all = createDisks({ kernel: kernel(), layout, disks });
    try {
      assert.ok(isSwapping(at('storage/pv/swap-disk/swap')));
      device().write('volumes/bsp/pv--usrmeta/key', 'value');
      assert.equal(read('storage/pv/volume-disk/bulk/perm/bsp/pv--usrmeta/key'), 'value');
      assert.ok(existsSync(at('storage/disks/rev/r1/bsp/pv--devmeta')));
      assert.deepEqual(complaints, []);
    } finally {
      assert.deepEqual([...(await bsp.unmount()), ...(await all.takeDown())], []);
    }
    assert.deepEqual(device().traces(), UNTOUCHED);
  });

  it('PV_STORAGE_FIRMWARE_VOL tells the kernel of the volume, and fails without one', async () => {
    const deviceVolumes = [storage('pv--firmware', 'permanent')];
    const bsp = volumes({ bsp: undefined, deviceVolumes }, { firmwareVolume: true });
    await bsp.mount();
    assert.equal(readFileSync(at('path'), 'utf8'), at('volumes/bsp/pv--firmware'));
    assert.deepEqual(await bsp.unmount(), []);
    const fault = await faultOf(volumes({}, { firmwareVolume: true }).mount());
    assert.match(`${fault.message}. ${fault.fix}`, /there is no volume "pv--firmware"\. Add the volume/);
    assert.deepEqual(device().traces(), UNTOUCHED);
  });

  for (const { why, revision, says } of [
    {
      why: 'a missing image',
      revision: { bsp: { ...BSP, modules: 'none.squashfs' } },
      says: /^mounting bsp: squashfs image .*none\.squashfs.* the image is missing/,
    },
    {
      why: 'a missing directory of the host',
      revision: { bsp: { ...BSP, modules: '/no/where' } },
      says: /^mounting bsp: showing \/no\/where at .*lib\/modules\/6\.1 failed: ENOENT/,
    },
    {
      why: 'a disk that is not defined',
      revision: { deviceVolumes: [storage('v', 'permanent', 'nope')] },
      says: /^mounting bsp: volume "v" is on disk "nope", which is not defined/,
    },
  ]) {
    it(`${why} fails the start, and nothing stays mounted (state format §9.7)`, async () => {
      mkdirSync(at('lib/modules'), { recursive: true });
      const fault = await faultOf(volumes(revision).mount());
      assert.equal(fault.code, 'MOUNT_FAILED');
      assert.match(fault.message, says);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });
  }
});
