/** Where things lie (storage §1, §6, §7). Every path below the given directories is made here and nowhere else.
 *  What is mounted there, and how, is in `mount-plan.ts`. */

import { type MetadataKind, shareDirectory } from './metadata.ts';

/** Absolute directories without a trailing slash, and the revision they serve. */
export interface Layout {
  /** `PV_STORAGE_MNTPOINT`. */
  readonly storage: string;
  readonly runDir: string;
  /** `PV_DISK_VOLDIR`; containers' own configurations call it `/volumes`. */
  readonly volumes: string;
  /** `PV_SYSTEM_CONFDIR`; containers' own configurations call it `/configs`. */
  readonly configs: string;
  /** Below it the disks are mounted. */
  readonly media: string;
  /** `PV_SYSTEM_LIBDIR`; handlers and hooks lie in its `pv/`. */
  readonly libDir: string;
  /** `PV_DISK_EXPORTSDIR`; containers' own configurations call it `/exports`. */
  readonly exports: string;
  /** `PV_CACHE_USRMETADIR`; `cache/meta` of the storage unless given. */
  readonly userMeta?: string;
  /** `PV_CACHE_DEVMETADIR`; `cache/devmeta` of the storage unless given. */
  readonly deviceMeta?: string;
  /** Credentials of the hub, as containers with the role `mgmt` see them; `config` of the storage unless given. */
  readonly hubConfig?: string;
  /** Revision id, `locals/<name>` for local ones. */
  readonly revision: string;
}

export function trailsDir(layout: Layout): string {
  return `${layout.storage}/trails`;
}

export function trailDir(layout: Layout): string {
  return `${layout.storage}/trails/${layout.revision}`;
}

/** The container's files of this revision. */
export function containerDir(layout: Layout, container: string): string {
  return `${trailDir(layout)}/${container}`;
}

/** The revision's additional files for the container (state format §11); absent when it has none. */
export function configSource(layout: Layout, container: string): string {
  return `${trailDir(layout)}/_config/${container}`;
}

/** The copy that the container's root file system is laid over (storage §7.1). */
export function configCopy(layout: Layout, container: string): string {
  return `${layout.configs}/${container}`;
}

/** All mount points of one owner, a container or `bsp`. */
export function volumesDir(layout: Layout, owner: string): string {
  return `${layout.volumes}/${owner}`;
}

/** State format §9.2. Storage names may be paths and end in a slash. */
export function volumeTarget(layout: Layout, owner: string, volume: string): string {
  return `${volumesDir(layout, owner)}/${trimSlashes(volume)}`;
}

/** Name of the assembled root file system beside the container's volumes; no volume may have it. */
export const ROOTFS = 'rootfs';

/** The assembled root file system, which the runtime gets as a plain directory. */
export function rootfsDir(layout: Layout, container: string): string {
  return `${volumesDir(layout, container)}/${ROOTFS}`;
}

/** Mount point of a disk. The component `dmcrypt` stands for every type (storage §6.2). */
export function diskDir(layout: Layout, disk: string): string {
  return `${layout.media}/pv/dmcrypt/${disk}`;
}

/** What a `volume-disk` without provision shows (storage §10). */
export function volumeDiskDir(layout: Layout, disk: string): string {
  return `${layout.storage}/pv/volume-disk/${disk}`;
}

/** Parent of `perm`, `rev` and `boot` for volumes without a disk. */
export function disksDir(layout: Layout): string {
  return `${layout.storage}/disks`;
}

/** Backing directory of a storage volume below `base`, a disk or `disksDir` (state format §9.5). */
export function backingDir(
  layout: Layout,
  base: string,
  persistence: 'permanent' | 'revision' | 'boot',
  owner: string,
  volume: string,
): string {
  const kept = { permanent: 'perm', revision: `rev/${layout.revision}`, boot: 'boot' }[persistence];
  return `${base}/${kept}/${owner}/${trimSlashes(volume)}`;
}

/** Volume handler (state format §9.4). */
export function handlerProgram(layout: Layout, handler: string): string {
  return `${layout.libDir}/pv/volmount/verity/${handler}`;
}

/** Where other containers find what this one exports (storage §8). */
export function exportsDir(layout: Layout, container: string): string {
  return `${layout.exports}/${container}`;
}

/** Where metadata is kept, one file for each key. */
export function metadataDir(layout: Layout, kind: MetadataKind): string {
  return kind === 'user-meta'
    ? (layout.userMeta ?? `${layout.storage}/cache/meta`)
    : (layout.deviceMeta ?? `${layout.storage}/cache/devmeta`);
}

/** What containers with the role `mgmt` see at /pantavisor, but for what is mounted in it (storage §8). */
export function shownDir(layout: Layout): string {
  return `${layout.runDir}/shown`;
}

/** A container's own part of the metadata, as every role but `mgmt` sees it. */
export function shareDir(layout: Layout, kind: MetadataKind, container: string): string {
  return `${shownDir(layout)}/${shareDirectory(kind, container)}`;
}

/** A path as containers' configurations spell it, moved to where this layout has it. */
export function localPath(layout: Layout, path: string): string {
  for (const [canonical, actual] of [
    ['/volumes', layout.volumes],
    ['/configs', layout.configs],
    ['/exports', layout.exports],
  ] as const) {
    if (path === canonical || path.startsWith(`${canonical}/`)) return actual + path.slice(canonical.length);
  }
  return path;
}

/** Volumes are named as written, slashes around the name included. */
export function trimSlashes(name: string): string {
  return name.replace(/^\/+|\/+$/g, '');
}
