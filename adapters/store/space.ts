/** Space of the storage and its reserve (storage §11). */

import type { Space } from '../../actors/update-ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { Disk } from './disk.ts';

/** `reserved` is a whole percentage of the total, `PV_STORAGE_GC_RESERVED`. */
export function spaceOf(found: { readonly total: number; readonly free: number }, reserved: number): Space {
  const bytes = Math.floor((found.total * reserved) / 100);
  return { ...found, reserved: bytes, realFree: Math.max(0, found.free - bytes) };
}

export interface SpaceOptions {
  readonly disk: Disk;
  readonly storage: string;
  /** Asked anew each time: the key may change while we run. */
  readonly reservedPercent: () => number;
}

export type LookAtSpace = () => Promise<Space>;

export function createSpace({ disk, storage, reservedPercent }: SpaceOptions): LookAtSpace {
  return async () => spaceOf(await disk.space(storage), reservedPercent());
}

/** STORE_FAILED with ENOSPC: `bytes` more do not fit beside the reserve. */
export function noSpace(doing: string, subject: string, bytes: number, space: Space): SupervisorError {
  return new SupervisorError(
    'STORE_FAILED',
    `${doing} failed: ENOSPC (${bytes} B wanted, ${space.realFree} B available, ${space.reserved} B reserved)`,
    { subject, errno: 'ENOSPC', fix: 'Collect garbage, or remove something, and try again' },
  );
}
