/** The kernel back-end on our own addon: no processes, the kernel's own errno. The calls themselves are in
 *  `native/sysx.c`; here they get their types, flags and errors. */

import { constants } from 'node:os';
import type { Ended, Kernel, MountOptions, ProcessWatch } from './kernel.ts';
import { ANY_LOOP, requireProcess } from './kernel.ts';
import { errnoName, KernelError } from './kernel-error.ts';
import type { Sysx, WatchHandle } from './native/load.ts';
import { signalName } from './processes.ts';

const MS_RDONLY = 1;
const MS_BIND = 1 << 12;
const MS_REC = 1 << 14;
const MS_SLAVE = 1 << 19;

export function createNativeKernel(sysx: Sysx, loopIndexBase = ANY_LOOP): Kernel {
  const watched = new Map<number, WatchHandle>();

  return {
    name: 'native',

    async mount(source, target, fsType, { readOnly, data }: MountOptions = {}) {
      translated(target, () => sysx.mount(source, target, fsType, readOnly ? MS_RDONLY : 0, data ?? null));
    },

    mountImage: (image, target, fsType) =>
      awaited(image, sysx.mountImage(image, target, fsType, loopIndexBase)),

    async bind(source, target) {
      translated(target, () => sysx.mount(source, target, null, MS_BIND, null));
    },

    async bindTree(source, target) {
      translated(target, () => {
        sysx.mount(source, target, null, MS_BIND | MS_REC, null);
        sysx.mount('none', target, null, MS_SLAVE | MS_REC, null);
      });
    },

    unmount: (target) => awaited(target, sysx.unmount(target)),

    async detachLoop(device) {
      translated(device, () => sysx.detachLoop(device));
    },

    watchProcess(pid, gone): ProcessWatch {
      requireProcess(pid);
      let handle: WatchHandle;
      try {
        handle = sysx.watch(pid, () => {
          forget();
          gone();
        });
      } catch (thrown) {
        const error = kernelError(thrown, `pid ${pid}`);
        if (!(error instanceof KernelError) || error.code !== 'ESRCH') throw error;
        const soon = setImmediate(gone);
        return { close: () => clearImmediate(soon) };
      }
      const forget = () => {
        if (watched.get(pid) === handle) watched.delete(pid);
      };
      watched.set(pid, handle);
      return {
        close() {
          forget();
          sysx.unwatch(handle);
        },
      };
    },

    signalProcess(pid, signal) {
      requireProcess(pid);
      const handle = watched.get(pid);
      try {
        if (handle === undefined) process.kill(pid, signal);
        else translated(`pid ${pid}`, () => sysx.signal(handle, constants.signals[signal]));
        return true;
      } catch (thrown) {
        if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return false;
        throw thrown;
      }
    },

    async run(argv): Promise<Ended> {
      const pid = await awaited(argv[0], sysx.launch(argv));
      await new Promise<void>((gone) => sysx.watch(pid, gone));
      return endOf(sysx.reap(pid));
    },
  };
}

/** A wait status in words. */
function endOf(status: number): Ended {
  const signal = status & 0x7f;
  return signal === 0
    ? { kind: 'code', code: (status >> 8) & 0xff }
    : { kind: 'signal', signal: signalName(signal) };
}

function translated<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw kernelError(thrown, path);
  }
}

async function awaited<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw kernelError(thrown, path);
  }
}

/** What the addon threw, with names; anything else is a bug and passes as it is. */
function kernelError(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || !('errno' in thrown) || !('syscall' in thrown)) return thrown;
  return new KernelError(errnoName(Number(thrown.errno)), String(thrown.syscall), path, { cause: thrown });
}
