/** What the boot loader told the kernel, and the device's metadata (state format §12, storage §1). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceFacts } from '../../actors/ports.ts';
import { errnoOf } from './kernel-error.ts';

/** Metadata is read anew for each question: it changes while containers run. */
export function readDeviceFacts(storage: string, commandLine = '/proc/cmdline'): DeviceFacts {
  const words = readFileSync(commandLine, 'utf8').trim().split(/\s+/);
  const value = (key: string) => words.findLast((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  return {
    deviceTree: value('pv_bootloader.dtb'),
    overlays:
      value('pv_bootloader.ovl')
        ?.split(',')
        .filter((name) => name !== '') ?? [],
    fitConfig: value('PV_BOOTLOADER_FITCONFIG'),
    userMeta: (key) => readKey(join(storage, 'cache/meta'), key),
    deviceMeta: (key) => readKey(join(storage, 'cache/devmeta'), key),
  };
}

function readKey(directory: string, key: string): string | undefined {
  // Keys are file names; one that would lead elsewhere is none.
  if (key === '' || key === '.' || key === '..' || key.includes('/')) return undefined;
  try {
    return readFileSync(join(directory, key), 'utf8').trimEnd();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}
