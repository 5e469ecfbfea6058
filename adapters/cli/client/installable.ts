/** What can be installed: a state JSON with its objects, in a directory or in a `.tgz`, both with `json` and `objects/` as
 *  `pvcontrol steps install` has them (control API §7.1). Nothing is unpacked: an archive is read once to be checked, and
 *  once more to be sent. What is in it is verified here; whether a device takes it is its own business. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { JSON_LIMITS } from '../../../machines/domain/json-text.ts';
import { isObjectId } from '../../../machines/domain/objects.ts';
import { errnoOf } from '../../store/files.ts';
import { hashOf } from '../../store/objects.ts';
import { readTar, TAR_LIMITS, type TarFile, type TarLimits } from './tar.ts';

export interface Installable {
  /** The name of a revision that nobody has named: by the hash of the archive, or of the state. */
  readonly defaultName: string;
  readonly state: Buffer;
  /** Bytes by object id, whose contents have that hash. */
  readonly objects: ReadonlyMap<string, number>;
  /** In any order, each to be read before the next one. */
  read(wanted: ReadonlySet<string>): AsyncIterable<InstallableObject>;
}

export interface InstallableObject {
  readonly sha256: string;
  readonly size: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** @throws NOT_FOUND it cannot be read; REFUSED naming what is wrong with it */
export async function openInstallable(path: string, limits: TarLimits = TAR_LIMITS): Promise<Installable> {
  try {
    return (await stat(path)).isDirectory() ? await openDirectory(path) : await openArchive(path, limits);
  } catch (error) {
    throw readError(path, error);
  }
}

const STATE = 'json';
const OBJECTS = 'objects';

async function openArchive(path: string, limits: TarLimits): Promise<Installable> {
  const objects = new Map<string, number>();
  let state: Buffer | undefined;
  for await (const { name, size, body } of filesIn(path, limits)) {
    if (name === STATE) {
      checkStateSize(path, size);
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      state = Buffer.concat(pieces);
    }
    const sha256 = objectOf(path, name);
    if (sha256 === undefined) continue;
    checkHash(path, sha256, await hashOf(body));
    objects.set(sha256, size);
  }
  if (state === undefined) throw noState(path);
  return {
    defaultName: `locals/${await hashOf(createReadStream(path))}`,
    state,
    objects,
    async *read(wanted) {
      for await (const { name, size, body } of filesIn(path, limits)) {
        const sha256 = objectOf(path, name);
        if (sha256 !== undefined && wanted.has(sha256)) yield { sha256, size, body };
      }
    },
  };
}

async function* filesIn(path: string, limits: TarLimits): AsyncGenerator<TarFile, void> {
  const source = createReadStream(path);
  // An error comes out where the bytes do.
  const bytes = pipeline(source, createGunzip(), () => undefined);
  try {
    yield* readTar(path, bytes, limits);
  } catch (error) {
    throw readError(path, error);
  } finally {
    source.destroy();
    bytes.destroy();
  }
}

async function openDirectory(path: string): Promise<Installable> {
  const stateFile = join(path, STATE);
  const found = await lstatOrNone(stateFile);
  if (found?.isFile() !== true) throw noState(path);
  checkStateSize(path, found.size);
  const state = await readFile(stateFile);
  const objects = new Map<string, number>();
  const directory = join(path, OBJECTS);
  const names = (await lstatOrNone(directory)) === undefined ? [] : (await readdir(directory)).sort();
  for (const name of names) {
    const file = join(directory, name);
    const sha256 = objectOf(path, `${OBJECTS}/${name}`);
    if (sha256 === undefined) continue;
    const entry = await lstat(file);
    if (!entry.isFile()) throw refused(path, `${OBJECTS}/${name} is no plain file`);
    checkHash(path, sha256, await hashOf(createReadStream(file)));
    objects.set(sha256, entry.size);
  }
  return {
    defaultName: `locals/${createHash('sha256').update(state).digest('hex')}`,
    state,
    objects,
    async *read(wanted) {
      for (const [sha256, size] of objects) {
        if (wanted.has(sha256)) yield { sha256, size, body: createReadStream(join(directory, sha256)) };
      }
    },
  };
}

/** The id, when it is an object. Other files are none of ours. */
function objectOf(path: string, name: string): string | undefined {
  if (!name.startsWith(`${OBJECTS}/`)) return undefined;
  const id = name.slice(OBJECTS.length + 1);
  if (!isObjectId(id)) throw refused(path, `${name} is not named after the SHA-256 of an object`);
  return id;
}

function checkHash(path: string, sha256: string, hash: string): void {
  if (hash !== sha256) throw refused(path, `${OBJECTS}/${sha256} has the SHA-256 ${hash}`);
}

function checkStateSize(path: string, size: number): void {
  if (size <= JSON_LIMITS.maxBytes) return;
  throw refused(path, `its state JSON has ${size} bytes, ${JSON_LIMITS.maxBytes} are possible`);
}

function noState(path: string): SupervisorError {
  return refused(path, `there is no state JSON in it, which would be a file named ${STATE}`);
}

function refused(path: string, why: string): SupervisorError {
  return new SupervisorError('REFUSED', `${path} cannot be installed: ${why}`, {
    subject: path,
    fix: 'Make the archive with statevisor pack',
  });
}

async function lstatOrNone(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A file that cannot be read, or that gzip does not understand. A bug stays what it is. */
function readError(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof SupervisorError || errno === undefined) return error;
  if (errno === 'Z_BUF_ERROR') return refused(path, 'it is cut short');
  if (errno.startsWith('Z_')) return refused(path, `it is not compressed with gzip, or damaged (${errno})`);
  return new SupervisorError('NOT_FOUND', `cannot read ${path}: ${errno}`, {
    subject: path,
    errno,
    fix: 'Name a directory, or an archive, that can be read',
    cause: error,
  });
}
