/** The kernel calls this supervisor needs beyond what Node offers. Two back-ends make them, `native-kernel.ts` (our
 *  addon) and `spawn-kernel.ts` (system programs); both pass the same tests, and `open-kernel.ts` chooses.
 *  Policy, order and undoing live with the callers; here every call stands alone. */

export type KernelName = 'native' | 'spawn';

/** A `PV_LOOP_INDEX_BASE` that sets no beginning to the search for loop devices. */
export const ANY_LOOP = -1;

export interface MountOptions {
  readonly readOnly?: boolean;
  /** Options of the file system itself, as the kernel wants them: `mode=0755`, `lowerdir=…`. */
  readonly data?: string;
}

/** A running watch. `close` is harmless at any time; after it `gone` is not called. */
export interface ProcessWatch {
  close(): void;
}

/** How a program ended. */
export type Ended =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string };

/** Failures reject (or throw) a `KernelError`. Paths are absolute. Calls cannot be aborted half-way. */
export interface Kernel {
  readonly name: KernelName;
  mount(source: string, target: string, fsType: string, options?: MountOptions): Promise<void>;
  /** Mounts an image file read-only over a loop device that frees itself when unmounted: any one, or the first free
   *  one from `PV_LOOP_INDEX_BASE` on (storage §6.1). */
  mountImage(image: string, target: string, fsType: string): Promise<void>;
  /** Shows a file or directory at a second place. */
  bind(source: string, target: string): Promise<void>;
  /** The same with everything mounted below. Unmounting the copy leaves the original alone. */
  bindTree(source: string, target: string): Promise<void>;
  /** EINVAL or ENOENT when nothing is mounted there, EBUSY when in use. Callers make sure that no link is in the way
   *  (`isMountPoint`). */
  unmount(target: string): Promise<void>;
  /** Frees a loop device such as `/dev/loop3`; one in use is freed when its last user ends. */
  detachLoop(device: string): Promise<void>;
  /** Calls `gone` once, not before returning, when the process has ended; also when there is none.
   *  Any process, not only children. */
  watchProcess(pid: number, gone: () => void): ProcessWatch;
  /** False when there is no such process. While the pid is watched, a process that merely took over its number
   *  is not hit (native). Refuses pids below 2, which mean groups, everybody or init. */
  signalProcess(pid: number, signal: NodeJS.Signals): boolean;
  /** Runs a program to its end: in a session of its own and without a file of ours, so that it goes on if we die. */
  run(argv: readonly [string, ...string[]]): Promise<Ended>;
}

/** Refuses what kill(2) would take for a group, for every process or for init. */
export function requireProcess(pid: number): void {
  if (!Number.isInteger(pid) || pid < 2) throw new RangeError(`not the pid of a single process: ${pid}`);
}
