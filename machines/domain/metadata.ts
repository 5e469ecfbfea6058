/** The rules of user and device metadata: keys, values, order, what a container sees of it, and how a list reads
 *  (control API §6.8, logs and metadata §5, §6). Who keeps it is elsewhere. */

import { controlJson } from './control-text.ts';
import { isLongerThan } from './utf8.ts';

export const METADATA_KINDS = ['user-meta', 'device-meta'] as const;
/** As directories and paths are named. */
export type MetadataKind = (typeof METADATA_KINDS)[number];

/** Newest first where a list, oldest first where a history is meant. */
export type MetadataEntry = readonly [key: string, value: string];

/** Of a value that a client sends, in UTF-8. */
export const MAX_VALUE_BYTES = 4096;
/** Of a value that the supervisor itself finds out: far above the interfaces of any host. Larger files are none. */
export const MAX_STORED_BYTES = 1024 * 1024;
/** Linux's limit of a file name. */
const MAX_NAME_BYTES = 255;

const UNFIT_FOR_KEYS = /[\p{Cc}\p{Surrogate}]/u;

/** Why a text cannot be a key; undefined when it can. Keys become names of files that other containers see. */
export function keyFault(key: string): string | undefined {
  if (key === '') return 'the key is empty';
  if (key === '.' || key === '..') return `the key is "${key}"`;
  if (key.includes('/')) return 'the key contains "/"';
  if (UNFIT_FOR_KEYS.test(key)) return 'the key contains a control character or half a character';
  if (isLongerThan(key, MAX_NAME_BYTES)) return `the key is longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

/** A value ends at its first NUL. */
export function cutAtNul(value: string): string {
  const end = value.indexOf('\0');
  return end === -1 ? value : value.slice(0, end);
}

/** To whom a key is shown besides those who see all, and under which name. */
export interface Share {
  /** What is before the first dot; a container of that name may exist or not. */
  readonly container: string;
  readonly name: string;
}

/** `<container>.<name>`, split at the first dot (logs and metadata §6); undefined for keys that are nobody's own: one
 *  of the parts is empty, or cannot be a file name. */
export function shareOf(kind: MetadataKind, key: string): Share | undefined {
  const dot = key.indexOf('.');
  if (dot <= 0) return undefined;
  const share = { container: key.slice(0, dot), name: key.slice(dot + 1) };
  if (keyFault(share.name) !== undefined) return undefined;
  return isLongerThan(shareDirectory(kind, share.container), MAX_NAME_BYTES) ? undefined : share;
}

/** Name of the directory with a container's own part (storage §1). */
export function shareDirectory(kind: MetadataKind, container: string): string {
  return `${kind}.${container}`;
}

/** What a store found, in the order in which lists show it: most recently added first. `addedAt` counts up. */
export function newestFirst<Found extends { readonly key: string; readonly addedAt: number }>(
  found: readonly Found[],
): readonly Found[] {
  return found.toSorted((a, b) => b.addedAt - a.addedAt || (a.key < b.key ? -1 : 1));
}

/** The body of `GET /user-meta` and `GET /device-meta`: one object, in the order given. */
export function metadataJson(entries: readonly MetadataEntry[]): string {
  return `{${entries.map(([key, value]) => `${controlJson(key)}:${embedded(value)}`).join(',')}}`;
}

/** A value that is a JSON object or array goes in as it is, every other as a string: `"12"`. */
function embedded(value: string): string {
  return /^[ \t\r\n]*[{[]/.test(value) && isJson(value) ? value : controlJson(value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
