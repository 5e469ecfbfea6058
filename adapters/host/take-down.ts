/** Takes mounts down, one by one or all that an earlier supervisor left. Goes by the kernel's table, not by memory. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  configCopy,
  containerDir,
  handlerProgram,
  type Layout,
  trailsDir,
} from '../../machines/domain/layout.ts';
import type { Command } from '../../machines/domain/mount-plan.ts';
import { removeConfigCopy } from './config-files.ts';
import type { Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';
import { readLoopDevices } from './loop-devices.ts';
import { unmountFault } from './mount-faults.ts';
import { isMountPoint } from './mount-points.ts';
import { mountsBelow, readMountTable } from './mount-table.ts';
import { runHandler } from './volume-handler.ts';

/** How `dm` handlers name what they mount (storage §6.1). */
const VERITY_DEVICE = '/dev/mapper/pv--dmverity--';
/** Volumes of the BSP lie beside the containers' and outlive them. */
const BSP = 'bsp';

/** What is not mounted is passed over. `name` is the container, for the message. */
export interface TakeDown {
  /** @throws UNMOUNT_FAILED */
  mount(name: string, target: string): Promise<void>;
  /** The handler also closes devices, so it runs even when nothing is mounted; then its failure says nothing.
   *  @throws UNMOUNT_FAILED */
  byHandler(name: string, command: Command, target: string): Promise<void>;
  /** Everything of containers not in `keep`: mounts, loop devices, copies of additional files.
   *  @throws UNMOUNT_FAILED */
  leftovers(keep: ReadonlySet<string>): Promise<void>;
}

export function createTakeDown(kernel: Kernel, layout: Layout): TakeDown {
  async function mount(name: string, target: string): Promise<void> {
    // umount(2) follows links, also those that a container left in a volume.
    if (!isMountPoint(target)) return;
    try {
      await kernel.unmount(target);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno !== 'EINVAL' && errno !== 'ENOENT') throw unmountFault(name, target, thrown);
    }
  }

  async function byHandler(name: string, command: Command, target: string): Promise<void> {
    try {
      await runHandler(layout, command, 'UNMOUNT_FAILED');
    } catch (thrown) {
      if (isMountPoint(target)) throw unmountFault(name, target, thrown);
    }
  }

  async function leftovers(keep: ReadonlySet<string>): Promise<void> {
    for (const { source, target } of mountsBelow(readMountTable(), layout.volumes).toReversed()) {
      const [owner = '', ...volume] = target.slice(layout.volumes.length + 1).split('/');
      if (owner === '' || owner === BSP || keep.has(owner)) continue;
      if (source.startsWith(VERITY_DEVICE)) {
        const file = volume.join('/');
        const image = join(containerDir(layout, owner), file);
        const command: Command = [handlerProgram(layout, 'dm'), 'umount', image, owner, file];
        await byHandler(owner, command, target);
      } else {
        await mount(owner, target);
      }
    }
    await freeLoops();
    for (const name of existsSync(layout.configs) ? readdirSync(layout.configs) : []) {
      if (!keep.has(name)) removeConfigCopy(configCopy(layout, name));
    }
  }

  /** Those that free themselves need no help; a handler that died may have left others. */
  async function freeLoops(): Promise<void> {
    const used = new Set(readMountTable().map(({ source }) => source));
    for (const { device, file, autoclear } of readLoopDevices()) {
      if (autoclear || used.has(device) || !file.startsWith(`${trailsDir(layout)}/`)) continue;
      await kernel.detachLoop(device);
    }
  }

  return { mount, byHandler, leftovers };
}
