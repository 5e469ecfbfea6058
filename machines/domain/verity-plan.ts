/** The manifest of a verified image, `<container>/_dm/<image>.json` → what to open (state format §9.4). */

import { containerDir, type Layout } from './layout.ts';
import { relativePathFault } from './names.ts';

export interface VerityPlan {
  /** Name of the opened device below /dev/mapper. */
  readonly mapping: string;
  readonly data: string;
  readonly hash: string;
  readonly rootHash: string;
}

/** File of the manifest. */
export function verityManifest(layout: Layout, owner: string, image: string): string {
  return `${containerDir(layout, owner)}/_dm/${image}.json`;
}

/** The same for all images of that name: extensions do not count. */
export function verityMapping(owner: string, image: string): string {
  return `pv--dmverity--${owner}-${image.replace(/\.[^./]*$/, '').replaceAll('/', '-')}`;
}

/** A text is why the manifest cannot be followed. */
export function verityPlan(
  layout: Layout,
  owner: string,
  image: string,
  manifest: unknown,
): VerityPlan | string {
  if (typeof manifest !== 'object' || manifest === null) return 'it is no object';
  const { type, data_device, hash_device, root_hash } = manifest as Readonly<Record<string, unknown>>;
  if (type !== 'dm-verity') return `its type is ${JSON.stringify(type)}, not "dm-verity"`;
  const paths: string[] = [];
  for (const [key, path] of [
    ['data_device', data_device],
    ['hash_device', hash_device],
  ] as const) {
    if (typeof path !== 'string') return `"${key}" names no file`;
    const fault = relativePathFault(path);
    if (fault !== undefined) return `"${key}": ${fault}`;
    paths.push(`${containerDir(layout, owner)}/${path}`);
  }
  if (typeof root_hash !== 'string' || !/^([0-9a-f]{2}){16,64}$/i.test(root_hash)) {
    return '"root_hash" is no hash in hexadecimal digits';
  }
  const [data = '', hash = ''] = paths;
  return { mapping: verityMapping(owner, image), data, hash, rootHash: root_hash };
}
