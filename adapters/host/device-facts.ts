/** What the boot loader told the kernel, and the device's metadata (state format §12, storage §1). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceFacts } from '../../actors/ports.ts';
import { keyFault } from '../../machines/domain/metadata.ts';
import { errnoOf } from './kernel-error.ts';

export interface FactsInput {
  /** In place of the kernel's. */
  readonly commandLine?: string | undefined;
  /** `PV_BOOTLOADER_FITCONFIG`. */
  readonly fitConfig?: string | undefined;
  /** `PV_CACHE_USRMETADIR` and `PV_CACHE_DEVMETADIR`. */
  readonly userMeta: string;
  readonly deviceMeta: string;
}

/** Metadata is read anew for each question: it changes while containers run. */
export function readDeviceFacts({ commandLine, fitConfig, userMeta, deviceMeta }: FactsInput): DeviceFacts {
  const words = (commandLine ?? readFileSync('/proc/cmdline', 'utf8')).trim().split(/\s+/);
  const value = (key: string) => words.findLast((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  return {
    deviceTree: value('pv_bootloader.dtb'),
    overlays:
      value('pv_bootloader.ovl')
        ?.split(',')
        .filter((name) => name !== '') ?? [],
    fitConfig,
    userMeta: (key) => readKey(userMeta, key),
    deviceMeta: (key) => readKey(deviceMeta, key),
  };
}

/** Values are kept as they were sent. Here they become words of a module line, and white space at their end, as
 *  editors and echo leave it, was never meant for the kernel. */
function readKey(directory: string, key: string): string | undefined {
  if (keyFault(key) !== undefined) return undefined;
  try {
    return readFileSync(join(directory, key), 'utf8').trimEnd();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
