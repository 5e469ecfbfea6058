/** Volumes that belong to the device and not to a container, mounted when the revision starts: firmware, modules, then the
 *  `volumes` of device.json (state format §9, §13, §14.5). `adapters/host/bsp-volumes.ts` mounts them. */

import { type Layout, volumeTarget } from './layout.ts';
import type { Revision, VolumeSpec } from './revision.ts';

/** Owner of these volumes, where containers have their name. */
export const BSP = 'bsp';

type BspParts = Pick<Revision, 'bsp' | 'deviceVolumes' | 'disks'>;

/** Firmware or modules: where it is found once the volumes are mounted. */
export interface BspAsset {
  readonly source: string;
  /** Undefined: `source` is a directory of the host. */
  readonly volume: VolumeSpec | undefined;
}

export interface BspPlan {
  readonly firmware: BspAsset | undefined;
  readonly modules: BspAsset | undefined;
  readonly deviceVolumes: readonly VolumeSpec[];
}

/** Whether the start of a revision has anything to do for its BSP, swap included. */
export function hasBspVolumes({ bsp, deviceVolumes, disks }: BspParts): boolean {
  return (
    deviceVolumes.length > 0 ||
    bsp?.firmware !== undefined ||
    bsp?.modules !== undefined ||
    (bsp?.modulesByRelease.size ?? 0) > 0 ||
    disks.some(({ type }) => type === 'swap-disk')
  );
}

/** `release` is that of the running kernel: modules for it win over those for any. */
export function bspPlan({ bsp, deviceVolumes }: BspParts, layout: Layout, release: string): BspPlan {
  const modules = bsp?.modulesByRelease.get(release) ?? bsp?.modules;
  return { firmware: assetOf(bsp?.firmware, layout), modules: assetOf(modules, layout), deviceVolumes };
}

/** `[handler:]file` below `bsp/`, or an absolute path. */
function assetOf(text: string | undefined, layout: Layout): BspAsset | undefined {
  if (text === undefined) return undefined;
  if (text.startsWith('/')) return { source: text, volume: undefined };
  const [, handler, file = text] = /^(?:([^:/]*):)?(.*)$/s.exec(text) ?? [];
  const format = /\.([^./]+)$/.exec(file)?.[1] ?? '';
  const volume: VolumeSpec = { kind: 'image', name: file, file, handler, format, root: false };
  return { source: volumeTarget(layout, BSP, file), volume };
}

/** Where the supervisor keeps what a volume of device.json has a special name for (storage §9); absent: in the storage. */
export function deviceDirectories(
  { deviceVolumes }: Pick<Revision, 'deviceVolumes'>,
  layout: Layout,
  /** `PV_STORAGE_PHCONFIG_VOL`. */
  phconfigVolume: boolean,
): { readonly userMeta?: string; readonly deviceMeta?: string; readonly hubConfig?: string } {
  const has = (name: string) => deviceVolumes.some((volume) => volume.name === name);
  const place = (name: string) => volumeTarget(layout, BSP, name);
  return {
    ...(has('pv--usrmeta') ? { userMeta: place('pv--usrmeta') } : {}),
    ...(has('pv--devmeta') ? { deviceMeta: place('pv--devmeta') } : {}),
    ...(phconfigVolume && has('pv--phconfig') ? { hubConfig: place('pv--phconfig') } : {}),
  };
}

/** Words that boot loaders of such devices give the kernel (logs and metadata §8, §9). */
const DEVICE_WORD = /^(pv_(rev|try)=|pv_(embedded|standalone)$)/;

/** Whether this machine is a device that a supervisor has for itself, so that /lib/firmware is its own to replace. The init
 *  mode does not tell: `embedded` is what it is where nothing is said, on a developer's machine too. What does tell is
 *  the command line that the *kernel* was booted with (`/proc/cmdline`, never `--cmdline`): a device's boot loader names
 *  the revision there, and nobody else does. */
export function ownsMachine(
  initMode: 'embedded' | 'standalone' | 'appengine',
  kernelCommandLine: string,
): boolean {
  return initMode !== 'appengine' && kernelCommandLine.split(/\s+/).some((word) => DEVICE_WORD.test(word));
}
