/** Which loop devices show which files, and which numbers are free, from sysfs. Attaching and detaching is the kernel
 *  port's. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LoopDevice {
  /** `/dev/loop3`. */
  readonly device: string;
  readonly file: string;
  /** Frees itself at the last close. */
  readonly autoclear: boolean;
}

/** Attached devices only. */
export function readLoopDevices(sys = '/sys/block'): readonly LoopDevice[] {
  return readdirSync(sys)
    .filter((name) => name.startsWith('loop'))
    .flatMap((name) => {
      const attributes = join(sys, name, 'loop');
      // Most are not attached: to try each and fail takes longer than anything else here.
      if (!existsSync(attributes)) return [];
      try {
        const file = readFileSync(join(attributes, 'backing_file'), 'utf8').replace(/\n$/, '');
        const autoclear = readFileSync(join(attributes, 'autoclear'), 'utf8').startsWith('1');
        return [{ device: `/dev/${name}`, file, autoclear }];
      } catch {
        return []; // Just now detached: the directory is gone.
      }
    });
}

/** Numbers of loop devices that show nothing, or that do not exist yet, from `base` on. */
export function freeLoopIndexes(base: number, count: number, sys = '/sys/block'): readonly number[] {
  const taken = new Set(readLoopDevices(sys).map(({ device }) => device));
  const free: number[] = [];
  for (let index = base; free.length < count; index += 1) {
    if (!taken.has(`/dev/loop${index}`)) free.push(index);
  }
  return free;
}
