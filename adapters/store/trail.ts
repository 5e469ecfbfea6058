/** A revision on disk: `<storage>/trails/<rev>/` with one file per key of the state JSON (storage §1, §4). Synchronous,
 *  for `run STATE.json`, which waits for nothing else; what updates install comes from `install.ts`.
 *  What is there already stays as it is, so deploying again is cheap and finishes what a power cut interrupted. */

import { createHash } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { isCopied } from '../../machines/domain/objects.ts';
import type { Revision, RevisionFile } from '../../machines/domain/revision.ts';
import { copySynced, errnoOf, fileError, replaceSynced, syncDirectory } from './files.ts';

export interface TrailRequest {
  readonly storage: string;
  /** Revision id, e.g. `locals/0f3a…`. */
  readonly name: string;
  readonly revision: Revision;
  /** The state JSON exactly as received. */
  readonly text: string;
}

/** The id of a state JSON that nobody has named: a local revision after the SHA-256 of its text. */
export function revisionId(text: string): string {
  return `locals/${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** Deploys a revision and returns its directory; when this returns it is on disk.
 *  @throws NOT_FOUND naming every missing object, STORE_FAILED */
export function deployTrail({ storage, name, revision, text }: TrailRequest): string {
  const trail = join(storage, 'trails', name);
  const absent = [...revision.files].filter(([key]) => !exists(inside(trail, key)));
  refuseMissing(storage, absent);
  const touched = new Set<string>();
  for (const [key, file] of absent) place(storage, trail, key, file, touched);
  placeText(join(trail, '.pvr', 'config'), JSON.stringify({ ObjectsDir: join(storage, 'objects') }), touched);
  syncAll(touched, storage);
  // Last: who finds the state JSON finds the whole trail.
  placeText(join(trail, '.pvr', 'json'), text, touched);
  syncAll(touched, storage);
  return trail;
}

function refuseMissing(storage: string, files: readonly (readonly [string, RevisionFile])[]): void {
  const missing = files.flatMap(([key, file]) =>
    file.kind === 'object' && !exists(join(storage, 'objects', file.id)) ? [`${key} (${file.id})`] : [],
  );
  if (missing.length === 0) return;
  const objects = missing.length === 1 ? 'object is' : 'objects are';
  throw new SupervisorError(
    'NOT_FOUND',
    `${missing.length} ${objects} not in ${join(storage, 'objects')}: ${missing.join(', ')}`,
    { subject: storage, fix: 'Put each file there under its SHA-256, or point --storage to where they are' },
  );
}

function place(storage: string, trail: string, key: string, file: RevisionFile, touched: Set<string>): void {
  const target = inside(trail, key);
  if (file.kind === 'json') {
    placeText(target, file.text, touched);
    return;
  }
  const source = join(storage, 'objects', file.id);
  write(target, touched, () => {
    if (isCopied(key)) copySynced(source, target);
    else linkOrCopy(source, target);
  });
}

function placeText(target: string, text: string, touched: Set<string>): void {
  if (exists(target)) return;
  write(target, touched, () => replaceSynced(target, text));
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EXDEV' && errno !== 'EMLINK' && errno !== 'EPERM') throw error;
    copySynced(source, target);
  }
}

function write(target: string, touched: Set<string>, make: () => void): void {
  const directory = dirname(target);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o775 });
    make();
    touched.add(directory);
  } catch (error) {
    throw fileError('STORE_FAILED', `writing ${target}`, target, error);
  }
}

/** Makes the new names last: those in the touched directories, and those of the directories themselves. */
function syncAll(touched: Set<string>, storage: string): void {
  const directories = new Set<string>();
  for (const start of touched) {
    for (let at = start; at.startsWith(storage) && !directories.has(at); at = dirname(at))
      directories.add(at);
  }
  touched.clear();
  try {
    for (const directory of directories) syncDirectory(directory);
  } catch (error) {
    throw fileError('STORE_FAILED', `syncing ${storage}`, storage, error);
  }
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fileError('STORE_FAILED', `looking at ${path}`, path, error);
  }
}

/** The parser refuses such keys already; here is where it would hurt. */
function inside(trail: string, key: string): string {
  const path = join(trail, key);
  if (path.startsWith(`${trail}/`)) return path;
  throw new SupervisorError('REFUSED', `the key ${JSON.stringify(key)} leads out of the revision`, {
    subject: key,
  });
}
