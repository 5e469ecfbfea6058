/** What this machine's supervisors have put up of disks since it booted, and how it is taken down again: one file for each
 *  disk in the run directory. Written before the work begins, so nothing is ever up without its record; what a
 *  record names and the kernel does not have is passed over. A disk without one was mounted by other means, and is left
 *  alone. */

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from '../../machines/domain/layout.ts';
import { replaceVolatile } from '../store/files.ts';
import { errnoOf } from './kernel-error.ts';

/** In the order of doing. */
export type DownStep =
  /** A file system, which must not be seen anywhere else. */
  | { readonly kind: 'unmount'; readonly target: string }
  | { readonly kind: 'unbind'; readonly target: string }
  | { readonly kind: 'swapOff'; readonly device: string }
  | { readonly kind: 'closeMapping'; readonly mapping: string }
  | { readonly kind: 'removeZram'; readonly device: string }
  | { readonly kind: 'script'; readonly target: string; readonly command: readonly [string, ...string[]] };

export interface DiskRecord {
  readonly name: string;
  /** The plan it was made from, to be compared as a whole. */
  readonly plan: string;
  readonly down: readonly DownStep[];
  /** Counts up: what stands on another disk comes later. */
  readonly order: number;
}

export interface DiskRecords {
  /** Latest first. */
  all(): readonly DiskRecord[];
  get(name: string): DiskRecord | undefined;
  put(name: string, plan: string, down: readonly DownStep[]): void;
  remove(name: string): void;
}

export function openDiskRecords({ runDir }: Pick<Layout, 'runDir'>): DiskRecords {
  const directory = join(runDir, 'disks');
  const fileOf = (name: string) => join(directory, `${name}.json`);

  function all(): readonly DiskRecord[] {
    const names = orElse(() => readdirSync(directory), []);
    return names
      .flatMap((file) => (file.endsWith('.json') ? (get(file.slice(0, -'.json'.length)) ?? []) : []))
      .sort((one, other) => other.order - one.order);
  }

  function get(name: string): DiskRecord | undefined {
    const text = orElse(() => readFileSync(fileOf(name), 'utf8'), undefined);
    return text === undefined ? undefined : (JSON.parse(text) as DiskRecord);
  }

  return {
    all,
    get,
    put(name, plan, down) {
      const order = get(name)?.order ?? (all()[0]?.order ?? 0) + 1;
      const record: DiskRecord = { name, plan, down, order };
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      replaceVolatile(fileOf(name), JSON.stringify(record));
    },
    remove: (name) => rmSync(fileOf(name), { force: true }),
  };
}

function orElse<T>(read: () => T, absent: T): T {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return absent;
    throw error;
  }
}
