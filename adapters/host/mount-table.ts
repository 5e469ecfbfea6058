/** The kernel's table of what is mounted (proc(5), mountinfo), read and cut into fields. It has a line for every mount
 *  of the host: not to be read once for each of many containers. */

import { readFileSync } from 'node:fs';

export interface MountEntry {
  readonly target: string;
  readonly fsType: string;
  /** Device or name given to mount(2). */
  readonly source: string;
  /** Options of the file system instance, e.g. `ro,lowerdir=…`. */
  readonly options: string;
}

/** In the order of mounting: what lies on top of another comes later. */
export function readMountTable(path = '/proc/self/mountinfo'): readonly MountEntry[] {
  return parseMountTable(readFileSync(path, 'utf8'));
}

export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    // id parent major:minor root target options optional… - type source superOptions
    const [left = '', right = ''] = line.split(' - ');
    const target = left.split(' ')[4];
    const [fsType, source, options] = right.split(' ');
    if (target === undefined || fsType === undefined) return [];
    return [{ target: unescaped(target), fsType, source: unescaped(source ?? ''), options: options ?? '' }];
  });
}

/** Entries at or below a directory. */
export function mountsBelow(table: readonly MountEntry[], directory: string): readonly MountEntry[] {
  return table.filter(({ target }) => target === directory || target.startsWith(`${directory}/`));
}

/** Blank, tab, newline and backslash are written in octal. */
function unescaped(field: string): string {
  if (!field.includes('\\')) return field;
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
