/** Builds an example into a directory: a state JSON and its objects, as `statevisor run --storage` takes them.
 *  An example's folder mirrors its revision: `*.json` goes inline, `<container>/root/` becomes the image
 *  `root.squashfs`, every other file becomes an object. `scenario.yaml` is no part of it: it tells the simulator how the
 *  containers behave, and is put beside the state. What else goes into an image is in `image.ts`. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildImage, type ImageSource, imageRecipe } from './image.ts';

const EXAMPLES = fileURLToPath(new URL('.', import.meta.url));

export const EXAMPLE_NAMES = ['quickstart', 'crash-loop', 'custom-groups'] as const;
export type ExampleName = (typeof EXAMPLE_NAMES)[number];

export interface BuildOptions {
  /** `none`: images are named by the digest of their recipe and not made; enough for the simulator, needs no tools. */
  readonly images: 'squashfs' | 'none';
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Builds `name` below `directory` and gives the path of its `state.json`, which is written last. */
export function buildExample(name: ExampleName, directory: string, { images }: BuildOptions): string {
  const source = join(EXAMPLES, name);
  const objects = join(directory, 'objects');
  mkdirSync(objects, { recursive: true });
  const state: Record<string, Json> = { '#spec': 'pantavisor-service-system@1' };
  for (const path of revisionFiles(source)) {
    const bytes = readFileSync(join(source, path));
    state[path] = path.endsWith('.json')
      ? (JSON.parse(bytes.toString()) as Json)
      : storeObject(objects, bytes);
  }
  for (const image of imagesOf(source, state)) {
    const bytes = images === 'squashfs' ? buildImage(image) : undefined;
    state[`${image.container}/root.squashfs`] =
      bytes === undefined ? digestOf(imageRecipe(image)) : storeObject(objects, bytes);
  }
  write(join(directory, 'scenario.yaml'), readFileSync(join(source, 'scenario.yaml')));
  const file = join(directory, 'state.json');
  write(file, canonical(state));
  return file;
}

/** Keys of the revision that are files of the example as they are. */
function revisionFiles(source: string): string[] {
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1))
    .filter((path) => (path.includes('/') ? path.split('/')[1] !== 'root' : path === 'device.json'))
    .sort();
}

function imagesOf(source: string, state: Readonly<Record<string, Json>>): ImageSource[] {
  return Object.entries(state)
    .filter(([path]) => /^[^/]+\/run\.json$/.test(path))
    .map(([path, run]) => {
      const container = path.split('/')[0] ?? '';
      return { container, root: join(source, container, 'root'), signals: goalOf(run, state) === 'READY' };
    });
}

/** What the example says of the container's goal, itself or through its group. */
function goalOf(run: Json | undefined, state: Readonly<Record<string, Json>>): Json | undefined {
  const { status_goal: own, group } = run as { status_goal?: Json; group?: Json };
  const device = state['device.json'] as { groups?: { name: Json; status_goal: Json }[] } | undefined;
  return own ?? device?.groups?.find((candidate) => candidate.name === group)?.status_goal;
}

function storeObject(objects: string, bytes: Uint8Array): string {
  const id = digestOf(bytes);
  write(join(objects, id), bytes);
  return id;
}

function digestOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A running supervisor may have the file mounted: never write into it, replace it. */
function write(file: string, bytes: string | Uint8Array): void {
  writeFileSync(`${file}.new`, bytes, { mode: 0o644 });
  renameSync(`${file}.new`, file);
}

/** State format §1.2: keys by byte value, no white space. */
function canonical(value: Json): string {
  return JSON.stringify(value, (_key, part: Json) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
