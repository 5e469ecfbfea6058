/** What a revision needs of the device, as a start and a stop have it (lifecycle §14.3, R-08). */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { type DeviceVolumesOptions, openDeviceVolumes } from '../../../adapters/host/device-volumes.ts';
import { isSwapping } from '../../../adapters/host/swap.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import { diskSpec } from '../../support/disk.ts';
import { faultOf, NEVER, ROOT_IMAGE, storage, UPPER, useMounterWorld, web } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

describe('volumes of the device', () => {
  const { device, kernel, mounter, ready, at, read } = useMounterWorld('native');
  const complaints: Fault[] = [];
  beforeEach(() => {
    complaints.length = 0;
  });
  const open = (
    revision: Partial<DeviceVolumesOptions['revision']>,
    more: Partial<DeviceVolumesOptions> = {},
  ) =>
    openDeviceVolumes({
      kernel: kernel(),
      layout: device().layout,
      revision: { bsp: undefined, deviceVolumes: [], disks: [], ...revision },
      initMode: 'embedded',
      firmwareVolume: false,
      phconfigVolume: false,
      handlers: true,
      verityOff: false,
      handlerArgs: [],
      afterAnother: false,
      complain: (fault) => complaints.push(fault),
      ...more,
    });
  const DATA = diskSpec('data', { provision: 'file', provisionOptions: 'size=4M' });
  const SWAP = diskSpec('swap', { type: 'swap-disk', provision: 'file', provisionOptions: 'size=1M' });
  const swapFile = () => at('storage/pv/swap-disk/swap');

  it('of a revision without any leave no trace', async () => {
    const volumes = await open({});
    assert.deepEqual(volumes.layout, device().layout);
    assert.deepEqual(await volumes.takeDown(), []);
    assert.deepEqual(device().traces(), UNTOUCHED);
    assert.ok(!existsSync(at('run')));
  });

  it('come before containers, outlive the supervisor, and go after containers in an ordered stop', async () => {
    ready();
    const parts = { disks: [DATA, SWAP], deviceVolumes: [storage('pv--usrmeta', 'permanent', 'data')] };
    const first = await open(parts);
    assert.equal(first.layout.userMeta, at('volumes/bsp/pv--usrmeta'));
    const spec = web({ volumes: [ROOT_IMAGE, UPPER, storage('kept', 'permanent', 'data')] });
    await mounter({ disks: parts.disks, diskMounts: first.disks }).mount(spec, NEVER);
    writeFileSync(at('volumes/web/kept/file'), 'kept');
    const before = device().traces();
    const second = await open(parts);
    assert.deepEqual(device().traces(), before);
    assert.equal((await second.takeDown())[0]?.errno, 'EBUSY', 'a container still has its volume');
    await mounter({ disks: parts.disks, diskMounts: second.disks }).unmount(spec);
    await second.disks.enableSwap();
    assert.ok(isSwapping(swapFile()));
    assert.deepEqual(await second.takeDown(), []);
    assert.ok(!isSwapping(swapFile()));
    assert.deepEqual(device().traces(), UNTOUCHED);
  });

  it('of another revision are taken down first', async () => {
    await open({ disks: [DATA, SWAP], deviceVolumes: [storage('pv--devmeta', 'permanent', 'data')] });
    const next = await open({ disks: [diskSpec('bulk')] }, { afterAnother: true });
    assert.deepEqual(device().traces(), UNTOUCHED);
    assert.ok(!isSwapping(swapFile()));
    await next.disks.ensure('bulk');
    assert.deepEqual(await next.takeDown(), []);
    assert.deepEqual(complaints, []);
  });

  it('that cannot be had fail the start, and disks and swap go too (state format §9.7)', async () => {
    const deviceVolumes = [storage('a', 'permanent', 'data'), storage('b', 'permanent', 'bad')];
    const bad = diskSpec('bad', { provision: 'tape' });
    const fault = await faultOf(open({ disks: [SWAP, DATA, bad], deviceVolumes }).then(() => {}));
    assert.match(fault.message, /disk "bad": there is no provision "tape"/);
    assert.ok(existsSync(swapFile()) && !isSwapping(swapFile()));
    assert.deepEqual(device().traces(), UNTOUCHED);
    assert.equal(read('storage/pv/swap-disk/swap').length > 0, true);
  });
});
