/** The two files that boot loaders read: U-Boot's list, replaced whole, and GRUB's environment block, written in its
 *  place. What their texts mean is in `machines/domain/boot-record.ts`. */

import {
  type BootText,
  EMPTY_BOOT_TEXT,
  GRUB_BLOCK_BYTES,
  grubBlock,
  parseGrubBlock,
  parseUbootText,
  UBOOT_READ_BYTES,
  ubootText,
} from '../../../machines/domain/boot-record.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import type { BootDisk } from './boot-disk.ts';

export interface BootFile {
  readonly path: string;
  /** Empty when there is no file. @throws STORE_FAILED */
  load(): BootText;
  /** @throws STORE_FAILED */
  save(text: BootText): void;
}

/** `uboot.txt`, `rpiab.txt`. */
export function ubootFile(path: string, disk: BootDisk): BootFile {
  return {
    path,
    load: () => parseUbootText(disk.read(path, UBOOT_READ_BYTES) ?? ''),
    save: (text) => disk.replace(path, ubootText(text) ?? refuse(path)),
  };
}

/** Disks write a sector whole or not at all. */
const SECTOR_BYTES = 512;

/** `grubenv`. GRUB does not replay the journal of a file system, and saves its own variables by writing to the blocks
 *  that it has found: a file that was renamed to its name would be the old one to GRUB after a power cut, whose blocks
 *  may belong to another file by then. So the block is written where it is. It is at its best within one sector, which
 *  has our variables in any case; only what others keep there may reach into the next one. The first is written first:
 *  whatever is left of the old in the second, what GRUB reads of ours is the old or the new. */
export function grubFile(path: string, disk: BootDisk): BootFile {
  const read = () => disk.read(path, GRUB_BLOCK_BYTES + 1) ?? '';
  return {
    path,
    load: () => {
      const block = read();
      if (block === '') return EMPTY_BOOT_TEXT;
      const parsed = parseGrubBlock(block);
      if (parsed.ok) return parsed.text;
      throw new SupervisorError('STORE_FAILED', `${path} is no environment block: it ${parsed.why}`, {
        subject: path,
        fix: `Make it anew (grub-editenv ${path} create), and set pv_rev there to the revision to go back to`,
      });
    },
    save: (text) => {
      const block = grubBlock(text) ?? refuse(path);
      const before = read();
      if (before === '') return disk.replace(path, block);
      for (let at = 0; at < GRUB_BLOCK_BYTES; at += SECTOR_BYTES) {
        const sector = block.slice(at, at + SECTOR_BYTES);
        // The first in any case: an earlier supervisor may have died between writing it and its sync.
        if (at === 0 || sector !== before.slice(at, at + SECTOR_BYTES)) disk.patch(path, at, sector);
      }
    },
  };
}

function refuse(path: string): never {
  throw new SupervisorError('STORE_FAILED', `${path} has no room for the boot loader's variables`, {
    subject: path,
    fix: 'Remove other variables from it: all of them together may have 1024 bytes',
  });
}
