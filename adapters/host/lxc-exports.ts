/** What a container offers to others (storage §8, state format §20): paths of its root file system, bound and shared
 *  at `<exports>/<container>/<path>` before it starts, taken away when it has ended.
 *
 *  They show the root file system as the host has it. Stock LXC makes the container's mounts slaves of the host's, so
 *  what the container itself mounts below such a path stays its own. */

import { realpathSync } from 'node:fs';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { exportsDir, type Layout, rootfsDir } from '../../machines/domain/layout.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { run } from './exec.ts';
import type { Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';
import { makeInside } from './mount-points.ts';
import { mountsBelow, readMountTable } from './mount-table.ts';

/** @throws START_FAILED; then nothing stays bound */
export async function bindExports(container: ContainerSpec, layout: Layout, kernel: Kernel): Promise<void> {
  try {
    for (const path of container.exports ?? []) await bindExport(container.name, path, layout, kernel);
  } catch (error) {
    await unbindExports(container, layout, kernel);
    throw error;
  }
}

/** Harmless when nothing is bound. @throws UNMOUNT_FAILED */
export async function unbindExports(container: ContainerSpec, layout: Layout, kernel: Kernel): Promise<void> {
  if ((container.exports ?? []).length === 0) return;
  const directory = exportsDir(layout, container.name);
  for (const { target } of mountsBelow(readMountTable(), directory).toReversed()) {
    try {
      await kernel.unmount(target);
    } catch (error) {
      const errno = errnoOf(error);
      throw new SupervisorError('UNMOUNT_FAILED', `taking away the export ${target} failed: ${errno}`, {
        subject: container.name,
        ...(errno === undefined ? {} : { errno }),
        fix: `Find out what uses it: fuser -vm ${target}`,
        cause: error,
      });
    }
  }
}

async function bindExport(name: string, path: string, layout: Layout, kernel: Kernel): Promise<void> {
  const inside = path.replace(/^\/+|\/+$/g, '');
  const target = `${exportsDir(layout, name)}/${inside}`;
  try {
    const source = insideRoot(rootfsDir(layout, name), inside);
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

/** A link in the root file system must not lead to the host's own files. */
function insideRoot(root: string, inside: string): string {
  const real = realpathSync(`${root}/${inside}`);
  if (real === root || real.startsWith(`${root}/`)) return real;
  throw Object.assign(new Error(`${inside} leads out of the root file system to ${real}`), { code: 'EXDEV' });
}
