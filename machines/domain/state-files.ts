/** The top-level keys of a state: what each one is (state format §3), which files the revision has and to which
 *  container each belongs (§4). */

import type { JsonNode, JsonObject } from './json-node.ts';
import { pathFault } from './names.ts';
import type { Report } from './problem.ts';
import type { RevisionFile } from './revision.ts';
import { found, quoted } from './shape.ts';

/** Keys with a section of the format to themselves. */
const SPECIAL: ReadonlySet<string> = new Set([
  'device.json',
  'disks.json',
  'disks_v3.json',
  'groups.json',
  'bsp/run.json',
  'bsp/drivers.json',
]);

/** SHA-256 in hexadecimal. */
export const OBJECT_ID_PATTERN = '^[0-9a-fA-F]{64}$';
const OBJECT_ID = new RegExp(OBJECT_ID_PATTERN);

export type StateKey =
  | { readonly kind: 'spec' | 'special' | 'ignored' | 'signature' | 'file' }
  | { readonly kind: 'container' | 'services'; readonly directory: string };

/** First match wins. Names are compared whole (S-32); only a directory of one component that does not start with `_`
 *  holds a container (S-48); only `<dir>/src.json` and `<dir>/build.json` are left out (S-27). */
export function classify(key: string): StateKey {
  if (key === '#spec') return { kind: 'spec' };
  if (SPECIAL.has(key)) return { kind: 'special' };
  if (key.startsWith('_sigs/')) return { kind: 'signature' };
  const slash = key.indexOf('/');
  if (slash <= 0 || key.includes('/', slash + 1)) return { kind: 'file' };
  const directory = key.slice(0, slash);
  const base = key.slice(slash + 1);
  if (base === 'src.json' || base === 'build.json') return { kind: 'ignored' };
  if (directory.startsWith('_')) return { kind: 'file' };
  if (base === 'run.json') return { kind: 'container', directory };
  if (base === 'services.json') return { kind: 'services', directory };
  return { kind: 'file' };
}

export interface StateFiles {
  readonly files: ReadonlyMap<string, RevisionFile>;
  readonly signatures: ReadonlyMap<string, string>;
  /** Second component of `_config/<container>/<path>`. */
  readonly configured: ReadonlySet<string>;
}

/** All files of the state. `text` is the document; its slices are the files that stand in it (state format §25). */
export function readFiles(
  text: string,
  root: JsonObject,
  containers: ReadonlySet<string>,
  displaced: ReadonlySet<string>,
  report: Report,
): StateFiles {
  const files = new Map<string, RevisionFile>();
  const signatures = new Map<string, string>();
  const configured = new Set<string>();
  for (const [key, node] of root.members) {
    const { kind } = classify(key);
    if (kind === 'spec' || displaced.has(key)) continue;
    checkPath(key, node, report);
    if (kind === 'ignored') continue;
    if (kind === 'signature' || isSignature(node)) signatures.set(key, text.slice(node.start, node.end));
    if (kind === 'signature') continue;
    const owner = ownerOf(key, containers);
    const file = fileOf(text, key, node, owner, report);
    if (file !== undefined) files.set(key, file);
    const [first, second, third] = key.split('/', 3);
    if (first === '_config' && second !== undefined && third !== undefined) configured.add(second);
  }
  checkDirectories(root, files, report);
  return { files, signatures, configured };
}

/** The container a path belongs to, by its first component, or by the second below `_config` (state format §4). */
function ownerOf(path: string, containers: ReadonlySet<string>): string | undefined {
  const [first, second] = path.split('/', 2);
  const word = first === '_config' ? second : first;
  return word !== undefined && containers.has(word) ? word : undefined;
}

function fileOf(
  text: string,
  key: string,
  node: JsonNode,
  owner: string | undefined,
  report: Report,
): RevisionFile | undefined {
  if (node.kind === 'string' && OBJECT_ID.test(node.value)) {
    if (/[A-F]/.test(node.value)) {
      const fix = 'Write the id in lower case';
      report.warn(node, '§3', 'the object id has upper-case digits, which no stored object has', fix);
    }
    return { kind: 'object', id: node.value, owner };
  }
  if (key.endsWith('.json')) return { kind: 'json', text: text.slice(node.start, node.end), owner };
  const reason = `expected an object id, found ${found(node)}`;
  report.problem(node, '§3, S-45', reason, 'Write the SHA-256 of the file: 64 hexadecimal digits');
  return undefined;
}

function isSignature(node: JsonNode): boolean {
  const spec = node.kind === 'object' ? node.members.get('#spec') : undefined;
  return spec?.kind === 'string' && spec.value === 'pvs@2';
}

function checkPath(key: string, node: JsonNode, report: Report): void {
  const fault = pathFault(key);
  if (fault === undefined) return;
  report.keyProblem(
    node,
    '§1.1',
    `${quoted(key)} cannot be a file: ${fault}`,
    'Write a relative path such as "dir/file"',
  );
}

/** No path can be a file and a directory. Each directory is looked at once. */
function checkDirectories(root: JsonObject, files: ReadonlyMap<string, RevisionFile>, report: Report): void {
  const seen = new Set<string>();
  for (const path of files.keys()) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const directory = path.slice(0, slash);
      if (seen.has(directory)) break;
      seen.add(directory);
      const node = files.has(directory) ? root.members.get(directory) : undefined;
      if (node === undefined) continue;
      const reason = `${quoted(directory)} is a file, but ${quoted(path)} needs it to be a directory`;
      report.keyProblem(node, '§1.1', reason, 'Rename one of them');
    }
  }
}
