/** A disk, and what a power cut may leave of it. No paths and no operations here: those are `model-disk.ts`.
 *
 *  The model. Every directory and file has what is on the platter and what is not yet: names that were created, linked,
 *  renamed or removed, and bytes that were written. `sync` of a file brings its bytes there, and no name; the sync of a
 *  directory brings the names in it, and not the directory's own. A power cut brings any of the rest, each on its own:
 *  - a change of a name whole or not at all, a rename with both its ends; later changes also without earlier ones, in
 *    other directories and in the same one. Of two that concern the same name the later one counts.
 *  - bytes that were added to a file not at all, whole, cut short, or as noise of the right length; bytes written over
 *    others are at most one sector, which is the old or the new.
 *  File systems with a journal leave less of this disorder; none leaves more where hardware keeps what it has synced. */

import { createHash } from 'node:crypto';

export interface FileNode {
  readonly kind: 'file';
  readonly id: number;
  synced: Buffer;
  unsynced: readonly Write[];
}

export interface LinkNode {
  readonly kind: 'link';
  readonly id: number;
  readonly target: string;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly id: number;
  /** As running programs see it. */
  readonly names: Map<string, DiskNode>;
  /** As it is on the platter. */
  readonly synced: Map<string, DiskNode>;
}

export type DiskNode = FileNode | LinkNode | DirectoryNode;

interface Write {
  readonly at: number;
  readonly bytes: Buffer;
}

interface NameChange {
  readonly directory: DirectoryNode;
  readonly name: string;
  /** Undefined: the name goes. */
  readonly node: DiskNode | undefined;
  /** The same for both ends of a rename. */
  readonly deed: number;
}

/** Decides what a power cut leaves. */
export interface Fate {
  keepsName(): boolean;
  /** Undefined: nothing of them. `over`: they replace others. */
  bytesLeft(bytes: Buffer, over: boolean): Buffer | undefined;
}

export class DiskImage {
  readonly root: DirectoryNode;
  #pending: NameChange[] = [];
  #next: number;

  constructor(root?: DirectoryNode, next = 1) {
    this.#next = next;
    this.root = root ?? this.directory();
  }

  file(): FileNode {
    return { kind: 'file', id: this.#next++, synced: Buffer.alloc(0), unsynced: [] };
  }

  link(target: string): LinkNode {
    return { kind: 'link', id: this.#next++, target };
  }

  directory(): DirectoryNode {
    return { kind: 'directory', id: this.#next++, names: new Map(), synced: new Map() };
  }

  /** One deed: all of it survives a power cut, or nothing. */
  change(...changes: readonly Omit<NameChange, 'deed'>[]): void {
    const deed = this.#next++;
    for (const change of changes) {
      setName(change.directory.names, change.name, change.node);
      this.#pending.push({ ...change, deed });
    }
  }

  syncNames(directory: DirectoryNode): void {
    const deeds = new Set(this.#pending.flatMap((c) => (c.directory === directory ? [c.deed] : [])));
    this.#bring((deed) => deeds.has(deed));
  }

  /** What another disk is that was in the same state. Nothing of it is shared. */
  copy(): DiskImage {
    const copies = new Map<DiskNode, DiskNode>();
    const copied = new DiskImage(copyNode(this.root, copies) as DirectoryNode, this.#next);
    copied.#pending = this.#pending.map(({ directory, name, node, deed }) => ({
      directory: copyNode(directory, copies) as DirectoryNode,
      name,
      node: node && copyNode(node, copies),
      deed,
    }));
    return copied;
  }

  /** The disk after a power cut. This one is as it was. */
  afterPowerCut(fate: Fate): DiskImage {
    const left = this.copy();
    const kept = new Map<number, boolean>();
    for (const { deed } of left.#pending) if (!kept.has(deed)) kept.set(deed, fate.keepsName());
    left.#bring((deed) => kept.get(deed) === true);
    left.#pending = [];
    forget(left.root, fate, new Set());
    return left;
  }

  /** The same for disks that no program can tell apart. */
  fingerprint(): string {
    const hash = createHash('sha256');
    const numbers = new Map<DiskNode, number>();
    const add = (node: DiskNode, path: string): void => {
      const number = numbers.get(node) ?? numbers.size;
      hash.update(`${path}\0${node.kind}\0${number}\0`);
      if (numbers.has(node)) return;
      numbers.set(node, number);
      if (node.kind === 'file') hash.update(contentOf(node));
      else if (node.kind === 'link') hash.update(node.target);
      else
        for (const name of [...node.names.keys()].sort())
          add(node.names.get(name) as DiskNode, `${path}/${name}`);
    };
    add(this.root, '');
    return hash.digest('hex');
  }

  #bring(isKept: (deed: number) => boolean): void {
    for (const { directory, name, node, deed } of this.#pending) {
      if (isKept(deed)) setName(directory.synced, name, node);
    }
    this.#pending = this.#pending.filter(({ deed }) => !isKept(deed));
  }
}

export function contentOf({ synced, unsynced }: FileNode): Buffer {
  return unsynced.reduce(written, synced);
}

function written(before: Buffer, { at, bytes }: Write): Buffer {
  const after = Buffer.alloc(Math.max(before.length, at + bytes.length));
  before.copy(after);
  bytes.copy(after, at);
  return after;
}

function setName(names: Map<string, DiskNode>, name: string, node: DiskNode | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function copyNode(node: DiskNode, copies: Map<DiskNode, DiskNode>): DiskNode {
  const known = copies.get(node);
  if (known !== undefined) return known;
  if (node.kind !== 'directory') {
    const copy = { ...node };
    copies.set(node, copy);
    return copy;
  }
  const copy: DirectoryNode = { ...node, names: new Map(), synced: new Map() };
  copies.set(node, copy);
  for (const side of ['names', 'synced'] as const) {
    for (const [name, entry] of node[side]) copy[side].set(name, copyNode(entry, copies));
  }
  return copy;
}

/** Nothing but the platter is left. */
function forget(node: DiskNode, fate: Fate, seen: Set<DiskNode>): void {
  if (seen.has(node) || node.kind === 'link') return;
  seen.add(node);
  if (node.kind === 'file') {
    const left = node.unsynced.flatMap(({ at, bytes }) => {
      const part = fate.bytesLeft(bytes, at < node.synced.length);
      return part === undefined ? [] : [{ at, bytes: part }];
    });
    node.synced = left.reduce(written, node.synced);
    node.unsynced = [];
    return;
  }
  node.names.clear();
  for (const [name, entry] of node.synced) {
    node.names.set(name, entry);
    forget(entry, fate, seen);
  }
}
