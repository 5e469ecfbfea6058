/** What a revision needs of the device before its first container, in order: what another revision has left is taken down,
 *  swap is enabled, volumes of the BSP and of device.json are mounted (lifecycle §14.3); and the way back at the end.
 *  A revision with none of it costs nothing: neither a system call nor code that is loaded. */

import { deviceDirectories, hasBspVolumes } from '../../machines/domain/bsp-plan.ts';
import type { Fault } from '../../machines/domain/fault.ts';
import type { Layout } from '../../machines/domain/layout.ts';
import type { MountOptions } from '../../machines/domain/mount-plan.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import type { BspPlaces, BspVolumes } from './bsp-volumes.ts';
import { createDisks, type Disks, type DisksOptions } from './disks.ts';
import type { Kernel } from './kernel.ts';

export interface DeviceVolumes {
  /** For the mounter of containers. */
  readonly disks: Disks;
  /** With the places of metadata and credentials, which may be volumes (storage §9). */
  readonly layout: Layout;
  /** When all containers have stopped and the device stops, not when another supervisor goes on. Returns what is still
   *  up, and why. */
  takeDown(): Promise<readonly Fault[]>;
}

export interface DeviceVolumesOptions
  extends Omit<MountOptions, 'disks'>,
    Pick<DisksOptions, 'searchPath' | 'mapper'> {
  readonly kernel: Kernel;
  /** Without symbolic links (`realLayout`). */
  readonly layout: Layout;
  readonly revision: Pick<Revision, 'bsp' | 'deviceVolumes' | 'disks'>;
  readonly initMode: 'embedded' | 'standalone' | 'appengine';
  /** `PV_STORAGE_FIRMWARE_VOL`. */
  readonly firmwareVolume: boolean;
  /** `PV_STORAGE_PHCONFIG_VOL`. */
  readonly phconfigVolume: boolean;
  /** The run directory has records of another revision of this boot. */
  readonly afterAnother: boolean;
  readonly complain: (fault: Fault) => void;
  readonly places?: BspPlaces;
}

/** @throws MOUNT_FAILED: the revision cannot start (state format §9.7); then nothing that is not in use stays up */
export async function openDeviceVolumes(options: DeviceVolumesOptions): Promise<DeviceVolumes> {
  const { revision, complain } = options;
  const layout: Layout = {
    ...options.layout,
    ...deviceDirectories(revision, options.layout, options.phconfigVolume),
  };
  const disks = createDisks({ ...options, layout, disks: revision.disks });
  const bsp =
    hasBspVolumes(revision) || options.firmwareVolume || options.afterAnother
      ? await load({ ...options, layout, disks })
      : undefined;
  if (options.afterAnother) {
    for (const fault of [...((await bsp?.unmount()) ?? []), ...(await disks.sweep())]) complain(fault);
  }
  try {
    await bsp?.mount();
  } catch (error) {
    for (const fault of await disks.takeDown()) complain(fault);
    throw error;
  }
  return {
    disks,
    layout,
    takeDown: async () => [...((await bsp?.unmount()) ?? []), ...(await disks.takeDown())],
  };
}

async function load(options: DeviceVolumesOptions & { readonly disks: Disks }): Promise<BspVolumes> {
  const { createBspVolumes } = await import('./bsp-volumes.ts');
  return createBspVolumes(options);
}
