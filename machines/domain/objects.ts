/** Which objects revisions need, how each file of a revision comes into its trail and is checked there, and which objects
 *  may go (storage §4, §11, §12). Decides only; `adapters/store` carries it out. */

import type { Revision } from './revision.ts';

/** SHA-256 as objects are named: lower case only (control API §6.6). */
export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Containers write their `.bind` files and `.data` directories: a link would let them change the object. */
export function isCopied(key: string): boolean {
  return key.endsWith('.bind') || isInDataDirectory(key);
}

/** Such a directory is the container's once the revision is installed. */
export function isInDataDirectory(key: string): boolean {
  return key.includes('.data/');
}

/** Every value of a state JSON that has the form of an object id, whatever its key; of a text that is no JSON everything
 *  that looks like one, because too much kept does no harm. */
export function objectIdsIn(state: string): ReadonlySet<string> {
  try {
    const value: unknown = JSON.parse(state);
    const values = typeof value === 'object' && value !== null ? Object.values(value) : [];
    return new Set(values.filter((id): id is string => typeof id === 'string' && isObjectId(id)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return new Set(state.match(/\b[0-9a-f]{64}\b/g));
  }
}

/** Keys whose content is not hashed (storage §12): what the kernel checks itself while it reads, the data devices of
 *  dm-verity volumes, and what the boot loader has checked. */
export function unhashedKeys(revision: Revision): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const [key, file] of revision.files) {
    if (/^bsp\/(pantavisor|kernel\.img|fit-image\.its)/.test(key)) keys.add(key);
    const [, container] = /^([^/]+)\/_dm\/[^/]+\.json$/.exec(key) ?? [];
    if (container === undefined || file.kind !== 'json') continue;
    const device = verityData(file.text);
    if (device !== undefined) keys.add(`${container}/${device}`);
  }
  return keys;
}

/** State format §9.4. */
function verityData(manifest: string): string | undefined {
  const value: unknown = JSON.parse(manifest);
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, data_device: device } = value as Readonly<Record<string, unknown>>;
  return type === 'dm-verity' && typeof device === 'string' ? device : undefined;
}

/** Names below `.pv/` that boot loaders look for, and the file of the BSP behind each (storage §9). */
export function bootAssets({ bsp }: Revision): ReadonlyMap<string, string> {
  if (bsp === undefined) return new Map();
  const { boot, addons } = bsp;
  const extra = addons.map((file, index): [string, string] => [`pv-initrd.img.${index}`, file]);
  switch (boot.kind) {
    case 'kernel': {
      const { initrd, linux, fdt } = boot;
      const tree: [string, string][] = fdt === undefined ? [] : [['pv-fdt.dtb', fdt]];
      return new Map([['pv-initrd.img', initrd], ['pv-kernel.img', linux], ...tree, ...extra]);
    }
    case 'fit':
      return new Map([['pantavisor.fit', boot.fit], ...extra]);
    case 'rpiab':
      return new Map([[boot.rpiab.endsWith('.gz') ? 'rpiboot.img.gz' : 'rpiboot.img', boot.rpiab], ...extra]);
    default:
      return boot satisfies never;
  }
}

/** An object of the store. */
export interface StoredObject {
  readonly sha256: string;
  /** How many names the file will have, its own included. */
  readonly links: number;
}

export interface ObjectNeeds {
  /** Object id to the first revision that stays and names it. */
  readonly byRevision: ReadonlyMap<string, string>;
  /** What uploads under way are for. */
  readonly byUpload: ReadonlySet<string>;
}

/** Why the object stays; undefined: it may go. */
export function reasonToKeep({ sha256, links }: StoredObject, needs: ObjectNeeds): string | undefined {
  const revision = needs.byRevision.get(sha256);
  if (revision !== undefined) return `revision ${revision} needs it`;
  if (needs.byUpload.has(sha256)) return 'an upload is under way';
  return links > 1 ? 'it has another name in the file system' : undefined;
}

/** Objects of all the states, each with the first revision that names it. */
export function objectsNeeded(states: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const needed = new Map<string, string>();
  for (const [name, text] of states) {
    for (const id of objectIdsIn(text)) if (!needed.has(id)) needed.set(id, name);
  }
  return needed;
}
