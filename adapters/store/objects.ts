/** Objects by SHA-256, on disk (control API §6.6). An upload is hashed and written as it comes, under a temporary name
 *  that starts with a dot; under its own name an object is whole, right and durable. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ObjectStore } from '../../actors/update-ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { isObjectId } from '../../machines/domain/objects.ts';
import { type Disk, type DiskWriter, type Entry, PIECE_BYTES } from './disk.ts';
import { type DurableFiles, storing } from './durable.ts';
import { type LookAtSpace, noSpace } from './space.ts';
import { eachOf, type Turn } from './turn.ts';

export interface ObjectsOptions {
  readonly disk: Disk;
  readonly files: DurableFiles;
  /** Exists. */
  readonly directory: string;
  readonly space: LookAtSpace;
  /** Shared with installing and collecting: no object appears or goes while they look. */
  readonly turn: Turn;
  /** ms, of a clock that only goes forward. */
  readonly now: () => number;
}

export interface Objects extends ObjectStore {
  /** What must not be collected now (storage §11): the objects of uploads under way, and as long as there are any, those
   *  that came in the ten minutes before, because a client sends the objects of a revision one after the other. Once no
   *  upload is under way, only a revision keeps an object. */
  uploading(): ReadonlySet<string>;
}

const NAME_LENGTH = 64;
const LOOKS_AT_ONCE = 16;
/** Others write too: after so many bytes of one upload space is measured anew, and what has come is synced. */
const BYTES_BETWEEN_LOOKS = 8 * 1024 * 1024;
/** The default of `PV_STORAGE_GC_THRESHOLD_DEFERTIME`. */
const TOGETHER_MS = 600_000;

export function createObjects(options: ObjectsOptions): Objects {
  const { disk, directory, turn, now } = options;
  const underWay = new Map<symbol, string>();
  const cameAt = new Map<string, number>();
  const pathOf = (sha256: string) => join(directory, sha256);

  async function store(
    sha256: string,
    body: AsyncIterable<Uint8Array>,
    length: number | undefined,
  ): Promise<void> {
    const path = pathOf(sha256);
    // Behind a collection that has begun; one that begins later sees this upload.
    const found = await turn(() => disk.look(path));
    const valid = found?.kind === 'file' && (await hashOf(disk.read(path))) === sha256;
    if (!valid) return receive({ ...options, sha256, path, body, length, replaced: found });
    for await (const _ of body);
    // An earlier life, or another upload, may have renamed it without living to see that synced.
    await disk.syncDirectory(directory);
  }

  function forgetOld(): void {
    for (const [sha256, at] of cameAt) if (now() - at > TOGETHER_MS) cameAt.delete(sha256);
  }

  return {
    list: () =>
      storing(`listing ${directory}`, directory, async () => {
        const names = (await disk.names(directory)).filter((name) => name.length === NAME_LENGTH).sort();
        const found = await eachOf(names, LOOKS_AT_ONCE, async (sha256) => ({
          sha256,
          entry: await disk.look(pathOf(sha256)),
        }));
        return found.flatMap(({ sha256, entry }) =>
          entry?.kind === 'file' ? [{ sha256, size: entry.size }] : [],
        );
      }),
    async put(sha256, body, length) {
      if (!isObjectId(sha256)) {
        throw new SupervisorError('REFUSED', `${JSON.stringify(sha256)} is no object id`, {
          subject: sha256,
          fix: 'Name the object after its SHA-256, in lower case',
        });
      }
      const upload = Symbol(sha256);
      underWay.set(upload, sha256);
      try {
        await storing(`storing object ${sha256}`, sha256, () => store(sha256, body, length));
        forgetOld();
        cameAt.set(sha256, now());
      } finally {
        underWay.delete(upload);
      }
    },
    get: (sha256) =>
      storing(`reading object ${sha256}`, sha256, async () => {
        if (!isObjectId(sha256)) return undefined;
        const entry = await disk.look(pathOf(sha256));
        return entry?.kind === 'file'
          ? { size: entry.size, body: kept(disk.read(pathOf(sha256))) }
          : undefined;
      }),
    uploading() {
      if (underWay.size === 0) return new Set();
      forgetOld();
      return new Set([...underWay.values(), ...cameAt.keys()]);
    },
  };
}

/** Pieces of their own memory: who sends them may hold several. */
async function* kept(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) yield Buffer.from(piece);
}

/** In lower-case hexadecimal. Piece by piece, so that others get their turn. */
export async function hashOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

interface Upload extends ObjectsOptions {
  readonly sha256: string;
  readonly path: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly length: number | undefined;
  /** What is there and not what its name says. */
  readonly replaced: Entry | undefined;
}

async function receive(upload: Upload): Promise<void> {
  const { disk, directory, turn } = upload;
  const temporary = await upload.files.temporaryIn(directory);
  try {
    await writeAll(upload, temporary);
    await turn(async () => {
      // Where another upload was faster, its file stays: trails may be linked to it already.
      const there = await disk.look(upload.path);
      if (there === undefined || there.id === upload.replaced?.id) await disk.rename(temporary, upload.path);
      else await disk.unlink(temporary);
      await disk.syncDirectory(directory);
    });
  } catch (error) {
    await upload.files.discard(temporary);
    throw error;
  }
}

/** @throws REFUSED bad checksum; STORE_FAILED, ENOSPC before the reserve is touched */
async function writeAll(upload: Upload, temporary: string): Promise<void> {
  const { sha256, disk, length } = upload;
  const doing = `storing object ${sha256}`;
  const space = await upload.space();
  if (length !== undefined && length > space.realFree) throw noSpace(doing, sha256, length, space);
  const file = await disk.create(temporary, 0o644);
  try {
    const digest = await copyHashed(upload, file, space.realFree, doing);
    if (digest !== sha256) {
      throw new SupervisorError('REFUSED', `${doing}: what came has the SHA-256 ${digest}`, {
        subject: sha256,
        fix: 'Send the object again; if it comes out the same, its name is wrong',
      });
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Hashes one piece while the one before is being written. */
async function copyHashed(upload: Upload, file: DiskWriter, usable: number, doing: string): Promise<string> {
  const hash = createHash('sha256');
  let left = usable;
  let sinceLook = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of upload.body) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        left -= piece.length;
        sinceLook += piece.length;
        if (sinceLook >= BYTES_BETWEEN_LOOKS) {
          left = (await upload.space()).realFree;
          sinceLook = 0;
          // What is left to sync behind the last byte must not keep the client waiting for longer than it will (§7.3).
          writing = writing.then(() => file.sync());
          writing.catch(() => undefined);
        }
        if (left < 0) throw noSpace(doing, upload.sha256, piece.length, await upload.space());
        hash.update(piece);
        await writing;
        writing = file.write(piece);
        // Looked at before the next piece, or below; until then nobody waits for it.
        writing.catch(() => undefined);
      }
    }
  } catch (error) {
    // The file must not be closed under a write.
    await writing.catch(() => undefined);
    throw error;
  }
  await writing;
  return hash.digest('hex');
}
