/** What the boot loader keeps for us, in whatever file it reads: chosen by `PV_BOOTLOADER_TYPE` (logs and metadata §11).
 *  Each change is one write of the whole record, so that there is no moment between `pv_rev` and `pv_try`. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BootRecord } from '../../../actors/update-ports.ts';
import { FACTORY } from '../../../machines/domain/boot-decision.ts';
import {
  type BootText,
  bootedRevision,
  fitsBootRecord,
  withVariables,
} from '../../../machines/domain/boot-record.ts';
import { type Fault, SupervisorError } from '../../../machines/domain/fault.ts';
import { isRevisionName } from '../../../machines/domain/step-name.ts';
import { type BootDisk, bootDisk } from './boot-disk.ts';
import { type BootFile, grubFile, ubootFile } from './boot-files.ts';

export type BootLoaderType = 'uboot' | 'uboot-pvk' | 'grub' | 'rpiab' | 'uboot-ab';

export interface BootRecordOptions {
  /** `PV_BOOTLOADER_TYPE`. */
  readonly type: BootLoaderType;
  /** `PV_BOOTLOADER_MTD_ONLY` and `PV_BOOTLOADER_MTD_ENV`. */
  readonly mtdOnly?: boolean;
  readonly mtdEnv?: string | undefined;
  /** `boot/` of the storage. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** In place of the kernel's. */
  readonly commandLine?: string | undefined;
  readonly complain: (fault: Fault) => void;
  readonly disk?: BootDisk;
}

/** Nothing is read or written yet. Methods reject STORE_FAILED where the file fails or does not read back as written,
 *  REFUSED for a name that no boot loader can be told; `read` rejects STORE_FAILED for a `pv_rev` that is no name, as
 *  nothing could tell what to go back to, while a `pv_try` that is none counts as none and is complained of.
 *  @throws UNSUPPORTED for records that are not in a file */
export function createBootRecord(options: BootRecordOptions): BootRecord {
  refuseUnsupported(options);
  const file = fileOf(options);
  const { environment, complain } = options;
  const change = (next: (text: BootText) => Pick<BootText, 'rev' | 'tried'>) => {
    const text = file.load();
    store(file, withVariables(text, next(text)));
  };
  const record: BootRecord = {
    read: async () => {
      const { rev, tried } = file.load();
      if (rev !== undefined && !isRevisionName(rev)) throw badRevision(file.path, rev);
      const isName = tried === undefined || isRevisionName(tried);
      if (!isName) complain(badTry(file.path, tried));
      const commandLine = options.commandLine ?? readFileSync('/proc/cmdline', 'utf8');
      const booted = bootedRevision(environment['pv_rev'], commandLine, rev);
      if (!isRevisionName(booted)) throw badBoot(booted);
      return { committed: rev ?? FACTORY, trying: isName ? tried : undefined, booted };
    },
    setTry: async (name) => {
      requireTellable(name);
      change(({ rev }) => ({ rev, tried: name }));
    },
    clearTry: async () => change(({ rev }) => ({ rev, tried: undefined })),
    commit: async (name) => {
      requireTellable(name);
      change(() => ({ rev: name, tried: undefined }));
    },
  };
  return options.type === 'rpiab' ? withoutBoard(record, file) : record;
}

function fileOf({ type, directory, disk = bootDisk }: BootRecordOptions): BootFile {
  if (type === 'grub') return grubFile(join(directory, 'grubenv'), disk);
  return ubootFile(join(directory, type === 'rpiab' ? 'rpiab.txt' : 'uboot.txt'), disk);
}

/** Written, and read back: what is not there as it was meant must not be announced. */
function store(file: BootFile, text: BootText): void {
  file.save(text);
  const { rev, tried } = file.load();
  if (rev === (text.rev ?? FACTORY) && tried === text.tried) return;
  const found = `pv_rev=${rev ?? ''} pv_try=${tried ?? ''}`;
  throw new SupervisorError('STORE_FAILED', `${file.path} does not read back as written: ${found}`, {
    subject: file.path,
    fix: 'Check the disk: the boot loader would read the same',
  });
}

/** On a Raspberry Pi a revision is tried from the other boot partition: its image and `pv_rev.txt` are written there, the
 *  firmware is asked for one boot from it, and a commit exchanges the two in `autoboot.txt`. None of this is done here;
 *  without it `pv_try` would never be booted. What the file says is read, and a try that is over can be cleared. */
function withoutBoard(record: BootRecord, { path, load }: BootFile): BootRecord {
  const refuse = (what: string): never => {
    const why = 'the boot partitions (autoboot.txt) and the firmware mailbox are not written to';
    throw new SupervisorError(
      'UNSUPPORTED',
      `PV_BOOTLOADER_TYPE is rpiab: ${what} is not possible, as ${why}`,
      {
        subject: path,
        fix: 'Boot this board by U-Boot, and set PV_BOOTLOADER_TYPE to uboot',
      },
    );
  };
  return {
    ...record,
    setTry: async (name) => refuse(`trying ${name}`),
    commit: async (name) => (load().rev === name ? record.clearTry() : refuse(`committing ${name}`)),
  };
}

function refuseUnsupported({ type, mtdOnly, mtdEnv }: BootRecordOptions): void {
  const refuse = (key: string, what: string, fix: string): never => {
    throw new SupervisorError('UNSUPPORTED', `${what} is not supported`, { subject: key, fix });
  };
  const useFile = 'have U-Boot load boot/uboot.txt from the storage';
  if (type === 'uboot-ab') {
    const what = 'PV_BOOTLOADER_TYPE uboot-ab, which keeps FIT images in partitions A and B,';
    refuse('PV_BOOTLOADER_TYPE', what, `Set PV_BOOTLOADER_TYPE to uboot, and ${useFile}`);
  }
  // Both are about U-Boot's own environment.
  if (!type.startsWith('uboot')) return;
  if (mtdOnly === true) {
    const what = "PV_BOOTLOADER_MTD_ONLY, the boot loader's variables in an MTD partition,";
    refuse('PV_BOOTLOADER_MTD_ONLY', what, `Set PV_BOOTLOADER_MTD_ONLY to 0, and ${useFile}`);
  }
  if ((mtdEnv ?? '') !== '') {
    const what = `PV_BOOTLOADER_MTD_ENV ${mtdEnv}, a partition to erase at each commit,`;
    refuse('PV_BOOTLOADER_MTD_ENV', what, 'Unset PV_BOOTLOADER_MTD_ENV, and keep pv_trying in memory only');
  }
}

function requireTellable(name: string): void {
  if (isRevisionName(name) && fitsBootRecord(name)) return;
  throw new SupervisorError('REFUSED', `the boot loader cannot be told of revision ${JSON.stringify(name)}`, {
    subject: name,
    fix: 'Give it a name of at most 120 bytes without spaces',
  });
}

function badRevision(path: string, rev: string): SupervisorError {
  return new SupervisorError('STORE_FAILED', `${path}: pv_rev=${JSON.stringify(rev)} is no revision`, {
    subject: path,
    fix: 'Set pv_rev there to the revision to go back to',
  });
}

function badBoot(booted: string): SupervisorError {
  return new SupervisorError(
    'REFUSED',
    `the boot loader booted pv_rev=${JSON.stringify(booted)}: no revision`,
    {
      subject: 'pv_rev',
      fix: 'Let pv_rev in the environment or on the command line be the name of a revision',
    },
  );
}

function badTry(path: string, tried: string): Fault {
  return {
    code: 'STORE_FAILED',
    message: `${path}: pv_try=${JSON.stringify(tried)} is no revision and counts as none`,
    subject: path,
    fix: 'Nothing: the next update or commit replaces it',
  };
}
