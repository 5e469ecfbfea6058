/** Carries out one step of a mount plan: makes its directories, then calls kernel, copier or handler. What a failure
 *  means is said in `mount-faults.ts`; order and undoing are `mounter.ts`'s. */

import { chmodSync, closeSync, mkdirSync, openSync, rm } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { type Layout, trimSlashes } from '../../machines/domain/layout.ts';
import type { MountStep } from '../../machines/domain/mount-plan.ts';
import { refreshConfigCopy } from './config-files.ts';
import type { Disks } from './disks.ts';
import type { Kernel } from './kernel.ts';
import { isMountPoint, makeInside, unlinked } from './mount-points.ts';
import { runHandler } from './volume-handler.ts';

export async function carryOut(
  step: MountStep,
  kernel: Kernel,
  layout: Layout,
  disks: Disks,
  signal: AbortSignal,
): Promise<void> {
  switch (step.kind) {
    case 'image':
      makePlace(step.target, step.volume);
      return kernel.mountImage(step.source, step.target, step.fsType);
    case 'bindFile':
      makeFile(step.target, step.volume);
      return kernel.bind(step.source, step.target);
    case 'bindTree':
      makePlace(step.target, step.volume);
      return kernel.bindTree(step.source, step.target);
    case 'handler':
      makePlace(step.target, step.volume);
      return handle(step, layout, signal);
    case 'disk':
      return disks.ensure(step.disk);
    case 'storage':
      makePlace(step.source, step.volume);
      if (step.wipe) {
        await empty(step.source);
        makePlace(step.source, step.volume);
      }
      makePlace(step.target, step.volume);
      return kernel.bind(step.source, step.target);
    case 'tmpfs':
      makePlace(step.target, step.volume);
      return kernel.mount('tmpfs', step.target, 'tmpfs', { data: 'mode=0755' });
    case 'config':
      return refreshConfigCopy(step.source, step.target);
    case 'overlay':
      // Only the last component: a missing parent is a volume that the container lacks.
      makeLastDirectory(step.upper);
      makeLastDirectory(step.work);
      makeInside(step.target, '');
      return kernel.mount('overlay', step.target, 'overlay', { data: overlayData(step) });
    case 'rootDirectory':
      makeInside(step.target, '');
      return kernel.bind(step.source, step.target);
    default:
      return step satisfies never;
  }
}

async function handle(
  step: MountStep & { kind: 'handler' },
  layout: Layout,
  signal: AbortSignal,
): Promise<void> {
  await runHandler(layout, step.mount, 'MOUNT_FAILED', signal);
  if (isMountPoint(step.target)) return;
  throw new SupervisorError(
    'MOUNT_FAILED',
    `${step.mount[0]} succeeded but mounted nothing on ${step.target}`,
    {
      subject: step.volume,
      fix: 'Let the handler mount below PV_DISK_VOLDIR.',
    },
  );
}

/** `path` ends in the name of the volume, which may have several components. */
function makePlace(path: string, volume: string): void {
  const inside = trimSlashes(volume);
  makeInside(path.slice(0, -inside.length - 1), inside);
}

function makeLastDirectory(path: string): void {
  if (unlinked(path) !== undefined) return;
  mkdirSync(path);
  chmodSync(path, 0o755);
}

function makeFile(path: string, volume: string): void {
  const inside = trimSlashes(volume);
  makeInside(path.slice(0, -inside.length - 1), dirname(inside) === '.' ? '' : dirname(inside));
  if (unlinked(path) === undefined) closeSync(openSync(path, 'ax', 0o644));
}

async function empty(directory: string): Promise<void> {
  await promisify(rm)(directory, { recursive: true, force: true });
}

/** Colon, comma and backslash separate layers and options. */
function overlayData({ lowers, upper, work }: MountStep & { kind: 'overlay' }): string {
  const escaped = (path: string) => path.replace(/[\\:,]/g, '\\$&');
  const lower = lowers.map(escaped).join(':');
  // Only lower layers are a list: elsewhere a colon is a character like any other.
  const plain = (path: string) => path.replace(/[\\,]/g, '\\$&');
  return `lowerdir=${lower},upperdir=${plain(upper)},workdir=${plain(work)}`;
}
