/** Whether this kernel has a device mapper, which encrypted and verified volumes stand on. */

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf } from './kernel-error.ts';

/** Where opened devices appear, and the kernel's `control`. */
export const MAPPER = '/dev/mapper';

/** Opening the control device also has the kernel load the module. `target` is the dm target that will be needed, such as
 *  `dm-crypt`. @throws MOUNT_FAILED */
export function requireDeviceMapper(subject: string, what: string, target: string, mapper = MAPPER): void {
  try {
    closeSync(openSync(join(mapper, 'control'), 'r+'));
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'EIO';
    const option = target.replace('-', '_').toUpperCase();
    throw new SupervisorError(
      'MOUNT_FAILED',
      `${what}: this kernel has no device mapper: ${join(mapper, 'control')} cannot be opened (${errno})`,
      {
        subject,
        errno,
        fix: `Build the kernel with CONFIG_BLK_DEV_DM and CONFIG_${option}, or load the module ${target}.`,
        cause,
      },
    );
  }
}
