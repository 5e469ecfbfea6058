/** The ports of store and boot record on a disk in memory. Before every change somebody may look, and take a copy of what
 *  the disk is at this moment: a power cut there is a power cut after the change before. */

import { basename, dirname, join } from 'node:path';
import type { BootDisk } from '../../adapters/host/boot/boot-disk.ts';
import type { Disk } from '../../adapters/store/disk.ts';
import { contentOf, type DirectoryNode, type DiskImage, type DiskNode, type FileNode } from './disk-image.ts';

export interface ModelDisk {
  readonly disk: Disk;
  readonly bootDisk: BootDisk;
}

/** `beforeChange` hears what is about to be done, e.g. `rename /storage/a to /storage/b`. */
export function createModelDisk(
  image: DiskImage,
  beforeChange: (what: string) => void = () => undefined,
): ModelDisk {
  const find = (path: string): DiskNode | undefined => {
    let at: DiskNode | undefined = image.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (at?.kind !== 'directory') return undefined;
      at = at.names.get(part);
    }
    return at;
  };
  const directoryAt = (path: string): DirectoryNode => {
    const found = find(path);
    if (found === undefined) throw systemError('ENOENT', path);
    if (found.kind !== 'directory') throw systemError('ENOTDIR', path);
    return found;
  };
  const nodeAt = (path: string): DiskNode => find(path) ?? fail('ENOENT', path);
  const fileAt = (path: string): FileNode => {
    const node = nodeAt(path);
    return node.kind === 'file' ? node : fail('EINVAL', path);
  };
  const placeOf = (path: string) => ({ directory: directoryAt(dirname(path)), name: basename(path) });
  const add = (what: string, path: string, make: () => DiskNode): void => {
    beforeChange(what);
    const place = placeOf(path);
    if (place.directory.names.has(place.name)) throw systemError('EEXIST', path);
    image.change({ ...place, node: make() });
  };
  const remove = (what: string, path: string): void => {
    beforeChange(what);
    nodeAt(path);
    image.change({ ...placeOf(path), node: undefined });
  };
  const removeTree = (path: string): void => {
    const node = find(path);
    if (node === undefined) return;
    if (node.kind === 'directory') for (const name of [...node.names.keys()]) removeTree(join(path, name));
    remove(`remove ${path}`, path);
  };
  const writeTo = (what: string, file: FileNode, at: number, bytes: Uint8Array): void => {
    beforeChange(what);
    file.unsynced = [...file.unsynced, { at, bytes: Buffer.from(bytes) }];
  };
  const sync = (what: string, file: FileNode): void => {
    beforeChange(what);
    file.synced = contentOf(file);
    file.unsynced = [];
  };
  const syncDirectory = (path: string): void => {
    beforeChange(`sync directory ${path}`);
    image.syncNames(directoryAt(path));
  };
  const rename = (path: string, newPath: string): void => {
    beforeChange(`rename ${path} to ${newPath}`);
    const node = nodeAt(path);
    const there = find(newPath);
    if (there?.kind === 'directory' && there.names.size > 0) throw systemError('ENOTEMPTY', newPath);
    image.change({ ...placeOf(path), node: undefined }, { ...placeOf(newPath), node });
  };

  const disk: Disk = {
    async create(path) {
      const file = image.file();
      add(`create ${path}`, path, () => file);
      return {
        write: async (bytes) => writeTo(`write ${path}`, file, contentOf(file).length, bytes),
        sync: async () => sync(`sync ${path}`, file),
        close: async () => undefined,
      };
    },
    link: async (path, newPath) => add(`link ${path} to ${newPath}`, newPath, () => nodeAt(path)),
    rename: async (path, newPath) => rename(path, newPath),
    unlink: async (path) => {
      if (find(path) === undefined) throw systemError('ENOENT', path);
      remove(`unlink ${path}`, path);
    },
    symlink: async (target, path) => add(`symlink ${path}`, path, () => image.link(target)),
    mkdir: async (path) => add(`mkdir ${path}`, path, () => image.directory()),
    removeTree: async (path) => removeTree(path),
    syncDirectory: async (path) => syncDirectory(path),
    look: async (path) => {
      const node = find(path);
      return (
        node && {
          kind: node.kind === 'link' ? 'other' : node.kind,
          id: String(node.id),
          size: node.kind === 'file' ? contentOf(node).length : 0,
          // Hardly ever asked for, and the whole disk is searched for it.
          get links() {
            return namesOf(image.root, node);
          },
          modifiedAt: 0,
        }
      );
    },
    names: async (path) => {
      const node = find(path);
      return node?.kind === 'directory' ? [...node.names.keys()] : [];
    },
    readLink: async (path) => {
      const node = find(path);
      return node?.kind === 'link' ? node.target : undefined;
    },
    async *read(path) {
      const content = contentOf(fileAt(path));
      if (content.length > 0) yield content;
    },
    space: async () => ({ total: 1e9, free: 1e9 }),
  };

  /** The same steps that the real one takes. */
  const bootDisk: BootDisk = {
    read: (path, limit) => {
      const node = find(path);
      return node?.kind === 'file' ? contentOf(node).toString('latin1', 0, limit) : undefined;
    },
    replace: (path, text) => {
      const directory = dirname(path);
      const made = find(directory) === undefined;
      if (made) add(`mkdir ${directory}`, directory, () => image.directory());
      const temporary = join(directory, '.boot.new');
      if (find(temporary) !== undefined) remove(`unlink ${temporary}`, temporary);
      const file = image.file();
      add(`create ${temporary}`, temporary, () => file);
      writeTo(`write ${temporary}`, file, 0, Buffer.from(text, 'latin1'));
      sync(`sync ${temporary}`, file);
      rename(temporary, path);
      syncDirectory(directory);
      if (made) syncDirectory(dirname(directory));
    },
    patch: (path, offset, text) => {
      const file = fileAt(path);
      writeTo(`patch ${path}`, file, offset, Buffer.from(text, 'latin1'));
      sync(`sync ${path}`, file);
    },
  };
  return { disk, bootDisk };
}

function namesOf(directory: DirectoryNode, wanted: DiskNode): number {
  let count = 0;
  for (const node of directory.names.values()) {
    if (node === wanted) count += 1;
    else if (node.kind === 'directory') count += namesOf(node, wanted);
  }
  return count;
}

function fail(code: string, path: string): never {
  throw systemError(code, path);
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
