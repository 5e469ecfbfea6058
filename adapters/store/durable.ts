/** What the store does with a `Disk` again and again, each in the one order that survives a power cut at any point
 *  bytes are synced before they get their name, names before anybody is told. */

import { dirname, join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { Disk } from './disk.ts';
import { errnoOf, fileError } from './files.ts';

export interface DurableFiles {
  /** Makes the text the content of `path`, whole or not at all; on disk when this is over. The directory must exist. */
  replace(path: string, text: string): Promise<void>;
  /** The same from pieces, with the last step left to the caller: the directory of `path` is not synced. What is being
   *  written lies in `temporaryDirectory`, of the same file system, and is removed when it fails. */
  place(path: string, pieces: Pieces, temporaryDirectory: string): Promise<void>;
  /** A new name for a file, also where the name is taken by another; the directory is not synced. */
  replaceByLink(source: string, path: string, temporaryDirectory: string): Promise<void>;
  /** Makes `path` a symbolic link to `target`; on disk when this is over. */
  pointTo(target: string, path: string): Promise<void>;
  /** Undefined when there is no such file. */
  readText(path: string): Promise<string | undefined>;
  /** False when it was not there. The directory is not synced. */
  discard(path: string): Promise<boolean>;
  /** Makes `base/relative` and what is missing on the way; every part must be a directory itself, no link to one
   *  (ENOTDIR). `base` must exist. Parents of what was made are added to `touched`, or synced when it is not given. */
  makeDirectories(base: string, relative: string, touched?: Set<string>): Promise<void>;
  syncAll(directories: Iterable<string>): Promise<void>;
  /** A name in `directory` that nothing else uses, and that `isLeftover` knows. */
  temporaryIn(directory: string): Promise<string>;
}

export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file that an earlier life was writing when it ended. */
export function isLeftover(name: string): boolean {
  return /^\.\d+(-\d+)?\.new$/.test(name);
}

export function createDurableFiles(disk: Disk): DurableFiles {
  let count = 0;

  /** Whatever has the name, left by an earlier process or laid there as a link: it is never written through. */
  async function temporaryIn(directory: string): Promise<string> {
    count += 1;
    const path = join(directory, `.${process.pid}-${count}.new`);
    await discard(path);
    return path;
  }

  async function discard(path: string): Promise<boolean> {
    try {
      await disk.unlink(path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async function throughTemporary(
    path: string,
    directory: string,
    make: (temporary: string) => Promise<void>,
  ): Promise<void> {
    const temporary = await temporaryIn(directory);
    try {
      await make(temporary);
      await disk.rename(temporary, path);
    } catch (error) {
      await discard(temporary);
      throw error;
    }
  }

  async function place(path: string, pieces: Pieces, temporaryDirectory: string): Promise<void> {
    await throughTemporary(path, temporaryDirectory, async (temporary) => {
      const file = await disk.create(temporary, 0o644);
      try {
        for await (const piece of pieces) await file.write(piece);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async function makeDirectory(path: string, touched: Set<string> | undefined): Promise<void> {
    const there = await disk.look(path);
    if (there?.kind === 'directory') return;
    if (there !== undefined) throw Object.assign(new Error(`${path} is no directory`), { code: 'ENOTDIR' });
    try {
      await disk.mkdir(path, 0o775);
    } catch (error) {
      // Somebody else needed it too, at the same moment.
      if (errnoOf(error) !== 'EEXIST') throw error;
      return makeDirectory(path, touched);
    }
    const parent = dirname(path);
    if (touched === undefined) await disk.syncDirectory(parent);
    else touched.add(parent);
  }

  return {
    temporaryIn,
    discard,
    place,
    async replace(path, text) {
      await place(path, [Buffer.from(text)], dirname(path));
      await disk.syncDirectory(dirname(path));
    },
    replaceByLink: (source, path, temporaryDirectory) =>
      throughTemporary(path, temporaryDirectory, (temporary) => disk.link(source, temporary)),
    async pointTo(target, path) {
      await throughTemporary(path, dirname(path), (temporary) => disk.symlink(target, temporary));
      await disk.syncDirectory(dirname(path));
    },
    async readText(path) {
      const pieces: Uint8Array[] = [];
      try {
        for await (const piece of disk.read(path)) pieces.push(Buffer.from(piece));
      } catch (error) {
        if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
        throw error;
      }
      return Buffer.concat(pieces).toString('utf8');
    },
    async makeDirectories(base, relative, touched) {
      let at = base;
      for (const part of relative.split('/')) {
        at = join(at, part);
        await makeDirectory(at, touched);
      }
    },
    async syncAll(directories) {
      for (const directory of directories) await disk.syncDirectory(directory);
    },
  };
}

/** Errors of the file system become STORE_FAILED with their name; `doing` says what was tried, on what. */
export async function storing<T>(doing: string, subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SupervisorError || errnoOf(error) === undefined) throw error;
    throw fileError('STORE_FAILED', doing, subject, error);
  }
}
