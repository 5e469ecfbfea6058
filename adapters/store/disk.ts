/** The file system as the store sees it: every change that the store makes goes through `Disk`, and every look too, so
 *  that a test can put a disk in its place that loses power between any two changes.
 *
 *  A change survives a power cut only when it is synced: bytes by `sync` of their file, names (created, linked, renamed,
 *  removed) by `syncDirectory` of the directory they are in. Unsynced changes may survive in any combination and order.
 *  Errors are the system's, with its `code`; who calls says what was tried. */

import {
  constants,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rm,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import { errnoOf } from './files.ts';

/** What a name stands for; links are not followed. */
export interface Entry {
  readonly kind: 'file' | 'directory' | 'other';
  /** The same for all names of one file, and for no other file. */
  readonly id: string;
  readonly size: number;
  /** How many names the file has. */
  readonly links: number;
  /** ms since 1970. */
  readonly modifiedAt: number;
}

/** A new file, written from its beginning. */
export interface DiskWriter {
  /** All of the bytes, behind those of the calls before. One call at a time. */
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Fails with EEXIST when the name is taken. The mode is what is said, whatever the process masks. */
  create(path: string, mode: number): Promise<DiskWriter>;
  link(path: string, newPath: string): Promise<void>;
  rename(path: string, newPath: string): Promise<void>;
  unlink(path: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  /** Fails with EEXIST when the name is taken. */
  mkdir(path: string, mode: number): Promise<void>;
  /** A directory with all that is in it, or nothing when there is none; a power cut may leave any part of it. */
  removeTree(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;

  /** Undefined when there is nothing, or a part of the way is no directory. */
  look(path: string): Promise<Entry | undefined>;
  /** Unordered; none when there is no such directory. */
  names(path: string): Promise<readonly string[]>;
  /** Undefined when there is nothing, or it is no symbolic link. */
  readLink(path: string): Promise<string | undefined>;
  /** In pieces of at most `PIECE_BYTES`, each good until the next is asked for: they may share their memory. Opened by the
   *  first, closed when the iteration ends; links are not followed. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** Bytes, of the file system that has `path`. */
  space(path: string): Promise<{ readonly total: number; readonly free: number }>;
}

/** What is read, hashed and written in one go: a fraction of a millisecond of the event loop. */
export const PIECE_BYTES = 256 * 1024;

const NOTHING = ['ENOENT', 'ENOTDIR'];

export const realDisk: Disk = {
  async create(path, mode) {
    const file = await open(path, 'wx', mode);
    try {
      await file.chmod(mode);
    } catch (error) {
      await file.close();
      throw error;
    }
    return {
      write: (bytes) => file.writeFile(bytes),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  link,
  rename,
  unlink,
  symlink: (target, path) => symlink(target, path),
  mkdir: (path, mode) => mkdir(path, { mode }).then(() => undefined),
  removeTree: (path) => rm(path, { recursive: true, force: true }),
  async syncDirectory(path) {
    const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await directory.sync().finally(() => directory.close());
  },

  look: (path) =>
    unless(NOTHING, async () => {
      const status = await lstat(path, { bigint: true });
      return {
        kind: status.isFile() ? 'file' : status.isDirectory() ? 'directory' : 'other',
        id: `${status.dev}:${status.ino}`,
        size: Number(status.size),
        links: Number(status.nlink),
        modifiedAt: Number(status.mtimeMs),
      };
    }),
  names: async (path) => (await unless(NOTHING, () => readdir(path))) ?? [],
  readLink: (path) => unless([...NOTHING, 'EINVAL'], () => readlink(path)),
  async *read(path) {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size + 1));
      for (;;) {
        const { bytesRead } = await file.read({ buffer });
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },
  async space(path) {
    const { bsize, blocks, bfree } = await statfs(path);
    return { total: bsize * blocks, free: bsize * bfree };
  },
};

async function unless<T>(errnos: readonly string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (errnos.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
