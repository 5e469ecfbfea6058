/** The kernel's wake lock named `pantavisor`: its name is written to `wake_lock` and `wake_unlock` of the power
 *  directory in sysfs (logs and metadata §12). Who holds it, and why, is counted elsewhere. */

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { WakeLockPort } from '../../actors/ports.ts';
import { errnoOf } from './kernel-error.ts';

const NAME = 'pantavisor';

/** @param directory `PV_POWER_SYSFS_DIR` */
export function createWakeLock(directory: string): WakeLockPort {
  return {
    lock: () => write(join(directory, 'wake_lock')),
    unlock: () => write(join(directory, 'wake_unlock')),
  };
}

/** Never makes a file: where there is none, the kernel has no wake locks. */
function write(path: string): boolean {
  try {
    const descriptor = openSync(path, constants.O_WRONLY);
    try {
      return writeSync(descriptor, NAME) === NAME.length;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
