/** Encrypted disks (storage §10): plain dm-crypt over a file, by the device's script where it has one, else by
 *  `cryptsetup` with what the script of the reference uses, so that either opens what the other made. Only the key in a
 *  file works without the script: the others are the hardware's.
 *
 *  Plain dm-crypt takes any key and shows rubbish with the wrong one. So the file system is looked for behind it, and
 *  when it is not there the backup of the key is tried; a key that has proved right is backed up. */

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { CryptPlan } from '../../machines/domain/disk-plan.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { MAPPER, requireDeviceMapper } from './device-mapper.ts';
import { makeComplete, writeZeros } from './disk-files.ts';
import type { DownStep } from './disk-records.ts';
import { fileFault, type Tool, type ToolUse } from './disk-tools.ts';
import { isMountPoint } from './mount-points.ts';

export interface Crypt {
  /** Whether it has been made, as far as files tell. */
  exists(plan: CryptPlan): boolean;
  /** How it is taken down, complete or not. */
  down(plan: CryptPlan): readonly DownStep[];
  /** Opens and mounts it; makes it before, if it does not exist. A script is told not to unless `create`.
   *  @throws MOUNT_FAILED */
  mount(plan: CryptPlan, create: boolean): Promise<void>;
  /** Harmless when it is not open. @throws UNMOUNT_FAILED */
  close(mapping: string): Promise<void>;
}

const KEY_BYTES = 32;
const CIPHER = ['--cipher', 'aes-cbc-essiv:sha256', '--key-size', '256'];

export function createCrypt(tool: Tool, mapper = MAPPER, cryptoTable = '/proc/crypto'): Crypt {
  const deviceOf = (mapping: string) => join(mapper, mapping);
  const byScript = ({ script, scriptOptions, scriptPath, target }: CryptPlan, ...words: readonly string[]) =>
    [script, ...words, ...scriptOptions, '--', scriptPath, target] as const;

  async function mount(plan: CryptPlan, create: boolean): Promise<void> {
    requireHardware(plan, cryptoTable);
    if (existsSync(plan.script)) return mountByScript(plan, create);
    if (plan.key !== 'versatile') throw unsupported(plan, `there is no script ${plan.script}`);
    requireDeviceMapper(plan.name, `disk "${plan.name}"`, 'dm-crypt', mapper);
    if (!existsSync(plan.doneFile)) await make(plan);
    await openRight(plan);
    await tool(useOf(plan), 'mount', '-t', 'ext4', deviceOf(plan.mapping), plan.target);
  }

  async function mountByScript(plan: CryptPlan, create: boolean): Promise<void> {
    const [script, ...args] = byScript(plan, 'mount', ...(create ? [] : ['--no-create']));
    await tool(useOf(plan), script, ...args);
    if (isMountPoint(plan.target)) return;
    throw new SupervisorError(
      'MOUNT_FAILED',
      `disk "${plan.name}": ${script} succeeded but mounted nothing on ${plan.target}`,
      { subject: plan.name, fix: 'Let the script mount where its last argument says.' },
    );
  }

  /** Until the mark is there, nothing in the image counts. */
  async function make(plan: CryptPlan): Promise<void> {
    try {
      if (!hasKey(plan.keyFile)) await writeKey(plan.keyFile, randomBytes(KEY_BYTES));
      await makeComplete(plan.image, (_, file) => writeZeros(file, plan.sizeBytes));
      await openWith(plan, plan.keyFile);
      try {
        await tool(useOf(plan), 'mkfs.ext4', '-q', '-F', '-b', '1024', deviceOf(plan.mapping));
      } finally {
        await close(plan.mapping);
      }
      await makeComplete(plan.doneFile, async () => {});
    } catch (error) {
      throw fileFault(plan.name, `making ${plan.image} of ${plan.sizeBytes} bytes`, error);
    }
  }

  /** With its key or, when that is lost or does not fit, with the backup, which then becomes the key. */
  async function openRight(plan: CryptPlan): Promise<void> {
    const backup = backupOf(plan);
    for (const keyFile of [plan.keyFile, backup].filter(hasKey)) {
      await openWith(plan, keyFile);
      if (!holdsExt(deviceOf(plan.mapping))) {
        await close(plan.mapping);
        continue;
      }
      for (const copy of [plan.keyFile, backup]) {
        if (!sameKey(copy, keyFile)) await writeKey(copy, readFileSync(keyFile));
      }
      return;
    }
    throw new SupervisorError(
      'MOUNT_FAILED',
      `disk "${plan.name}": neither ${plan.keyFile} nor its backup opens ${plan.image}`,
      {
        subject: plan.name,
        fix: `Bring the key back, or remove ${plan.doneFile} to have the disk made anew, empty.`,
      },
    );
  }

  async function openWith(plan: CryptPlan, keyFile: string): Promise<void> {
    const { image, mapping } = plan;
    // Without batch mode it asks before it opens what happens to look like something else.
    const args = [
      'open',
      '--batch-mode',
      '--type',
      'plain',
      ...CIPHER,
      '--key-file',
      keyFile,
      image,
      mapping,
    ];
    await tool(useOf(plan), 'cryptsetup', ...args);
  }

  async function close(mapping: string): Promise<void> {
    if (!existsSync(deviceOf(mapping))) return;
    const use: ToolUse = { subject: mapping, what: `closing ${mapping}`, code: 'UNMOUNT_FAILED' };
    await tool(use, 'cryptsetup', 'close', mapping);
  }

  return {
    exists: ({ doneFile }) => existsSync(doneFile),
    down: (plan) =>
      existsSync(plan.script)
        ? [{ kind: 'script', target: plan.target, command: byScript(plan, 'umount') }]
        : [
            { kind: 'unmount', target: plan.target },
            { kind: 'closeMapping', mapping: plan.mapping },
          ],
    mount,
    close,
  };
}

const HARDWARE = { caam: 'NXP CAAM', dcp: 'NXP DCP' } as const;

/** Drivers of hardware are named after it: `sha256-caam`, `ecb-aes-dcp`. */
function requireHardware(plan: CryptPlan, cryptoTable: string): void {
  if (plan.key === 'versatile') return;
  const drivers = readFileSync(cryptoTable, 'latin1').match(/^driver\s*:.*$/gm) ?? [];
  if (drivers.some((line) => new RegExp(`\\b${plan.key}\\b`).test(line))) return;
  throw unsupported(
    plan,
    `its key is kept by ${HARDWARE[plan.key]}, and ${cryptoTable} has no driver of that`,
  );
}

function unsupported({ name, key }: CryptPlan, why: string): SupervisorError {
  return new SupervisorError('MOUNT_FAILED', `disk "${name}": dm-crypt-${key} cannot be used: ${why}`, {
    subject: name,
    fix: 'Use dm-crypt-versatile, whose key lies in a file, or a device with that hardware and its script.',
  });
}

function backupOf({ keyFile }: CryptPlan): string {
  return `${keyFile}.bak`;
}

function hasKey(path: string): boolean {
  return existsSync(path) && readFileSync(path).length === KEY_BYTES;
}

function sameKey(path: string, other: string): boolean {
  return existsSync(path) && readFileSync(path).equals(readFileSync(other));
}

async function writeKey(path: string, key: Buffer): Promise<void> {
  await makeComplete(path, async (_, file) => {
    await file.write(key);
  });
}

/** The mark of ext2 and its descendants, in the superblock at 1024. */
function holdsExt(device: string): boolean {
  const descriptor = openSync(device, 'r');
  try {
    const mark = Buffer.alloc(2);
    readSync(descriptor, mark, 0, 2, 1024 + 56);
    return mark.readUInt16LE() === 0xef53;
  } finally {
    closeSync(descriptor);
  }
}

function useOf({ name }: CryptPlan): ToolUse {
  return { subject: name, what: `disk "${name}"` };
}
