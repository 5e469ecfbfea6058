/** What a container offers to others (storage §8, state format §20): paths of its root file system, bound and shared
 *  at `<exports>/<container>/<path>` before it starts, taken away when it has ended.
 *
 *  They show the root file system as the host has it. Stock LXC makes the container's mounts slaves of the host's, so
 *  what the container itself mounts below such a path stays its own. */

import { SupervisorError } from '../../machines/domain/fault.ts';
import { exportsDir, type Layout, rootfsDir, trimSlashes } from '../../machines/domain/layout.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { run } from './exec.ts';
import type { Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';
import { isMountPoint, makeInside } from './mount-points.ts';
import { mountsBelow, readMountTable } from './mount-table.ts';
import { resolveInside } from './resolve-inside.ts';

/** @throws START_FAILED; then nothing stays bound */
export async function bindExports(container: ContainerSpec, layout: Layout, kernel: Kernel): Promise<void> {
  try {
    for (const path of container.exports ?? []) await bindExport(container.name, path, layout, kernel);
  } catch (error) {
    await unbindExports(container, layout, kernel);
    throw error;
  }
}

/** Harmless when nothing is bound. What has been mounted below an export goes with it. @throws UNMOUNT_FAILED */
export async function unbindExports(container: ContainerSpec, layout: Layout, kernel: Kernel): Promise<void> {
  const { name, exports = [] } = container;
  const directory = exportsDir(layout, name);
  const bound = exports.map((path) => `${directory}/${trimSlashes(path)}`).filter(isMountPoint);
  // The table has every mount of the host, so it is read only for those that have exported, and then once.
  if (bound.length === 0) return;
  for (const { target } of mountsBelow(readMountTable(), directory).toReversed()) {
    try {
      await kernel.unmount(target);
    } catch (error) {
      const errno = errnoOf(error);
      throw new SupervisorError('UNMOUNT_FAILED', `taking away the export ${target} failed: ${errno}`, {
        subject: name,
        ...(errno === undefined ? {} : { errno }),
        fix: `Find out what uses it: fuser -vm ${target}`,
        cause: error,
      });
    }
  }
}

async function bindExport(name: string, path: string, layout: Layout, kernel: Kernel): Promise<void> {
  const inside = trimSlashes(path);
  const target = `${exportsDir(layout, name)}/${inside}`;
  try {
    const source = resolveInside(rootfsDir(layout, name), inside);
    // An export may lie inside another one, and that is the container's to write.
    makeInside(exportsDir(layout, name), inside);
    await kernel.bindTree(source, target);
    // So that mounts made below it later reach those who mount from it.
    const shared = await run('mount', ['--make-rshared', target]);
    if (shared.code !== 0) throw new Error(shared.stderr.trim());
  } catch (error) {
    const errno = errnoOf(error);
    throw new SupervisorError(
      'START_FAILED',
      `starting ${name}: exporting ${path} failed: ${errno ?? (error instanceof Error ? error.message : String(error))}`,
      {
        subject: name,
        ...(errno === undefined ? {} : { errno }),
        fix: 'Each entry of "exports" in its run.json must be a directory of its root file system.',
        cause: error,
      },
    );
  }
}
