/** What a failed mount step means to people: operation, subject, the kernel's error name, and what to do. Looks at
 *  files again to tell causes apart that the kernel reports alike; changes nothing. */

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { MountStep } from '../../machines/domain/mount-plan.ts';
import { holders } from './holders.ts';
import { errnoOf, KernelError } from './kernel-error.ts';
import { lastKernelLine } from './kernel-log.ts';

interface Diagnosis {
  readonly reason: string;
  readonly fix?: string;
}

const ROOT_NEEDED = 'Run the supervisor as root with CAP_SYS_ADMIN.';
const REINSTALL = 'Install the revision again: its files are incomplete or damaged.';
const KERNEL_LINE_AGE_MS = 1000;

export function mountFault(container: string, step: MountStep, thrown: unknown): unknown {
  const errno = errnoOf(thrown);
  if (thrown instanceof SupervisorError || errno === undefined) return thrown;
  const { reason, fix } = diagnose(step, errno, thrown);
  return new SupervisorError(
    'MOUNT_FAILED',
    `mounting ${container}: ${operation(step)}: ${reason} (${errno})`,
    {
      subject: container,
      errno,
      fix: fix ?? 'The kernel log may say more: dmesg | tail.',
      cause: thrown,
    },
  );
}

export function unmountFault(container: string, target: string, thrown: unknown): unknown {
  const errno = errnoOf(thrown);
  if (thrown instanceof SupervisorError || errno === undefined) return thrown;
  const using = errno === 'EBUSY' ? holders(target) : [];
  const reason = using.length > 0 ? `in use by ${using.join(', ')}` : callOf(thrown);
  return new SupervisorError('UNMOUNT_FAILED', `unmounting ${container}: ${target}: ${reason} (${errno})`, {
    subject: container,
    errno,
    fix:
      using.length > 0
        ? 'End those processes, then stop the container again.'
        : `Find out what uses it: fuser -vm ${target}`,
    cause: thrown,
  });
}

function operation(step: MountStep): string {
  switch (step.kind) {
    case 'image':
      return `${step.fsType} image ${step.source} on ${step.target}`;
    case 'bindFile':
    case 'bindTree':
    case 'storage':
    case 'rootDirectory':
      return `bind of ${step.source} on ${step.target}`;
    case 'handler':
      return `handler ${step.mount.slice(0, 2).join(' ')} for ${step.source}`;
    case 'disk':
      return `disk "${step.disk}" of volume "${step.volume}"`;
    case 'tmpfs':
      return `tmpfs on ${step.target}`;
    case 'config':
      return `copy of ${step.source} to ${step.target}`;
    case 'overlay':
      return `overlay on ${step.target}`;
    default:
      return step satisfies never;
  }
}

function diagnose(step: MountStep, errno: string, thrown: unknown): Diagnosis {
  switch (errno) {
    case 'EPERM':
    case 'EACCES':
      return { reason: `${callOf(thrown)}: no permission`, fix: ROOT_NEEDED };
    case 'ENOSPC':
      return { reason: `${callOf(thrown)}: no space left`, fix: 'Free space on the storage.' };
    case 'EROFS':
      return {
        reason: `${callOf(thrown)}: read-only file system`,
        fix: 'Put storage, volumes and configs directories on writable file systems.',
      };
    case 'ELOOP':
      return {
        reason: `${callOf(thrown)}: a symbolic link`,
        fix: 'Remove the link: inside of volumes none is followed.',
      };
    default:
  }
  switch (step.kind) {
    case 'image':
      return diagnoseImage(step, errno, thrown);
    case 'overlay':
      return diagnoseOverlay(step, errno, thrown);
    case 'tmpfs':
      return errno === 'ENODEV' ? noFileSystem('tmpfs', 'CONFIG_TMPFS') : { reason: callOf(thrown) };
    case 'bindFile':
    case 'bindTree':
    case 'storage':
    case 'rootDirectory':
    case 'config':
      return existsSync(step.source)
        ? { reason: callOf(thrown) }
        : { reason: 'the source is missing', fix: REINSTALL };
    case 'handler':
    case 'disk':
      return { reason: callOf(thrown) };
    default:
      return step satisfies never;
  }
}

function diagnoseImage(step: MountStep & { kind: 'image' }, errno: string, thrown: unknown): Diagnosis {
  const { source, fsType } = step;
  const call = thrown instanceof KernelError ? thrown.syscall : '';
  if (!existsSync(source)) return { reason: 'the image is missing', fix: REINSTALL };
  if (errno === 'ENOENT' && call !== 'mount') {
    return {
      reason: 'this system has no loop devices',
      fix: 'Build the kernel with CONFIG_BLK_DEV_LOOP and mount a devtmpfs on /dev.',
    };
  }
  if (errno === 'ENODEV') return noFileSystem(fsType, `CONFIG_${fsType.toUpperCase()}`);
  if (errno === 'EBUSY') {
    return {
      reason: `${callOf(thrown)}: no loop device is free, or the mount point is in use`,
      fix: 'Free loop devices (losetup -a lists them), or find what uses the mount point: fuser -vm.',
    };
  }
  if (errno !== 'EINVAL' && errno !== 'EIO') return { reason: callOf(thrown) };
  const head = superblock(source);
  if (fsType === 'squashfs' && head.toString('latin1', 0, 4) !== SQUASHFS_MAGIC) {
    const begins = head.length === 0 ? 'it is empty' : `it begins with ${head.toString('hex', 0, 4)}`;
    return { reason: `not a squashfs image: ${begins}, not with 68737173 ("hsqs")`, fix: REINSTALL };
  }
  const words = kernelWords(new RegExp(`${fsType}|loop`, 'i'));
  if (fsType !== 'squashfs') return { reason: `the kernel refuses the image${words}`, fix: REINSTALL };
  const packed = COMPRESSIONS[head.length < 22 ? 0 : head.readUInt16LE(20)] ?? 'unknown';
  return {
    reason: `the kernel refuses the image, compressed with ${packed}${words}`,
    fix: `Check that the kernel has CONFIG_SQUASHFS_${packed.toUpperCase()}; else the image is damaged.`,
  };
}

const SQUASHFS_MAGIC = 'hsqs';
/** By the number in the superblock at byte 20. */
const COMPRESSIONS: readonly string[] = ['unknown', 'zlib', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'];

function superblock(image: string): Buffer {
  const file = openSync(image, 'r');
  try {
    const head = Buffer.alloc(96);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

function diagnoseOverlay(step: MountStep & { kind: 'overlay' }, errno: string, thrown: unknown): Diagnosis {
  if (errno === 'ENODEV') return noFileSystem('overlay', 'CONFIG_OVERLAY_FS');
  if (errno === 'EBUSY') {
    return {
      reason: `${step.upper} or ${step.work} is in use by another overlay`,
      fix: 'Give each container a storage of its own for its upper layer.',
    };
  }
  const lower = step.lowers.find((path) => !existsSync(path));
  if (lower !== undefined) {
    return {
      reason: `lower layer ${lower} is missing`,
      fix: 'Let lxc.rootfs.path name volumes that the container has.',
    };
  }
  if (!existsSync(dirname(step.upper))) {
    return {
      reason: `there is no ${dirname(step.upper)} for the upper layer`,
      fix: 'Add that volume to "storage" in the container\'s run.json.',
    };
  }
  if (errno !== 'EINVAL') return { reason: callOf(thrown) };
  return {
    reason: `the kernel refuses the layers${kernelWords(/overlay/i)}`,
    fix: 'The upper layer must lie on a writable local file system such as ext4 or tmpfs, not on another overlay.',
  };
}

function noFileSystem(fsType: string, option: string): Diagnosis {
  return {
    reason: `this kernel has no file system "${fsType}"`,
    fix: `Build the kernel with ${option}, or load its module.`,
  };
}

function kernelWords(wanted: RegExp): string {
  const line = lastKernelLine(wanted, KERNEL_LINE_AGE_MS);
  return line === undefined ? '' : `; it says "${line}"`;
}

/** `mkdir /volumes/web failed`. */
function callOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const syscall = 'syscall' in thrown ? String(thrown.syscall) : 'the call';
  return 'path' in thrown ? `${syscall} ${String(thrown.path)} failed` : `${syscall} failed`;
}
