/** Files that are never half written: temporary file, (fsync,) rename, (fsync of the directory).
 *  Everything is synchronous: these files are small, and what follows them must not overtake them. */

import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type FaultCode, SupervisorError } from '../../machines/domain/fault.ts';

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space there',
  EACCES: 'Run as root, or choose a directory you may write to',
  EPERM: 'Run as root, or choose a directory you may write to',
  EROFS: 'The file system is mounted read-only: choose another directory',
  EEXIST: 'A file has that name: choose another directory',
  EIO: 'Check the disk',
  EISDIR: 'A directory has that name: move it away',
  ENOENT: 'That place takes no directories: choose another directory',
  ENOTDIR: 'A part of the path is a file: choose another directory',
  ENAMETOOLONG: 'Choose a shorter path',
};

/** The system's name of an error, e.g. `ENOENT`; undefined for what is no system error. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** An error of the file system as ours: `doing` names operation and subject. */
export function fileError(code: FaultCode, doing: string, subject: string, cause: unknown): SupervisorError {
  const errno = errnoOf(cause);
  const why = errno ?? (cause instanceof Error ? cause.message : String(cause));
  const fix = errno === undefined ? undefined : FIXES[errno];
  return new SupervisorError(code, `${doing} failed: ${why}`, {
    subject,
    cause,
    ...(errno === undefined ? {} : { errno }),
    ...(fix === undefined ? {} : { fix }),
  });
}

/** Replaces a file at once for every reader of this boot; after a power cut it may be gone. */
export function replaceVolatile(path: string, text: string): void {
  const temporary = temporaryFor(path);
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** Replaces a file so that it survives a power cut once its directory is synced (`syncDirectory`). */
export function replaceSynced(path: string, text: string | Uint8Array): void {
  throughTemporary(path, (temporary) => writeFileSync(temporary, text, { flag: 'wx' }));
}

/** A copy of a file that survives a power cut once its directory is synced; shares blocks where it can. */
export function copySynced(source: string, path: string): void {
  const mode = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;
  throughTemporary(path, (temporary) => copyFileSync(source, temporary, mode));
}

export function syncDirectory(directory: string): void {
  syncPath(directory);
}

function throughTemporary(path: string, write: (temporary: string) => void): void {
  const temporary = temporaryFor(path);
  try {
    // Whatever has the name, left by a dead process or laid there as a link: it is never written through.
    tryUnlink(temporary);
    write(temporary);
    syncPath(temporary);
    renameSync(temporary, path);
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
}

function tryUnlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** In the same directory, as rename demands; by process, because two supervisors may share a store. */
function temporaryFor(path: string): string {
  return join(dirname(path), `.${process.pid}.new`);
}
