/** Chooses the kernel back-end: native where its addon is there, else system programs. */

import { SupervisorError } from '../../machines/domain/fault.ts';
import { ANY_LOOP, type Kernel, type KernelName } from './kernel.ts';
import { loadNative } from './native/load.ts';
import { createNativeKernel } from './native-kernel.ts';
import { createSpawnKernel, missingPrograms } from './spawn-kernel.ts';

export interface OpenedKernel {
  readonly kernel: Kernel;
  readonly name: KernelName;
  /** Why it is not the native one; to be said once. */
  readonly note?: string;
}

/** Native when its addon is there, else programs; or the one that is asked for.
 *  @param packageRoot the directory of our package.json, where the addon was built.
 *  @param loopIndexBase `PV_LOOP_INDEX_BASE`: where the search for loop devices begins; negative: anywhere.
 *  @throws UNSUPPORTED when the preferred one, or either, cannot work here */
export function openKernel(packageRoot: string, prefer?: KernelName, loopIndexBase = ANY_LOOP): OpenedKernel {
  const native = prefer === 'spawn' ? undefined : loadNative(packageRoot);
  if (native?.ok) return { kernel: createNativeKernel(native.value, loopIndexBase), name: 'native' };
  if (prefer === 'native') {
    throw new SupervisorError(
      'UNSUPPORTED',
      `the native kernel back-end is not available: ${native?.reason}`,
      {
        fix: 'Build it with "npm run setup" (needs a C compiler), or ask for "spawn".',
      },
    );
  }
  const missing = missingPrograms();
  if (missing.length > 0) {
    throw new SupervisorError('UNSUPPORTED', `programs are missing: ${missing.join(', ')}`, {
      fix: 'Install util-linux and procps, or build the native back-end with "npm run setup".',
    });
  }
  const kernel = createSpawnKernel(loopIndexBase);
  if (native === undefined) return { kernel, name: 'spawn' };
  return { kernel, name: 'spawn', note: `${native.reason}; kernel calls go through mount(8), slower` };
}
