/** From a state JSON to a whole trail (storage §4 steps 5–7): objects linked, what containers write copied, inline JSON
 *  written as it stands in the text. Asynchronous and through the `Disk`, for updates; `trail.ts` does the same for
 *  `run STATE.json`, where nothing else waits.
 *
 *  `.pv/installed` names the state whose files are in the trail. It is written when all of them are durable, so a power
 *  cut at any moment leaves a trail that the next installation finishes. It also tells when the state JSON was replaced
 *  (`PUT` of a step that exists, MAKE_FACTORY): files of the state before are removed then, and until then they stay, for
 *  containers that run from them. A trail without the mark was made by somebody else; what it has is accepted. */

import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { bootAssets, isCopied, isInDataDirectory } from '../../machines/domain/objects.ts';
import type { Revision, RevisionFile } from '../../machines/domain/revision.ts';
import type { Disk } from './disk.ts';
import { type DurableFiles, type Pieces, storing } from './durable.ts';
import { errnoOf } from './files.ts';
import type { Places, TrailPlaces } from './places.ts';
import { eachOf } from './turn.ts';

export interface InstallOptions {
  readonly disk: Disk;
  readonly files: DurableFiles;
  readonly places: Places;
  /** Link what the boot loader starts into `.pv/` (storage §9); not in appengine mode. */
  readonly bootAssets: boolean;
}

/** A trail, and the revision whose files it has. */
export interface TrailWork extends InstallOptions {
  readonly trail: TrailPlaces;
  readonly revision: Revision;
}

export interface Installation extends TrailWork {
  /** The state JSON exactly as received. */
  readonly text: string;
}

/** Where the file system makes no more hard links, or none at all. */
const NO_LINKS = ['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
const LOOKS_AT_ONCE = 16;

export function cannotLink(error: unknown): boolean {
  return NO_LINKS.includes(errnoOf(error) ?? '');
}

/** What `.pv/installed` says of a state. */
export function markOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** @throws NOT_FOUND naming every missing object, REFUSED an object that is to be copied is not what its name says,
 *  STORE_FAILED */
export async function installTrail(work: Installation): Promise<void> {
  const { files, places, trail, revision, text } = work;
  await storing(`installing revision ${trail.name}`, trail.name, async () => {
    for (const own of ['.pv', '.pvr']) await makeWay(work, join(trail.directory, own));
    const stored = await files.readText(trail.state);
    const installed = await files.readText(trail.installed);
    const mark = installed ?? (stored === undefined ? undefined : markOf(stored));
    if (mark !== undefined && mark !== markOf(text)) {
      // From here on the trail is of neither state, until the mark says otherwise.
      await files.replace(trail.installed, '');
      await clear(work);
    }
    const complete = installed === markOf(text);
    const absent = await absentFiles(work, complete);
    await refuseMissing(work, absent);
    const touched = new Set<string>();
    for (const [key, file] of absent) await placeFile(work, key, file, touched);
    if (work.bootAssets) await linkBootAssets(work);
    const config = JSON.stringify({ ObjectsDir: places.objects });
    if ((await files.readText(trail.config)) === undefined) await files.replace(trail.config, config);
    // Directories that an earlier, interrupted installation made need not be durable either.
    const keys = complete ? [] : [...revision.files.keys()].map((key) => dirname(join(trail.directory, key)));
    await files.syncAll(waysDown(places.storage, [...touched, ...keys, trail.records]));
    if (!complete) await files.replace(trail.installed, markOf(text));
    // Last: who finds the state JSON finds the whole trail.
    if (stored !== text) await files.replace(trail.state, text);
  });
}

/** Puts one file back that has gone. */
export async function healFile(work: TrailWork, key: string, file: RevisionFile): Promise<void> {
  const touched = new Set<string>();
  await placeFile(work, key, file, touched);
  await work.files.syncAll(waysDown(work.places.storage, touched));
}

/** The trail as it was before anything was installed, but for its records. */
async function clear({ disk, trail }: TrailWork): Promise<void> {
  for (const name of await disk.names(trail.directory)) {
    if (name !== '.pv' && name !== '.pvr') await disk.removeTree(join(trail.directory, name));
  }
  await disk.syncDirectory(trail.directory);
}

async function absentFiles(
  { disk, trail, revision }: TrailWork,
  complete: boolean,
): Promise<readonly (readonly [string, RevisionFile])[]> {
  // What a container has removed from a directory of its own stays removed.
  const wanted = [...revision.files].filter(([key]) => !(complete && isInDataDirectory(key)));
  const found = await eachOf(wanted, LOOKS_AT_ONCE, ([key]) => disk.look(join(trail.directory, key)));
  return wanted.filter((_, at) => found[at] === undefined);
}

async function refuseMissing(
  { disk, places }: TrailWork,
  absent: readonly (readonly [string, RevisionFile])[],
): Promise<void> {
  const objects = absent.flatMap(([key, file]) => (file.kind === 'object' ? [{ key, id: file.id }] : []));
  const found = await eachOf(objects, LOOKS_AT_ONCE, ({ id }) => disk.look(join(places.objects, id)));
  const missing = objects
    .filter((_, at) => found[at]?.kind !== 'file')
    .map(({ key, id }) => `${key} (${id})`);
  if (missing.length === 0) return;
  const subjects = missing.length === 1 ? 'object is' : 'objects are';
  throw new SupervisorError(
    'NOT_FOUND',
    `${missing.length} ${subjects} not in ${places.objects}: ${missing.join(', ')}`,
    { subject: places.objects, fix: 'Upload each of them, then run the revision again' },
  );
}

async function placeFile(
  work: TrailWork,
  key: string,
  file: RevisionFile,
  touched: Set<string>,
): Promise<void> {
  const { disk, files, places, trail } = work;
  const target = insideOf(trail, key);
  try {
    await makeWay(work, dirname(target), touched);
  } catch (error) {
    // A container has put something else where a directory of its own was: it is not ours to follow.
    if (errnoOf(error) === 'ENOTDIR' && isInDataDirectory(key)) return;
    throw error;
  }
  touched.add(dirname(target));
  if (file.kind === 'json') return files.place(target, [Buffer.from(file.text)], trail.records);
  const source = join(places.objects, file.id);
  const copy = () => files.place(target, checked(disk.read(source), key, file.id), trail.records);
  if (isCopied(key)) return copy();
  try {
    await disk.link(source, target);
  } catch (error) {
    if (!cannotLink(error)) throw error;
    await copy();
  }
}

/** The pieces as they are, and at the end an error unless they are the object. A copy may be written by its container
 *  later and cannot be checked then, so it is checked while it is made. */
async function* checked(pieces: AsyncIterable<Uint8Array>, key: string, id: string): Pieces {
  const hash = createHash('sha256');
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest('hex') === id) return;
  throw new SupervisorError('REFUSED', `${key}: the object ${id} is not what its name says`, {
    subject: key,
    fix: 'Upload the object again',
  });
}

/** Existing links are replaced (storage §9). */
async function linkBootAssets({ disk, files, trail, revision }: TrailWork): Promise<void> {
  for (const [asset, file] of bootAssets(revision)) {
    const source = insideOf(trail, `bsp/${file}`);
    const target = join(trail.records, asset);
    const [wanted, present] = [await disk.look(source), await disk.look(target)];
    if (wanted !== undefined && wanted.id === present?.id) continue;
    try {
      await files.replaceByLink(source, target, trail.records);
    } catch (error) {
      if (!cannotLink(error)) throw error;
      await files.place(target, disk.read(source), trail.records);
    }
  }
}

function makeWay({ files, places }: TrailWork, directory: string, touched?: Set<string>): Promise<void> {
  return files.makeDirectories(places.storage, directory.slice(places.storage.length + 1), touched);
}

/** The directories and all above them, up to the storage; the deepest first. */
function waysDown(storage: string, directories: Iterable<string>): readonly string[] {
  const ways = new Set<string>();
  for (const start of directories) {
    for (let at = start; at.length >= storage.length && !ways.has(at); at = dirname(at)) ways.add(at);
  }
  return [...ways].sort((a, b) => b.length - a.length);
}

/** The parser refuses such keys already; here is where it would hurt. */
function insideOf({ directory }: TrailPlaces, key: string): string {
  const path = join(directory, key);
  if (path.startsWith(`${directory}/`)) return path;
  throw new SupervisorError('REFUSED', `the key ${JSON.stringify(key)} leads out of the revision`, {
    subject: key,
  });
}
