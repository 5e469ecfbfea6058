/** The store of a device, put together: objects, revisions and collection on one disk, taking turns. */

import { basename, dirname } from 'node:path';
import type { Collector } from '../../actors/update-ports.ts';
import type { Fault } from '../../machines/domain/fault.ts';
import { createCollector } from './collector.ts';
import { type Disk, realDisk } from './disk.ts';
import { createDurableFiles, storing } from './durable.ts';
import { type InUse, readInUse } from './mounted.ts';
import { createObjects, type Objects } from './objects.ts';
import { placesIn } from './places.ts';
import { createRemoval } from './removal.ts';
import { createRevisions, type Revisions } from './revisions.ts';
import { createSpace } from './space.ts';
import { createTurn } from './turn.ts';

export interface StoreOptions {
  /** `PV_STORAGE_MNTPOINT`, without a trailing slash; its parent exists. */
  readonly storage: string;
  /** `PV_LOG_DIR`, likewise. */
  readonly logs: string;
  /** `PV_STORAGE_GC_RESERVED`, a whole percentage, asked anew each time. */
  readonly reservedPercent: () => number;
  /** Link what the boot loader starts (storage §9); not in appengine mode. */
  readonly bootAssets: boolean;
  /** Error lines that could not be recorded, and what could not be removed. */
  readonly complain: (fault: Fault) => void;
  readonly disk?: Disk;
  /** Instead of the kernel's table of mounts. */
  readonly inUse?: () => Promise<InUse>;
  /** ms, of a clock that only goes forward. */
  readonly now?: () => number;
}

export interface Store {
  readonly objects: Objects;
  readonly revisions: Revisions;
  readonly collector: Collector;
}

/** Removes what an earlier life left half done, before anybody can see it. @throws STORE_FAILED */
export async function openStore(options: StoreOptions): Promise<Store> {
  const {
    storage,
    logs,
    disk = realDisk,
    inUse = readInUse,
    now = () => performance.now(),
    complain,
  } = options;
  const files = createDurableFiles(disk);
  const places = placesIn(storage, logs);
  const turn = createTurn();
  const space = createSpace({ disk, storage, reservedPercent: options.reservedPercent });
  const removal = createRemoval({ disk, files, places, inUse, complain });
  await storing(`opening the store ${storage}`, storage, async () => {
    for (const directory of [storage, places.objects, places.trails]) {
      await files.makeDirectories(dirname(directory), basename(directory));
    }
    await removal.tidy();
  });
  const objects = createObjects({ disk, files, directory: places.objects, space, turn, now });
  const shared = { disk, files, places, removal, space, turn };
  return {
    objects,
    revisions: createRevisions({ ...options, ...shared, recordTurn: createTurn() }),
    collector: createCollector({ ...shared, objects, inUse }),
  };
}
