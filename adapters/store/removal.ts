/** Removing revisions (storage §11): the trail gets a dot name at one stroke, after which there is no such revision; logs
 *  and revision storage go next, the renamed trail last, because its name says what is left to do after a power cut. */

import { dirname, join, relative } from 'node:path';
import type { RevisionName } from '../../actors/update-ports.ts';
import { type Fault, SupervisorError, toFault } from '../../machines/domain/fault.ts';
import type { Disk } from './disk.ts';
import { type DurableFiles, isLeftover, storing } from './durable.ts';
import type { InUse } from './mounted.ts';
import { type Places, removedFrom, removedName, trailPlaces } from './places.ts';
import { finishReplacements } from './replacement.ts';

export interface RemovalOptions {
  readonly disk: Disk;
  readonly files: DurableFiles;
  readonly places: Places;
  readonly inUse: () => Promise<InUse>;
  /** What could not be removed when tidying: a container may have made its files immutable, which stops nothing. */
  readonly complain: (fault: Fault) => void;
}

export interface Removal {
  /** Trail, logs and revision storage; of the latter what is mounted stays (L-30). */
  remove(name: RevisionName): Promise<void>;
  /** Directories with revision storage, one for each disk that has some, and the revisions they belong to. */
  revisionStorage(): Promise<readonly { readonly name: RevisionName; readonly path: string }[]>;
  removeStorage(path: string): Promise<void>;
  /** Finishes what an earlier life had begun to remove, and removes what it was writing. */
  tidy(): Promise<void>;
}

export function createRemoval({ disk, files, places, inUse, complain }: RemovalOptions): Removal {
  const { storage, trails, logs, objects } = places;
  const parents = [trails, join(trails, 'locals')];

  async function storageParents(): Promise<readonly string[]> {
    const disks = join(storage, 'pv', 'volume-disk');
    const names = await disk.names(disks);
    return [join(storage, 'disks', 'rev'), ...names.map((name) => join(disks, name, 'rev'))];
  }

  async function removeTree(path: string): Promise<void> {
    if ((await disk.look(path)) === undefined) return;
    await disk.removeTree(path);
    await disk.syncDirectory(dirname(path));
  }

  async function removeBelongings(name: RevisionName): Promise<void> {
    await removeTree(join(logs, name));
    const isMounted = await inUse();
    for (const parent of await storageParents()) {
      if (!isMounted(join(parent, name))) await removeTree(join(parent, name));
    }
  }

  async function finish(trail: string): Promise<void> {
    // What was put there under the same name meanwhile has logs and storage of its own.
    if ((await disk.look(trail)) === undefined) await removeBelongings(relative(trails, trail));
    await removeTree(removedName(trail));
  }

  async function tryToFinish(trail: string): Promise<void> {
    try {
      await storing(`removing ${trail}`, trail, () => finish(trail));
    } catch (error) {
      if (!(error instanceof SupervisorError)) throw error;
      complain(toFault(error));
    }
  }

  return {
    remove: (name) =>
      storing(`removing revision ${name}`, name, async () => {
        const trail = trailPlaces(places, name).directory;
        const gone = removedName(trail);
        if ((await disk.look(trail)) !== undefined) {
          await removeTree(gone);
          await disk.rename(trail, gone);
          await disk.syncDirectory(dirname(trail));
        }
        await finish(trail);
      }),
    async revisionStorage() {
      const found: { name: RevisionName; path: string }[] = [];
      for (const parent of await storageParents()) {
        for (const name of await disk.names(parent)) {
          if (name.startsWith('.')) continue;
          const names =
            name === 'locals'
              ? (await disk.names(join(parent, name))).map((local) => `locals/${local}`)
              : [name];
          found.push(...names.map((each) => ({ name: each, path: join(parent, each) })));
        }
      }
      return found;
    },
    removeStorage: removeTree,
    tidy: () =>
      storing(`tidying ${storage}`, storage, async () => {
        const trailsFound: string[] = [];
        for (const parent of parents) await finishReplacements(disk, parent);
        for (const parent of parents) {
          for (const entry of await disk.names(parent)) {
            const removed = removedFrom(entry);
            if (removed !== undefined) await tryToFinish(join(parent, removed));
            else if (!entry.startsWith('.')) trailsFound.push(join(parent, entry));
          }
        }
        const own = trailsFound.flatMap((trail) => [join(trail, '.pv'), join(trail, '.pvr')]);
        for (const directory of [objects, logs, ...parents, ...own]) {
          for (const entry of await disk.names(directory)) {
            if (isLeftover(entry)) await files.discard(join(directory, entry));
          }
        }
      }),
  };
}
