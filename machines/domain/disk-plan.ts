/** A disk of the state → what is to be there, as data (storage §10, state format §14). `adapters/host/disks.ts` makes it
 *  so; nothing here looks at the device. Dual disks are in `dual-plan.ts`.
 *
 *  Where the texts leave room:
 *  - Every disk that holds volumes is mounted on `<media>/pv/dmcrypt/<name>`, for there its volumes look (§9.5). A
 *    `mount_target` elsewhere has no effect, and the plan says so in `remarks`.
 *  - `provision` is `zram` or, ours, `file`: a file of `provision_options` `size=64M`, made once. `path` names it, else it
 *    lies below the storage. A path is absolute or relative to the storage; `/storage` is wherever the storage is.
 *  - Options of zram are the attributes of its device, `disksize=64M comp_algorithm=lz4`, parted by blanks or commas.
 *  - A swap disk without `provision` is a partition or file that exists. */

import { argumentsOf, fileOf, placeOf, type Refused, words, type Zram, zramOf } from './disk-options.ts';
import { type DualPlan, dualPlan } from './dual-plan.ts';
import type { Fault } from './fault.ts';
import { diskDir, type Layout, volumeDiskDir } from './layout.ts';
import type { DiskSpec } from './revision.ts';

/** Options are words of a command line, in order. */
export interface FileSystem {
  readonly type: 'ext4' | 'ext3';
  readonly formatOptions: readonly string[];
  readonly mountOptions: readonly string[];
}

export type SwapPlace =
  | { readonly kind: 'existing'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: 'zram'; readonly zram: Zram };

export type KeyKind = 'versatile' | 'caam' | 'dcp';

/** Plain dm-crypt over a file. Without the script we do what it does, with a key in a file only. */
export interface CryptPlan {
  readonly kind: 'crypt';
  readonly name: string;
  readonly key: KeyKind;
  readonly image: string;
  readonly sizeBytes: number;
  /** 32 random bytes. */
  readonly keyFile: string;
  /** Exists once the image is complete. */
  readonly doneFile: string;
  /** Name of the opened device below /dev/mapper. */
  readonly mapping: string;
  readonly target: string;
  readonly script: string;
  /** Arguments of the script before `--`, but for the first word and `--no-create`. */
  readonly scriptOptions: readonly string[];
  /** `path` as the state spells it: the script takes it apart itself. */
  readonly scriptPath: string;
}

/** A disk that another one may stand on. */
export type SimplePlan =
  | { readonly kind: 'bind'; readonly name: string; readonly source: string; readonly target: string }
  | {
      readonly kind: 'image';
      readonly name: string;
      readonly file: string;
      readonly sizeBytes: number;
      readonly fileSystem: FileSystem;
      readonly target: string;
    }
  | {
      readonly kind: 'zram';
      readonly name: string;
      readonly zram: Zram;
      readonly fileSystem: FileSystem;
      readonly target: string;
    }
  | CryptPlan;

export interface SwapPlan {
  readonly kind: 'swap';
  readonly name: string;
  readonly place: SwapPlace;
  readonly formatOptions: readonly string[];
  /** Arguments of swapon. */
  readonly options: readonly string[];
}

export type DiskPlan = SimplePlan | SwapPlan | DualPlan;

export type PlannedDisk =
  | { readonly ok: true; readonly plan: DiskPlan; readonly remarks: readonly string[] }
  | { readonly ok: false; readonly fault: Fault };

/** Fault: MOUNT_FAILED. `disks` are all disks of the revision, for those that stand on others. */
export function diskPlan(disk: DiskSpec, layout: Layout, disks: readonly DiskSpec[]): PlannedDisk {
  const plan =
    disk.type === 'swap-disk'
      ? swapPlan(disk, layout)
      : disk.type === 'dual'
        ? dualPlan(disk, layout, disks, simplePlan)
        : simplePlan(disk, layout);
  return 'reason' in plan
    ? { ok: false, fault: diskFault(disk.name, plan) }
    : { ok: true, plan, remarks: remarksOn(disk) };
}

export function diskFault(name: string, { reason, fix }: Refused): Fault {
  return { code: 'MOUNT_FAILED', message: `disk "${name}": ${reason}`, subject: name, fix };
}

function remarksOn({ name, type, mountTarget, provision, path }: DiskSpec): readonly string[] {
  const remarks: string[] = [];
  if (mountTarget !== undefined) {
    remarks.push(`disk "${name}": mount_target "${mountTarget}" has no effect: its volumes show it`);
  }
  if (type === 'volume-disk' && provision === undefined && path !== undefined) {
    remarks.push(`disk "${name}": path "${path}" has no effect without "provision": "file"`);
  }
  return remarks;
}

function simplePlan(disk: DiskSpec, layout: Layout): SimplePlan | Refused {
  switch (disk.type) {
    case 'volume-disk':
      return volumeDiskPlan(disk, layout);
    case 'dm-crypt-versatile':
      return cryptPlan(disk, 'versatile', layout);
    case 'dm-crypt-caam':
      return cryptPlan(disk, 'caam', layout);
    case 'dm-crypt-dcp':
      return cryptPlan(disk, 'dcp', layout);
    default:
      return { reason: `nothing can be kept on a ${disk.type}`, fix: 'Name another disk.' };
  }
}

function volumeDiskPlan(disk: DiskSpec, layout: Layout): SimplePlan | Refused {
  const { name, provision, format } = disk;
  const target = diskDir(layout, name);
  if (provision === undefined) return { kind: 'bind', name, source: volumeDiskDir(layout, name), target };
  if (format === 'swap') {
    return { reason: 'its format is "swap", and volumes need files', fix: 'Write "format": "ext4".' };
  }
  const fileSystem: FileSystem = {
    type: format === 'ext3' ? 'ext3' : 'ext4',
    formatOptions: [...uuidOption(disk), ...argumentsOf(disk.formatOptions)],
    mountOptions: words(disk.mountOptions),
  };
  if (provision === 'zram') {
    const zram = zramOf(disk);
    return 'reason' in zram ? zram : { kind: 'zram', name, zram, fileSystem, target };
  }
  const file = fileOf(disk, layout, `${volumeDiskDir(layout, name)}.img`);
  if ('reason' in file) return file;
  return { kind: 'image', name, file: file.path, sizeBytes: file.sizeBytes, fileSystem, target };
}

function swapPlan(disk: DiskSpec, layout: Layout): SwapPlan | Refused {
  const place = swapPlace(disk, layout);
  if ('reason' in place) return place;
  const options: string[] = [];
  for (const word of words(disk.mountOptions)) {
    const priority = /^pri=(\d{1,5})$/.exec(word)?.[1];
    if (priority !== undefined) options.push('-p', priority);
    else if (word === 'discard') options.push('-d');
    else return { reason: `"${word}" is no option of swap`, fix: 'mount_options may be "pri=10,discard".' };
  }
  const formatOptions = [...uuidOption(disk), ...argumentsOf(disk.formatOptions)];
  return { kind: 'swap', name: disk.name, place, formatOptions, options };
}

function swapPlace(disk: DiskSpec, layout: Layout): SwapPlace | Refused {
  if (disk.provision === 'zram') {
    const zram = zramOf(disk);
    return 'reason' in zram ? zram : { kind: 'zram', zram };
  }
  if (disk.provision !== undefined) {
    const file = fileOf(disk, layout, `${layout.storage}/pv/swap-disk/${disk.name}`);
    return 'reason' in file ? file : { kind: 'file', ...file };
  }
  if (disk.path === undefined) {
    return {
      reason: 'it has neither a path nor a provision',
      fix: 'Add "path" of a partition, or "provision": "zram" with "provision_options": "disksize=64M".',
    };
  }
  const path = placeOf(disk.path, layout);
  return typeof path === 'string' ? { kind: 'existing', path } : path;
}

/** `<image>,<MiB>,<key>`, for CAAM with `-v2 ` before it. */
function cryptPlan(disk: DiskSpec, key: KeyKind, layout: Layout): CryptPlan | Refused {
  const { name, path = '' } = disk;
  const [, image, mebibytes, keyPath] = /^(?:-v2 )?([^,]+),(\d{1,8}),([^,]+)$/.exec(path) ?? [];
  if (image === undefined || mebibytes === undefined || keyPath === undefined || Number(mebibytes) === 0) {
    return {
      reason: `its path "${path}" is not of the form IMAGE,MEBIBYTES,KEY`,
      fix: 'Write "path": "/storage/dm-crypt/data.img,64,/storage/dm-crypt/data.key".',
    };
  }
  const [imageFile, keyFile] = [placeOf(image, layout), placeOf(keyPath, layout)];
  if (typeof imageFile !== 'string') return imageFile;
  if (typeof keyFile !== 'string') return keyFile;
  const migrate = disk.migrateKeyblob ? ['--migrate-keyblob'] : [];
  return {
    kind: 'crypt',
    name,
    key,
    image: imageFile,
    sizeBytes: Number(mebibytes) * 1024 * 1024,
    keyFile: `${keyFile}.txt`,
    doneFile: `${keyFile}.init_done`,
    mapping: `pv--dmcrypt--${name}`,
    target: diskDir(layout, name),
    script: `${layout.libDir}/pv/volmount/crypt/crypt`,
    scriptOptions: ['--type', key, '--mode', disk.mode ?? 'mainline', ...migrate],
    scriptPath: path,
  };
}

function uuidOption({ uuid }: DiskSpec): readonly string[] {
  return uuid === undefined ? [] : ['-U', uuid];
}
