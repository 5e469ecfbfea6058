/** What a container sees of the run directory and the metadata (storage §8).
 *
 *  All containers with the role `mgmt` share one directory, `<run-dir>/shown`: what is put into it later, such as
 *  metadata of a container that is new, they see at once. Their own sockets are bound into it at `.door`, where links in
 *  the shared directory lead to. Every other container has nothing but its own parts. */

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Layout, metadataDir, shareDir, shownDir } from '../../machines/domain/layout.ts';
import {
  MAX_STORED_BYTES,
  METADATA_KINDS,
  type MetadataKind,
  shareOf,
} from '../../machines/domain/metadata.ts';
import { READY_FIFO } from '../control/ready-fifos.ts';
import { errnoOf } from './kernel-error.ts';
import type { Bind } from './lxc-config.ts';

/** Of the door, as links in the shared directory name them. */
const SOCKETS = ['pv-ctrl', READY_FIFO] as const;
const DOOR = '.door';

/** For containers with the role `mgmt`. */
export function bindsOfAll(layout: Layout, door: string): readonly Bind[] {
  const hubConfig = layout.hubConfig ?? `${layout.storage}/config`;
  return [
    shown(shownDir(layout), ''),
    shown(door, `/${DOOR}`),
    shown(`${layout.runDir}/logs`, '/logs'),
    ...METADATA_KINDS.map((kind) => shown(metadataDir(layout, kind), `/${kind}`)),
    ...(isDirectory(hubConfig) ? [shown(hubConfig, '/phconfig')] : []),
  ];
}

/** For all others. */
export function bindsOfOwn(layout: Layout, container: string, door: string, logs: string): readonly Bind[] {
  return [
    shown(door, ''),
    shown(logs, '/logs'),
    ...METADATA_KINDS.map((kind) => shown(shareDir(layout, kind, container), `/${kind}`)),
  ];
}

function shown(source: string, below: string): Bind {
  return { source, target: `pantavisor${below}`, as: 'directory', readOnly: true };
}

/** Makes the shared directory, the directories of the metadata, and links to these for tools on the host. What is there
 *  stays: running containers have it bound. */
export function makeShown(layout: Layout): void {
  if (isShown(layout)) return;
  const shared = shownDir(layout);
  for (const name of [DOOR, 'logs', 'phconfig', ...METADATA_KINDS]) {
    mkdirSync(join(shared, name), { recursive: true });
  }
  for (const name of ['challenge', 'device-id', 'pantahub-host']) {
    makeUnlessThere(() => writeFileSync(join(shared, name), '', { flag: 'wx', mode: 0o444 }));
  }
  for (const name of SOCKETS) makeUnlessThere(() => symlinkSync(join(DOOR, name), join(shared, name)));
  for (const kind of METADATA_KINDS) {
    mkdirSync(metadataDir(layout, kind), { recursive: true, mode: 0o700 });
    const link = join(layout.runDir, kind);
    // One that leads elsewhere is of an earlier configuration.
    if (leadsTo(link) !== undefined) unlinkSync(link);
    makeUnlessThere(() => symlinkSync(metadataDir(layout, kind), link));
  }
}

/** The links are made last. */
function isShown(layout: Layout): boolean {
  return METADATA_KINDS.every((kind) => leadsTo(join(layout.runDir, kind)) === metadataDir(layout, kind));
}

/** Undefined for what is no link. */
function leadsTo(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Makes a container's own part of the metadata, the places in its door for it, and fills it, so that the container's
 *  first process finds what is stored. From then on the store keeps it (`store/metadata.ts`), which may be at it
 *  already: what it has written stays. */
export function makeShares(layout: Layout, container: string, door: string): void {
  for (const name of ['logs', ...METADATA_KINDS]) mkdirSync(join(door, name), { recursive: true });
  for (const kind of METADATA_KINDS) {
    const own = shareDir(layout, kind, container);
    if (mkdirSync(own, { recursive: true }) !== undefined) chmodSync(own, 0o755);
    fillShare(kind, metadataDir(layout, kind), container, own);
  }
}

/** What is no metadata is passed over here; the store complains of it. */
function fillShare(kind: MetadataKind, kept: string, container: string, own: string): void {
  for (const key of namesIn(kept)) {
    const share = shareOf(kind, key);
    if (share?.container !== container) continue;
    const from = lstatSync(join(kept, key), { throwIfNoEntry: false });
    if (from?.isFile() !== true || from.size > MAX_STORED_BYTES) continue;
    const copy = join(own, share.name);
    makeUnlessThere(() => {
      writeFileSync(copy, readFileSync(join(kept, key)), { flag: 'wx' });
      // For every user inside, whatever mask the supervisor was started with.
      chmodSync(copy, 0o644);
    });
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function makeUnlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
