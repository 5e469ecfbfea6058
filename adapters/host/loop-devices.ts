/** Which loop devices show which files, from sysfs. Attaching and detaching is the kernel port's. */

import { readdirSync, readFileSync } from 'node:fs';
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
      try {
        const file = readFileSync(join(sys, name, 'loop', 'backing_file'), 'utf8').replace(/\n$/, '');
        const autoclear = readFileSync(join(sys, name, 'loop', 'autoclear'), 'utf8').startsWith('1');
        return [{ device: `/dev/${name}`, file, autoclear }];
      } catch {
        return []; // Not attached, or just now detached: the directory is gone.
      }
    });
}
