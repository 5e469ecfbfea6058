/** Disks of a revision, put up when first needed (storage §10, state format §14.4). A revision without disks costs nothing
 *  here: what does the work is loaded with the first disk that is asked for. */

import type { Fault } from '../../machines/domain/fault.ts';
import type { Layout } from '../../machines/domain/layout.ts';
import type { DiskSpec } from '../../machines/domain/revision.ts';
import type { Kernel } from './kernel.ts';

export interface Disks {
  /** Mounts a disk, and what it stands on, unless the kernel has it mounted. Whoever asks meanwhile waits for the same
   *  mount. It goes on when the asker gives up. @throws MOUNT_FAILED; then nothing of it stays up */
  ensure(name: string): Promise<void>;
  /** Enables the swap disks, one after the other in the order of the state. @throws MOUNT_FAILED */
  enableSwap(): Promise<void>;
  /** For the end of the device, when all volumes are down: takes down all disks that supervisors of this boot have put up,
   *  the last one first. Returns what is still up, and why. */
  takeDown(): Promise<readonly Fault[]>;
  /** Before the first volume: takes down what belongs to another revision or was made from another definition, and what
   *  was only begun. Returns what is still up, and why. */
  sweep(): Promise<readonly Fault[]>;
}

export interface DisksOptions {
  readonly kernel: Kernel;
  /** Without symbolic links (`realLayout`). */
  readonly layout: Layout;
  /** Of the revision. */
  readonly disks: readonly DiskSpec[];
  /** Told of words of a definition that have no effect. */
  readonly complain?: (fault: Fault) => void;
  /** `PATH` for programs; that of the environment unless given. */
  readonly searchPath?: string;
  /** In place of /dev/mapper. */
  readonly mapper?: string;
}

export function createDisks(options: DisksOptions): Disks {
  let opened: Promise<Disks> | undefined;
  const work = () => {
    opened ??= import('./disk-work.ts').then(({ openDisks }) => openDisks(options));
    return opened;
  };
  const swaps = options.disks.some(({ type }) => type === 'swap-disk');
  return {
    ensure: async (name) => (await work()).ensure(name),
    enableSwap: async () => (swaps ? (await work()).enableSwap() : undefined),
    takeDown: async () => (options.disks.length > 0 ? (await work()).takeDown() : []),
    sweep: async () => (await work()).sweep(),
  };
}
