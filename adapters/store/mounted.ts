/** What below the storage is in use by a mount: as its source, bound into a container, or as its place. */

import { readFile } from 'node:fs/promises';

/** Whether anything at or below the path is in use. */
export type InUse = (path: string) => boolean;

interface Mount {
  readonly device: string;
  /** The directory of the file system that is shown, e.g. `/disks/rev/7/web/data`. */
  readonly root: string;
  readonly target: string;
}

/** Of now, from the kernel's table (proc(5), mountinfo). */
export async function readInUse(): Promise<InUse> {
  return inUseBy(await readFile('/proc/self/mountinfo', 'utf8'));
}

export function inUseBy(mountinfo: string): InUse {
  const mounts = mountinfo.split('\n').flatMap(parseLine);
  return (path) => {
    // The last of the deepest is the one that is seen there.
    const holder = mounts.reduce<Mount | undefined>(
      (best, mount) =>
        isWithin(path, mount.target) && mount.target.length >= (best?.target.length ?? 0) ? mount : best,
      undefined,
    );
    const source = holder && joined(holder.root, path.slice(trimmed(holder.target).length));
    return mounts.some(
      ({ device, root, target }) =>
        isWithin(target, path) ||
        (source !== undefined && device === holder?.device && isWithin(root, source)),
    );
  };
}

/** id parent major:minor root target … */
function parseLine(line: string): Mount[] {
  const [, , device, root, target] = line.split(' ');
  if (device === undefined || root === undefined || target === undefined) return [];
  return [{ device, root: unescaped(root), target: unescaped(target) }];
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${trimmed(directory)}/`);
}

function joined(root: string, rest: string): string {
  return rest === '' ? root : `${trimmed(root)}${rest}`;
}

function trimmed(directory: string): string {
  return directory === '/' ? '' : directory;
}

/** Blank, tab, newline and backslash are written in octal. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
