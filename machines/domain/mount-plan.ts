/** Container and layout → what to mount, in order, as data, and how to take each thing down again (storage §6, §7).
 *  `adapters/host/mounter.ts` carries it out.
 *
 *  Decisions where the texts leave room: images are mounted read-only whatever their type, because they are hard
 *  links into the object store. A container whose goal is MOUNTED is never started, so it gets its volumes and
 *  neither root file system nor additional files. The root file system is assembled by us at a place of its own and
 *  handed to the runtime as a plain directory.
 *
 *  Steps, how they are planned and how they are undone stand in one file, because each kind has a line in all three. */

import type { Fault } from './fault.ts';
import {
  backingDir,
  configCopy,
  configSource,
  containerDir,
  diskDir,
  disksDir,
  handlerProgram,
  type Layout,
  localPath,
  ROOTFS,
  rootfsDir,
  volumeTarget,
} from './layout.ts';
import type { Rootfs } from './lxc-rootfs.ts';
import type { ContainerSpec, DiskSpec, VolumeSpec } from './revision.ts';

/** Program and arguments. */
export type Command = readonly [string, ...string[]];

export type MountStep =
  /** A file system image over a loop device, read-only. */
  | {
      readonly kind: 'image';
      readonly volume: string;
      readonly source: string;
      readonly target: string;
      readonly fsType: string;
    }
  /** `*.bind`: one file, writable. */
  | { readonly kind: 'bindFile'; readonly volume: string; readonly source: string; readonly target: string }
  /** `*.data`: a directory and what is mounted below it. */
  | { readonly kind: 'bindTree'; readonly volume: string; readonly source: string; readonly target: string }
  /** A program that mounts the image at `target` (state format §9.4). */
  | {
      readonly kind: 'handler';
      readonly volume: string;
      readonly source: string;
      readonly target: string;
      readonly mount: Command;
      readonly unmount: Command;
    }
  /** The disk must be up: whoever comes first has it mounted, and it stays when the container stops (state format §14.4). */
  | { readonly kind: 'disk'; readonly volume: string; readonly disk: string; readonly target: string }
  /** A directory, created 0755 when missing; `wipe` empties it first. */
  | {
      readonly kind: 'storage';
      readonly volume: string;
      readonly source: string;
      readonly target: string;
      readonly wipe: boolean;
    }
  | { readonly kind: 'tmpfs'; readonly volume: string; readonly target: string }
  /** A fresh copy of the additional files, links followed (state format §11). Not a mount. */
  | { readonly kind: 'config'; readonly source: string; readonly target: string }
  /** The root file system. `upper` and `work` are created in a directory that must exist. */
  | {
      readonly kind: 'overlay';
      readonly lowers: readonly string[];
      readonly upper: string;
      readonly work: string;
      readonly target: string;
    }
  /** The root file system of a container that has a plain directory. */
  | { readonly kind: 'rootDirectory'; readonly source: string; readonly target: string };

export type UndoStep =
  | { readonly kind: 'unmount'; readonly target: string }
  | { readonly kind: 'handler'; readonly command: Command; readonly target: string }
  | { readonly kind: 'removeConfig'; readonly target: string };

export interface MountPlan {
  readonly container: string;
  readonly steps: readonly MountStep[];
}

export interface MountOptions {
  readonly disks: readonly DiskSpec[];
  /** `PV_SECUREBOOT_HANDLERS`. */
  readonly handlers: boolean;
  /** The environment says `pv_verityoff`. */
  readonly verityOff: boolean;
  /** `PV_VOLMOUNT_DM_EXTRA_ARGS`, split. */
  readonly handlerArgs: readonly string[];
}

export type PlannedMounts =
  | { readonly ok: true; readonly plan: MountPlan }
  | { readonly ok: false; readonly fault: Fault };

/** Volumes in the order of the specification, then additional files, then the root file system.
 *  Fault: MOUNT_FAILED for what cannot be planned, such as a disk that no one defines (state format §9.7). */
export function mountPlan(
  container: ContainerSpec,
  layout: Layout,
  rootfs: Rootfs,
  options: MountOptions,
): PlannedMounts {
  const volumes = volumesPlan(container.name, container.volumes, layout, options);
  if (!volumes.ok) return volumes;
  const steps = [...volumes.plan.steps];
  if (container.statusGoal !== 'MOUNTED') {
    const planned = rootSteps(container, layout, rootfs);
    if (!Array.isArray(planned)) return { ok: false, fault: planned };
    steps.push(...planned);
  }
  return { ok: true, plan: { container: container.name, steps } };
}

/** Volumes of an owner without a root file system, such as the BSP. Fault: MOUNT_FAILED */
export function volumesPlan(
  owner: string,
  volumes: readonly VolumeSpec[],
  layout: Layout,
  options: MountOptions,
): PlannedMounts {
  const steps: MountStep[] = [];
  for (const volume of volumes) {
    const planned = volumeSteps(owner, volume, layout, options);
    if (!Array.isArray(planned)) return { ok: false, fault: planned };
    steps.push(...planned);
  }
  return { ok: true, plan: { container: owner, steps } };
}

/** The same list backwards. */
export function unmountPlan(steps: readonly MountStep[]): readonly UndoStep[] {
  return steps.toReversed().flatMap((step) => undo(step));
}

/** Where the container's mounts lie, in the order of mounting; whether they are mounted only the kernel knows. */
export function mountPoints({ name, volumes }: ContainerSpec, layout: Layout): readonly string[] {
  return [...volumes.map((volume) => volumeTarget(layout, name, volume.name)), rootfsDir(layout, name)];
}

/** Mount points that a handler must take down, and the command for each. */
export function handlerTargets(
  container: ContainerSpec,
  layout: Layout,
  options: MountOptions,
): ReadonlyMap<string, Command> {
  const targets = new Map<string, Command>();
  for (const volume of container.volumes) {
    if (volume.kind !== 'image') continue;
    const target = volumeTarget(layout, container.name, volume.name);
    const step = imageStep(container.name, volume, target, layout, options);
    if (step.kind === 'handler') targets.set(target, step.unmount);
  }
  return targets;
}

function undo(step: MountStep): readonly UndoStep[] {
  switch (step.kind) {
    case 'handler':
      return [{ kind: 'handler', command: step.unmount, target: step.target }];
    case 'config':
      return [{ kind: 'removeConfig', target: step.target }];
    case 'disk':
      return [];
    case 'image':
    case 'bindFile':
    case 'bindTree':
    case 'storage':
    case 'tmpfs':
    case 'overlay':
    case 'rootDirectory':
      return [{ kind: 'unmount', target: step.target }];
    default:
      return step satisfies never;
  }
}

function volumeSteps(
  owner: string,
  volume: VolumeSpec,
  layout: Layout,
  options: MountOptions,
): MountStep[] | Fault {
  const target = volumeTarget(layout, owner, volume.name);
  if (target === rootfsDir(layout, owner)) {
    return fault(
      owner,
      `volume "${volume.name}" has the place of the root file system`,
      `Rename the volume "${ROOTFS}".`,
    );
  }
  return volume.kind === 'image'
    ? [imageStep(owner, volume, target, layout, options)]
    : storageSteps(owner, volume, target, layout, options.disks);
}

/** State format §9.3, first match wins. */
function imageStep(
  owner: string,
  image: VolumeSpec & { kind: 'image' },
  target: string,
  layout: Layout,
  { handlers, verityOff, handlerArgs }: MountOptions,
): MountStep {
  const volume = image.name;
  const source = `${containerDir(layout, owner)}/${image.file}`;
  if (image.format === 'bind') return { kind: 'bindFile', volume, source, target };
  if (image.format === 'data') return { kind: 'bindTree', volume, source, target };
  if (image.handler !== undefined && handlers && !verityOff) {
    const program = handlerProgram(layout, image.handler);
    return {
      kind: 'handler',
      volume,
      source,
      target,
      mount: [program, 'mount', source, owner, volume, ...handlerArgs],
      unmount: [program, 'umount', source, owner, volume],
    };
  }
  return { kind: 'image', volume, source, target, fsType: image.format };
}

/** State format §9.5. */
function storageSteps(
  owner: string,
  { name: volume, persistence, disk: wanted }: VolumeSpec & { kind: 'storage' },
  target: string,
  layout: Layout,
  disks: readonly DiskSpec[],
): MountStep[] | Fault {
  if (wanted === undefined) {
    if (persistence === 'boot') return [{ kind: 'tmpfs', volume, target }];
    const source = backingDir(layout, disksDir(layout), persistence, owner, volume);
    return [{ kind: 'storage', volume, source, target, wipe: false }];
  }
  const disk = disks.find(({ name, aliases }) => name === wanted || aliases.includes(wanted));
  if (disk === undefined) {
    return fault(
      owner,
      `volume "${volume}" is on disk "${wanted}", which is not defined`,
      disks.length === 0
        ? 'Define the disk in device.json.'
        : `Defined are: ${disks.map(({ name }) => name).join(', ')}.`,
    );
  }
  const base = diskDir(layout, disk.name);
  const source = backingDir(layout, base, persistence, owner, volume);
  return [
    { kind: 'disk', volume, disk: disk.name, target: base },
    { kind: 'storage', volume, source, target, wipe: persistence === 'boot' },
  ];
}

/** Storage §7.1, §7.2. */
function rootSteps(container: ContainerSpec, layout: Layout, rootfs: Rootfs): MountStep[] | Fault {
  const { name } = container;
  const target = rootfsDir(layout, name);
  const copy = configCopy(layout, name);
  const config: MountStep[] = container.hasConfigFiles
    ? [{ kind: 'config', source: configSource(layout, name), target: copy }]
    : [];
  switch (rootfs.kind) {
    case 'overlay': {
      const lowers = rootfs.lowers.map((lower) => localPath(layout, lower));
      const upper = localPath(layout, rootfs.upper).replace(/\/+$/, '');
      const work = `${upper.slice(0, upper.lastIndexOf('/'))}/olwork`;
      const layers = container.hasConfigFiles ? [copy, ...lowers] : lowers;
      return [...config, { kind: 'overlay', lowers: layers, upper, work, target }];
    }
    case 'directory':
    case 'none':
      if (container.hasConfigFiles) {
        return fault(
          name,
          `files below _config/${name} need an overlay to be laid over, and its root file system is none`,
          'Set lxc.rootfs.path to overlayfs:LOWER:UPPER.',
        );
      }
      if (rootfs.kind === 'none') return [];
      return [{ kind: 'rootDirectory', source: localPath(layout, rootfs.path), target }];
    default:
      return rootfs satisfies never;
  }
}

function fault(container: string, reason: string, fix: string): Fault {
  return {
    code: 'MOUNT_FAILED',
    message: `mounting ${container}: ${reason}`,
    subject: container,
    fix,
  };
}
