/** Metadata on disk: a file for each key, durable, and beside it what single containers see of it (storage §1).
 *  Everything is asynchronous: clients put values while others wait for answers.
 *
 *  The order of the list is kept in the modification times: a new key's file gets a later one than all others, whole
 *  seconds apart because some file systems know no less, and keeps it when its value changes. Nothing else tells the
 *  order, so a clock that starts in 1970, as on many devices, disturbs nothing.
 *
 *  Temporary files have a control character in their names. No key has one, so they are never taken for values. */

import { constants, type FileHandle, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { MetadataFiles } from '../../actors/control-ports.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import {
  cutAtNul,
  keyFault,
  MAX_STORED_BYTES,
  type MetadataKind,
  newestFirst,
  shareDirectory,
  shareOf,
} from '../../machines/domain/metadata.ts';
import { errnoOf, fileError } from './files.ts';

export interface MetadataFilesOptions {
  readonly kind: MetadataKind;
  /** Where values are kept, file by file. */
  readonly directory: string;
  /** Where `<kind>.<container>` directories are made for containers; volatile. */
  readonly shown: string;
  /** What is passed over because it cannot be metadata, and why. */
  readonly complain: (fault: Fault) => void;
}

interface Stored {
  readonly key: string;
  readonly value: string;
  /** Seconds since 1970, of no meaning but their order. */
  readonly addedAt: number;
}

const TEMPORARY = `.${process.pid}\u007fnew`;
/** Files open at once while reading. */
const BATCH = 32;

export function createMetadataFiles(options: MetadataFilesOptions): MetadataFiles {
  const { kind, directory, shown, complain } = options;
  const addedAt = new Map<string, number>();
  let newest = 0;

  async function write(key: string, value: string, replace: typeof replaceDurable): Promise<void> {
    const at = addedAt.get(key) ?? Math.max(Math.floor(newest) + 1, Math.floor(Date.now() / 1000));
    await doing(`storing ${kind} ${key}`, key, async () => {
      await replace(join(directory, key), value, at);
      addedAt.set(key, at);
      newest = Math.max(newest, at);
      await share(key, value);
    });
  }

  async function share(key: string, value: string): Promise<void> {
    const target = shareOf(kind, key);
    if (target === undefined) return;
    const own = join(shown, shareDirectory(kind, target.container));
    await makeShare(own);
    await replaceVolatile(join(own, target.name), value);
  }

  async function load(): Promise<readonly Stored[]> {
    // To everyone but its owner the same as the reference's 0500.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const found: Stored[] = [];
    const names = await readdir(directory, { encoding: 'buffer' });
    for (let start = 0; start < names.length; start += BATCH) {
      const batch = names.slice(start, start + BATCH).map((name) => readOne(directory, name, complain));
      for (const stored of await Promise.all(batch)) if (stored !== undefined) found.push(stored);
    }
    return newestFirst(found);
  }

  return {
    async read() {
      return doing(`reading the ${kind} in ${directory}`, directory, async () => {
        const found = await load();
        for (const { key, addedAt: at } of found) addedAt.set(key, at);
        newest = found[0]?.addedAt ?? 0;
        await rebuildShares(kind, shown, found);
        return found.map(({ key, value }) => [key, value] as const);
      });
    },
    write: (key, value) => write(key, value, replaceDurable),
    writeVolatile: (key, value) => write(key, value, replaceVolatile),
    async remove(key) {
      await doing(`deleting ${kind} ${key}`, key, async () => {
        await removeFile(join(directory, key));
        await syncDirectory(directory);
        addedAt.delete(key);
        const target = shareOf(kind, key);
        if (target === undefined) return;
        await removeFile(join(shown, shareDirectory(kind, target.container), target.name));
      });
    },
  };
}

async function doing<T>(what: string, subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof SupervisorError ? error : fileError('STORE_FAILED', what, subject, error);
  }
}

/** Undefined for what is no metadata. Links are not followed, and nothing is read that is not a plain file. */
async function readOne(
  directory: string,
  bytes: Buffer,
  complain: (fault: Fault) => void,
): Promise<Stored | undefined> {
  const key = bytes.toString('utf8');
  const path = join(directory, key);
  const ignore = (why: string) => {
    complain({
      code: 'STORE_FAILED',
      message: `${path} is not taken for metadata: ${why}`,
      subject: path,
      fix: 'Remove it, or give it the name and form of a value',
    });
    return undefined;
  };
  if (key.endsWith('\u007fnew')) {
    await rm(path, { recursive: true, force: true });
    return undefined;
  }
  const fault = bytes.equals(Buffer.from(key)) ? keyFault(key) : 'its name is not UTF-8';
  if (fault !== undefined) return ignore(fault);
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) return ignore('it is not a plain file');
    if (status.size > MAX_STORED_BYTES) return ignore(`it is larger than ${MAX_STORED_BYTES} bytes`);
    const value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.readFile());
    return { key, value: cutAtNul(value), addedAt: status.mtimeMs / 1000 };
  } catch (error) {
    if (error instanceof TypeError) return ignore('its content is not UTF-8');
    const errno = errnoOf(error);
    return ignore(errno === 'ELOOP' ? 'it is a symbolic link' : (errno ?? String(error)));
  } finally {
    await file?.close();
  }
}

/** Makes the containers' directories hold what is stored and nothing else. They stay where they are: running
 *  containers have them bound. */
async function rebuildShares(kind: MetadataKind, shown: string, found: readonly Stored[]): Promise<void> {
  await mkdir(shown, { recursive: true });
  const wanted = new Map<string, Map<string, string>>();
  for (const name of await readdir(shown)) if (name.startsWith(`${kind}.`)) wanted.set(name, new Map());
  for (const { key, value } of found) {
    const target = shareOf(kind, key);
    if (target === undefined) continue;
    const name = shareDirectory(kind, target.container);
    const values = wanted.get(name) ?? new Map<string, string>();
    wanted.set(name, values.set(target.name, value));
  }
  for (const [name, values] of wanted) {
    const own = join(shown, name);
    await makeShare(own);
    for (const present of await readdir(own)) {
      if (!values.has(present)) await rm(join(own, present), { recursive: true, force: true });
    }
    for (const [file, value] of values) await replaceVolatile(join(own, file), value);
  }
}

/** For every user inside the container, whatever mask the supervisor was started with. */
async function makeShare(path: string): Promise<void> {
  if ((await mkdir(path, { recursive: true })) === undefined) return;
  const directory = await open(path, constants.O_DIRECTORY);
  await directory.chmod(0o755).finally(() => directory.close());
}

async function replaceDurable(path: string, text: string, modifiedAt: number): Promise<void> {
  await replaceFile(path, text, modifiedAt, (file) => file.sync());
  await syncDirectory(dirname(path));
}

async function replaceVolatile(path: string, text: string, modifiedAt?: number): Promise<void> {
  await replaceFile(path, text, modifiedAt, () => Promise.resolve());
}

/** Whatever has the name of the temporary file is removed, never written through. */
async function replaceFile(
  path: string,
  text: string,
  modifiedAt: number | undefined,
  secure: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), TEMPORARY);
  await removeFile(temporary);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(text);
      await file.chmod(0o644);
      if (modifiedAt !== undefined) await file.utimes(modifiedAt, modifiedAt);
      await secure(file);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_DIRECTORY);
  await directory.sync().finally(() => directory.close());
}
