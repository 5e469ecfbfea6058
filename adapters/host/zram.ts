/** Compressed disks in memory, by the kernel's own files (Documentation/admin-guide/blockdev/zram). What lies on one is
 *  gone when it is removed or the machine is switched off. */

import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Zram } from '../../machines/domain/disk-options.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf } from './kernel-error.ts';

const CONTROL = '/sys/class/zram-control';

/** A device of its own, of size 0: it takes no memory, should we be killed before that is written down.
 *  @throws MOUNT_FAILED when this kernel has no zram */
export function addZram(disk: string, control = CONTROL): string {
  try {
    return `/dev/zram${readFileSync(join(control, 'hot_add'), 'latin1').trim()}`;
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'EIO';
    const reason =
      errno === 'ENOENT' ? `this kernel has no zram: there is no ${control}` : 'no zram to be had';
    throw new SupervisorError('MOUNT_FAILED', `disk "${disk}": ${reason} (${errno})`, {
      subject: disk,
      errno,
      fix: 'Build the kernel with CONFIG_ZRAM, or load its module: modprobe zram.',
      cause,
    });
  }
}

/** Gives it its size, and what else was asked for. @throws MOUNT_FAILED naming the attribute */
export function setUpZram(disk: string, device: string, { attributes }: Zram): void {
  for (const [name, value] of attributes) {
    const file = join('/sys/block', basename(device), name);
    try {
      writeAttribute(file, value);
    } catch (cause) {
      const errno = errnoOf(cause) ?? 'EIO';
      const known = name === 'comp_algorithm' && existsSync(file) ? readFileSync(file, 'latin1').trim() : '';
      throw new SupervisorError('MOUNT_FAILED', `disk "${disk}": zram refuses ${name}=${value} (${errno})`, {
        subject: disk,
        errno,
        fix:
          known === '' ? 'Correct provision_options.' : `This kernel knows: ${known.replace(/[[\]]/g, '')}.`,
        cause,
      });
    }
  }
}

/** Harmless when it is gone. @throws UNMOUNT_FAILED */
export function removeZram(disk: string, device: string): void {
  if (!existsSync(join('/sys/block', basename(device)))) return;
  try {
    writeAttribute(join(CONTROL, 'hot_remove'), basename(device).slice('zram'.length));
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'EIO';
    throw new SupervisorError('UNMOUNT_FAILED', `disk "${disk}": removing ${device} failed: ${errno}`, {
      subject: disk,
      errno,
      fix: `Find out what uses it: fuser -v ${device}`,
      cause,
    });
  }
}

/** Never creates: sysfs would refuse that with a misleading EACCES. */
function writeAttribute(file: string, value: string): void {
  const descriptor = openSync(file, constants.O_WRONLY);
  try {
    writeSync(descriptor, value);
  } finally {
    closeSync(descriptor);
  }
}
