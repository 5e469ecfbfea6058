/** A kernel call that failed: which call, on what, and the kernel's name for the reason. Shaped like the errors of
 *  node:fs, so that callers translate both alike. */

import { constants } from 'node:os';

export class KernelError extends Error {
  override readonly name = 'KernelError';
  /** `ENOENT`, `EBUSY`, … */
  readonly code: string;
  /** The call that failed: `mount`, `open`, `LOOP_CONFIGURE`, … */
  readonly syscall: string;
  readonly path: string;

  constructor(code: string, syscall: string, path: string, options: { cause?: unknown } = {}) {
    super(`${code}: ${syscall} '${path}'`, options);
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}

/** Numbers that Node does not list; the same on every architecture Linux runs Node on. */
const UNLISTED: readonly (readonly [number, string])[] = [
  [15, 'ENOTBLK'],
  [117, 'EUCLEAN'],
  [123, 'ENOMEDIUM'],
  [126, 'ENOKEY'],
  [129, 'EKEYREJECTED'],
];

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  // Aliases share a number with these; the kernel's own documents use the names given here.
  [11, 'EAGAIN'],
  [95, 'EOPNOTSUPP'],
  ...UNLISTED,
]);

export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** The C library's English text for an errno, as programs print it, back to its name. */
const TEXTS: ReadonlyMap<string, string> = new Map([
  ['Operation not permitted', 'EPERM'],
  ['No such file or directory', 'ENOENT'],
  ['Input/output error', 'EIO'],
  ['No such device or address', 'ENXIO'],
  ['Exec format error', 'ENOEXEC'],
  ['Cannot allocate memory', 'ENOMEM'],
  ['Permission denied', 'EACCES'],
  ['Device or resource busy', 'EBUSY'],
  ['Resource busy', 'EBUSY'],
  ['Block device required', 'ENOTBLK'],
  ['File exists', 'EEXIST'],
  ['No such device', 'ENODEV'],
  ['Not a directory', 'ENOTDIR'],
  ['Invalid argument', 'EINVAL'],
  ['Too many open files in system', 'ENFILE'],
  ['No space left on device', 'ENOSPC'],
  ['Read-only file system', 'EROFS'],
  ['File name too long', 'ENAMETOOLONG'],
  ['Function not implemented', 'ENOSYS'],
  ['Too many levels of symbolic links', 'ELOOP'],
  ['Stale file handle', 'ESTALE'],
  ['Structure needs cleaning', 'EUCLEAN'],
  ['Operation not supported', 'EOPNOTSUPP'],
  ['Required key not available', 'ENOKEY'],
  ['Key was rejected by service', 'EKEYREJECTED'],
]);

export function errnoOfText(text: string): string | undefined {
  return TEXTS.get(text);
}

/** The errno name that a thrown value carries, if it carries one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
