/** Whether a trail is what its state says (storage §12, state format §25). Files are hashed a piece at a time on the event
 *  loop, reading ahead in the thread pool: a piece takes 0.2 ms, and a worker would cost more than it saves.
 *
 *  What containers write, `.bind` files and `.data` directories, is compared when it is copied and never again: it is
 *  theirs from then on. On a file system without hard links a copy with the right content is right. */

import { join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { isCopied, isInDataDirectory, unhashedKeys } from '../../machines/domain/objects.ts';
import type { RevisionFile } from '../../machines/domain/revision.ts';
import { storing } from './durable.ts';
import { cannotLink, healFile, type TrailWork } from './install.ts';
import { hashOf } from './objects.ts';
import { eachOf, type Turn } from './turn.ts';

/** As many as the thread pool has threads. */
const FILES_AT_ONCE = 4;

/** Puts links back that are missing. @throws REFUSED naming the first file, in document order, that is not right */
export async function verifyTrail(work: TrailWork, turn: Turn): Promise<void> {
  const { name } = work.trail;
  const unhashed = unhashedKeys(work.revision);
  await storing(`checking revision ${name}`, name, () =>
    eachOf(work.revision.files, FILES_AT_ONCE, async ([key, file]) => {
      const wrong = await whatIsWrong(work, key, file, unhashed.has(key), turn);
      if (wrong === undefined) return;
      throw new SupervisorError('REFUSED', `revision ${name}: ${key} ${wrong}`, {
        subject: key,
        fix: 'Install the revision again under another name',
      });
    }),
  );
}

async function whatIsWrong(
  work: TrailWork,
  key: string,
  file: RevisionFile,
  unhashed: boolean,
  turn: Turn,
): Promise<string | undefined> {
  const { disk, files, places, trail } = work;
  const path = join(trail.directory, key);
  const found = await disk.look(path);
  if (file.kind === 'json') {
    if (found === undefined) return 'is missing';
    const same = found.kind === 'file' && (await files.readText(path)) === file.text;
    return same ? undefined : 'is not what the state JSON says';
  }
  if (isInDataDirectory(key)) return undefined;
  const object = await disk.look(join(places.objects, file.id));
  if (found === undefined) {
    if (object === undefined) return `is missing, and so is its object ${file.id}`;
    await turn(() => healFile(work, key, file));
    return isCopied(key) ? undefined : whatIsWrong(work, key, file, unhashed, turn);
  }
  if (isCopied(key) || unhashed) return undefined;
  if (object === undefined) return `has no object ${file.id}`;
  if (found.kind !== 'file') return 'is no file';
  if (found.id !== object.id && (await canLink(work, file.id))) return `is no link to its object ${file.id}`;
  const digest = await hashOf(disk.read(path));
  return digest === file.id ? undefined : `has the SHA-256 ${digest} instead of ${file.id}`;
}

async function canLink({ disk, files, places, trail }: TrailWork, id: string): Promise<boolean> {
  const probe = await files.temporaryIn(trail.records);
  try {
    await disk.link(join(places.objects, id), probe);
    return true;
  } catch (error) {
    if (cannotLink(error)) return false;
    throw error;
  } finally {
    await files.discard(probe);
  }
}
