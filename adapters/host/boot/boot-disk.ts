/** The three calls by which boot records are read and written: apart, so that the power can be cut between them in a
 *  test. What is written, and in which order, is not for here. Texts stand for bytes, one character for each. */

import { closeSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, fileError, replaceSynced, syncDirectory } from '../../store/files.ts';

/** What has been written is durable when a call returns. @throws STORE_FAILED */
export interface BootDisk {
  /** At most the first `limit` bytes; undefined when there is no such file. */
  read(path: string, limit: number): string | undefined;
  /** The whole file at once, or not at all; its directory is made. */
  replace(path: string, text: string): void;
  /** Bytes of a file that is there, in their place. */
  patch(path: string, offset: number, text: string): void;
}

export const bootDisk: BootDisk = {
  read: (path, limit) => {
    try {
      return withFile(path, 'r', (descriptor) => readHead(descriptor, limit));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw fileError('STORE_FAILED', `reading the boot record ${path}`, path, error);
    }
  },
  replace: (path, text) => {
    const directory = dirname(path);
    try {
      const made = mkdirSync(directory, { recursive: true });
      replaceSynced(path, Buffer.from(text, 'latin1'));
      syncDirectory(directory);
      if (made !== undefined) syncDirectory(dirname(made));
    } catch (error) {
      throw fileError('STORE_FAILED', `writing the boot record ${path}`, path, error);
    }
  },
  patch: (path, offset, text) => {
    try {
      withFile(path, 'r+', (descriptor) => {
        writeWhole(descriptor, Buffer.from(text, 'latin1'), offset);
        fsyncSync(descriptor);
      });
    } catch (error) {
      throw fileError('STORE_FAILED', `writing the boot record ${path}`, path, error);
    }
  },
};

function withFile<T>(path: string, flags: 'r' | 'r+', use: (descriptor: number) => T): T {
  const descriptor = openSync(path, flags);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readHead(descriptor: number, limit: number): string {
  const bytes = Buffer.alloc(limit);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, bytes, length, limit - length, length);
    length += read;
    if (read === 0 || length === limit) return bytes.toString('latin1', 0, length);
  }
}

function writeWhole(descriptor: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
  }
}
