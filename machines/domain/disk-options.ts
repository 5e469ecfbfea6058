/** What the texts of a disk say, taken apart: options, sizes and places (state format §14.2). What becomes of them is in
 *  `disk-plan.ts`. */

import type { Layout } from './layout.ts';
import type { DiskSpec } from './revision.ts';

/** What cannot be planned: a reason that fits behind `disk "x": `, and what to do. */
export interface Refused {
  readonly reason: string;
  readonly fix: string;
}

/** A compressed disk in memory. `attributes` are written in this order, the size last. */
export interface Zram {
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

const PLAIN_ATTRIBUTES: readonly string[] = ['comp_algorithm', 'max_comp_streams', 'mem_limit'];

export function zramOf(disk: DiskSpec): Zram | Refused {
  const options = optionsOf(disk.provisionOptions);
  const strange = [...options.keys()].find((key) => key !== 'disksize' && !PLAIN_ATTRIBUTES.includes(key));
  const fix = 'Write "provision_options": "disksize=64M comp_algorithm=lz4".';
  if (strange !== undefined) return { reason: `zram has no option "${strange}"`, fix };
  const size = options.get('disksize') ?? '';
  if (sizeOf(size) === undefined) return { reason: `zram needs a disksize, and "${size}" is none`, fix };
  const plain = PLAIN_ATTRIBUTES.flatMap((key): [string, string][] => {
    const value = options.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  return { attributes: [...plain, ['disksize', size]] };
}

/** Below this there is neither a file system nor swap. */
const SMALLEST_BYTES = 1024 * 1024;

export function fileOf(
  disk: DiskSpec,
  layout: Layout,
  otherwise: string,
): { readonly path: string; readonly sizeBytes: number } | Refused {
  if (disk.provision !== 'file') {
    const fix = 'Write "zram" or "file", or leave "provision" out.';
    return { reason: `there is no provision "${disk.provision}"`, fix };
  }
  const size = optionsOf(disk.provisionOptions).get('size') ?? '';
  const sizeBytes = sizeOf(size);
  if (sizeBytes === undefined || sizeBytes < SMALLEST_BYTES) {
    const fix = 'Write "provision_options": "size=64M".';
    return { reason: `a file needs a size of at least 1M, and "${size}" is none`, fix };
  }
  const path = disk.path === undefined ? otherwise : placeOf(disk.path, layout);
  return typeof path === 'string' ? { path, sizeBytes } : path;
}

/** A path of the state on this host. */
export function placeOf(path: string, layout: Layout): string | Refused {
  if (path.split('/').includes('..') || path === '') {
    return { reason: `"${path}" is no path that can be followed`, fix: 'Write it without "..".' };
  }
  if (path === '/storage' || path.startsWith('/storage/')) {
    return layout.storage + path.slice('/storage'.length);
  }
  return path.startsWith('/') ? path : `${layout.storage}/${path}`;
}

/** Words of a command line. */
export function argumentsOf(text = ''): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Words of a list, parted by blanks or commas. */
export function words(text = ''): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

function optionsOf(text: string | undefined): ReadonlyMap<string, string> {
  return new Map(
    words(text).map((word): [string, string] => {
      const equals = word.indexOf('=');
      return equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}

/** Bytes; K, M, G and T are powers of 1024. */
export function sizeOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,12})([KMGT]?)$/i.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0) return undefined;
  return Number(digits) * 1024 ** ('KMGT'.indexOf(unit.toUpperCase() || ' ') + 1);
}
