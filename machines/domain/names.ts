/** Which texts of a state may become names, file names and paths on the device, and in which order they come. */

import { quoted, type Shape, text } from './shape.ts';
import { utf8Length } from './utf8.ts';

/** A container's name is the host name inside it, and Linux ends those at 64 bytes. */
const MAX_NAME_BYTES = 64;
/** Linux's limit of one path component, and ours of a whole key: PATH_MAX less room for the storage directory. */
const MAX_COMPONENT_BYTES = 255;
const MAX_PATH_BYTES = 2048;

/** What `:` `,` and `\` mean to overlay mounts, white space to configuration lines, and the others to the shell that LXC
 *  gives hooks to, with the name as it is, rules them out of names. */
const UNFIT_FOR_NAMES = /[\p{Cc} \\:,$`;&|<>()'"*?#!~{}[\]\p{Surrogate}]/u;
const UNFIT_FOR_PATHS = /[\p{Cc}\p{Surrogate}]/u;

/** The same rules for editors, lengths and rare words excepted. */
export const NAME_PATTERN =
  '^(?![._-])[^\\u0000-\\u0020\\u007f-\\u009f\\\\:,/$`;&|<>()\'"*?#!~{}[\\]]+$|^\\.(?!\\.?$|pvr?$)[^\\u0000-\\u0020\\u007f-\\u009f\\\\:,/$`;&|<>()\'"*?#!~{}[\\]]+$';
export const PATH_PATTERN =
  '^(?!(?:[^/]*/)*\\.{0,2}(?:/|$))(?!\\.pvr?(?:/|$))[^\\u0000-\\u001f\\u007f-\\u009f]+$';

/** Why a key of the state cannot be a file of the revision; undefined when it can. Keys become paths below the
 *  revision's directory (state format §25), so nothing may lead out of it or into its own records. */
export function pathFault(path: string): string | undefined {
  return (
    relativePathFault(path) ??
    (/^\.pvr?(\/|$)/.test(path) ? 'the supervisor keeps its own records there' : undefined)
  );
}

/** Why a text is no relative path that stays below its directory. */
export function relativePathFault(path: string): string | undefined {
  if (path === '') return 'the path is empty';
  if (path.startsWith('/')) return 'the path is absolute';
  if (UNFIT_FOR_PATHS.test(path)) return 'the path contains a control character or half a character';
  if (utf8Length(path) > MAX_PATH_BYTES) return `the path is longer than ${MAX_PATH_BYTES} bytes`;
  for (const component of path.split('/')) {
    if (component === '') return 'the path contains an empty component';
    if (component === '.' || component === '..') return `the path contains ${quoted(component)}`;
    if (utf8Length(component) > MAX_COMPONENT_BYTES) {
      return `a component of the path is longer than ${MAX_COMPONENT_BYTES} bytes`;
    }
  }
  return undefined;
}

/** Why a text cannot name a container or a disk, whose names become directories (state format §8.1, §9.5). */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name.includes('/')) return 'the name contains "/"';
  if (/^[_-]/.test(name)) return 'names do not start with "_" (reserved) or "-" (reads as an option)';
  if (UNFIT_FOR_NAMES.test(name))
    return 'the name contains white space, a control character, or one of \\ : , or of the shell';
  if (utf8Length(name) > MAX_NAME_BYTES) return `the name is longer than ${MAX_NAME_BYTES} bytes`;
  if (name in Object.prototype) return `${quoted(name)} is reserved`;
  return pathFault(name);
}

/** A relative path that stays below its directory. */
export const relativePath: Shape<string> = text(
  'a relative path without ".."',
  { pattern: PATH_PATTERN },
  pathFault,
);
export const plainName: Shape<string> = text(
  'a name without "/" and white space',
  { pattern: NAME_PATTERN },
  nameFault,
);

/** A place inside a container, which must not lead out of it. */
export const absolutePath: Shape<string> = text(
  'an absolute path without ".."',
  { pattern: '^/(?!(?:[^/]*/)*\\.{1,2}(?:/|$))[^\\u0000-\\u001f\\u007f-\\u009f]+$' },
  (path) => (path.startsWith('/') ? relativePathFault(path.slice(1)) : 'the path is not absolute'),
);
