/** Garbage collection (storage §11, lifecycle §16). What may go is decided in `machines/domain/objects.ts`; here is where
 *  it is found and removed. One collection is one turn: nothing is installed, and no upload is completed, meanwhile.
 *
 *  Besides the roots stays what a mount uses: revision storage of a container that survived an update (L-30), and the
 *  trail that its `.bind` files and `.data` directories are bound from. What cannot be removed is named with the reason,
 *  and stops nothing else. */

import { join, relative } from 'node:path';
import type { Collection, Collector, Kept, RevisionName } from '../../actors/update-ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { type ObjectNeeds, objectsNeeded, reasonToKeep } from '../../machines/domain/objects.ts';
import { isRevisionName } from '../../machines/domain/step-name.ts';
import type { Disk, Entry } from './disk.ts';
import { type DurableFiles, storing } from './durable.ts';
import { errnoOf } from './files.ts';
import type { InUse } from './mounted.ts';
import type { Objects } from './objects.ts';
import { type Places, trailPlaces } from './places.ts';
import type { Removal } from './removal.ts';
import type { LookAtSpace } from './space.ts';
import { eachOf, type Turn } from './turn.ts';

export interface CollectorOptions {
  readonly disk: Disk;
  readonly files: DurableFiles;
  readonly places: Places;
  readonly objects: Objects;
  readonly removal: Removal;
  readonly space: LookAtSpace;
  readonly inUse: () => Promise<InUse>;
  readonly turn: Turn;
}

type Roots = ReadonlyMap<RevisionName, string>;

/** What a collection has come to so far. */
interface Findings {
  readonly removed: string[];
  readonly kept: Kept[];
  reclaimed: number;
}

const LOOKS_AT_ONCE = 16;

export function createCollector(options: CollectorOptions): Collector {
  const { disk, files, places, objects, removal, inUse, turn } = options;
  const { storage, trails } = places;
  const shown = (path: string) => relative(storage, path);

  async function revisions(): Promise<readonly RevisionName[]> {
    const plain = await disk.names(trails);
    const local = (await disk.names(join(trails, 'locals'))).map((name) => `locals/${name}`);
    const names = [...plain, ...local].filter(isRevisionName).sort();
    const found = await eachOf(names, LOOKS_AT_ONCE, (name) => disk.look(join(trails, name)));
    return names.filter((_, at) => found[at]?.kind === 'directory');
  }

  /** Removes unless it is only asked, and says what it came to. */
  async function drop(path: string, findings: Findings, remove: () => Promise<void>): Promise<boolean> {
    try {
      await remove();
      findings.removed.push(shown(path));
      return true;
    } catch (error) {
      const errno = error instanceof SupervisorError ? error.fault.errno : errnoOf(error);
      if (errno === undefined) throw error;
      findings.kept.push({ what: shown(path), because: `it could not be removed: ${errno}` });
      return false;
    }
  }

  async function collectTrails(roots: Roots, findings: Findings, dryRun: boolean): Promise<Trails> {
    const isMounted = await inUse();
    // Before trails go, and theirs with them.
    const storages = await removal.revisionStorage();
    const stay: RevisionName[] = [];
    const go: RevisionName[] = [];
    for (const name of await revisions()) {
      const path = trailPlaces(places, name).directory;
      const because = roots.get(name) ?? (isMounted(path) ? 'a mount uses its files' : undefined);
      if (because !== undefined) {
        stay.push(name);
        findings.kept.push({ what: shown(path), because });
        continue;
      }
      const gone = await drop(path, findings, () => (dryRun ? Promise.resolve() : removal.remove(name)));
      (gone ? go : stay).push(name);
    }
    const staying = new Set(stay);
    for (const { name, path } of storages) {
      if (staying.has(name) || roots.has(name)) continue;
      if (isMounted(path)) findings.kept.push({ what: shown(path), because: 'it is mounted' });
      else await drop(path, findings, () => (dryRun ? Promise.resolve() : removal.removeStorage(path)));
    }
    return { stay, go };
  }

  /** How many names of each file are in the trails. */
  async function namesIn(revisionNames: readonly RevisionName[]): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    async function walk(directory: string): Promise<void> {
      for (const name of await disk.names(directory)) {
        const path = join(directory, name);
        const entry = await disk.look(path);
        if (entry?.kind === 'directory') await walk(path);
        else if (entry !== undefined) counts.set(entry.id, (counts.get(entry.id) ?? 0) + 1);
      }
    }
    for (const name of revisionNames) await walk(trailPlaces(places, name).directory);
    return counts;
  }

  async function needsOf(stay: readonly RevisionName[]): Promise<ObjectNeeds> {
    const states = new Map<RevisionName, string>();
    for (const name of stay) {
      const text = await files.readText(trailPlaces(places, name).state);
      if (text !== undefined) states.set(name, text);
    }
    return { byRevision: objectsNeeded(states), byUpload: objects.uploading() };
  }

  async function collectObjects({ stay, go }: Trails, findings: Findings, dryRun: boolean): Promise<void> {
    const needs = await needsOf(stay);
    const going = dryRun ? await namesIn(go) : new Map<string, number>();
    const names = (await disk.names(places.objects)).filter((name) => !name.startsWith('.')).sort();
    const entries = await eachOf(names, LOOKS_AT_ONCE, (name) => disk.look(join(places.objects, name)));
    for (const [at, sha256] of names.entries()) {
      const entry = entries[at];
      if (entry?.kind !== 'file') continue;
      const path = join(places.objects, sha256);
      const because = reasonToKeep({ sha256, links: linksAfter(entry, going) }, needs);
      if (because !== undefined) {
        findings.kept.push({ what: shown(path), because });
        continue;
      }
      const gone = await drop(path, findings, () => (dryRun ? Promise.resolve() : disk.unlink(path)));
      if (gone) findings.reclaimed += entry.size;
    }
    if (!dryRun) await disk.syncDirectory(places.objects);
  }

  return {
    space: () => storing(`measuring ${storage}`, storage, options.space),
    collect: (roots, { dryRun = false } = {}) =>
      turn(() =>
        storing(`collecting garbage in ${storage}`, storage, async (): Promise<Collection> => {
          const findings: Findings = { removed: [], kept: [], reclaimed: 0 };
          await collectObjects(await collectTrails(roots, findings, dryRun), findings, dryRun);
          return findings;
        }),
      ),
  };
}

interface Trails {
  readonly stay: readonly RevisionName[];
  readonly go: readonly RevisionName[];
}

function linksAfter(entry: Entry, going: ReadonlyMap<string, number>): number {
  return entry.links - (going.get(entry.id) ?? 0);
}
