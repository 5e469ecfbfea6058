/** Carries out mount plans on a device and takes them down again (state format §9, storage §6–§7). What is to be
 *  mounted is decided in `machines/domain/mount-plan.ts`; how one mount is made, in the kernel port.
 *
 *  Directories are made and small files read synchronously: that takes microseconds, where every asynchronous call
 *  would queue behind sixteen other containers' starts. Taking down goes by what the kernel says is mounted, not by
 *  memory, so it serves containers that another supervisor mounted. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Mounter } from '../../actors/ports.ts';
import { SupervisorError, toFault } from '../../machines/domain/fault.ts';
import { configCopy, containerDir, type Layout, volumesDir } from '../../machines/domain/layout.ts';
import {
  handlerTargets,
  type MountOptions,
  type MountPlan,
  type MountStep,
  mountPlan,
  mountPoints,
  type UndoStep,
  unmountPlan,
} from '../../machines/domain/mount-plan.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { removeConfigCopy } from './config-files.ts';
import { createDisks, type Disks } from './disks.ts';
import type { Kernel } from './kernel.ts';
import { mountFault } from './mount-faults.ts';
import { isMountPoint } from './mount-points.ts';
import { carryOut } from './mount-steps.ts';
import { mountsBelow, readMountTable } from './mount-table.ts';
import { readRootfs } from './read-rootfs.ts';
import { realLayout } from './real-layout.ts';
import { createTakeDown } from './take-down.ts';

export interface MounterOptions extends MountOptions {
  readonly kernel: Kernel;
  readonly layout: Layout;
  /** The disks of the revision, as all who need them see them. */
  readonly diskMounts?: Disks;
}

export function createMounter(options: MounterOptions): Mounter {
  const { kernel } = options;
  const layout = realLayout(options.layout);
  const takeDown = createTakeDown(kernel, layout);
  const disks = options.diskMounts ?? createDisks({ kernel, layout, disks: options.disks });
  /** Last operation on each container: an aborted mount is undone before the next one begins. */
  const busy = new Map<string, Promise<void>>();

  function inTurn(name: string, operation: () => Promise<void>): Promise<void> {
    const before = busy.get(name);
    const mine = before === undefined ? operation() : before.then(operation, operation);
    const settled = mine.finally(() => {
      if (busy.get(name) === settled) busy.delete(name);
    });
    settled.catch(() => {}); // Told to the caller through the promise that is returned.
    busy.set(name, settled);
    return settled;
  }

  async function mount(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    const plan = planFor(container);
    requireFree(plan);
    for (const [index, step] of plan.steps.entries()) {
      try {
        if (signal.aborted) throw aborted(container.name);
        await carryOut(step, kernel, layout, disks, signal);
      } catch (thrown) {
        const fault = mountFault(container.name, step, signal.aborted ? aborted(container.name) : thrown);
        throw await undone(container.name, plan.steps.slice(0, index + 1), fault);
      }
    }
    if (signal.aborted) throw await undone(container.name, plan.steps, aborted(container.name));
  }

  function planFor(container: ContainerSpec): MountPlan {
    const { name } = container;
    const rootfs =
      container.statusGoal === 'MOUNTED'
        ? ({ kind: 'none' } as const)
        : readRootfs(name, join(containerDir(layout, name), container.config));
    const planned = mountPlan(container, layout, rootfs, options);
    if (planned.ok) return planned.plan;
    const { code, message, ...details } = planned.fault;
    throw new SupervisorError(code, message, details);
  }

  /** Where something is mounted, for all containers that are begun in the same turn. */
  let taken: ReadonlySet<string> | undefined;

  function mountedPlaces(): ReadonlySet<string> {
    if (taken !== undefined) return taken;
    setImmediate(() => {
      taken = undefined;
    });
    taken = new Set(readMountTable().map(({ target }) => target));
    return taken;
  }

  /** A second layer of the same mounts would hide the first one and outlive its unmounting (L-10). */
  function requireFree({ container: name, steps }: MountPlan): void {
    if (!existsSync(volumesDir(layout, name))) return;
    const places = mountedPlaces();
    const present = unmountPlan(steps).find(
      (step) => step.kind !== 'removeConfig' && places.has(step.target),
    );
    if (present === undefined) return;
    throw new SupervisorError(
      'MOUNT_FAILED',
      `mounting ${name}: ${present.target} is already mounted (EBUSY)`,
      {
        subject: name,
        errno: 'EBUSY',
        fix: 'Unmount it, or find out what else uses the volumes directory.',
      },
    );
  }

  /** Undoes in reverse, the failed step too: it may be half done. Returns what to throw. */
  async function undone(name: string, steps: readonly MountStep[], fault: unknown): Promise<unknown> {
    const left: unknown[] = [];
    for (const step of unmountPlan(steps)) {
      try {
        await undo(name, step);
      } catch (thrown) {
        left.push(thrown);
      }
    }
    if (left.length === 0) return fault;
    const reasons = [fault, ...left].map((thrown) => toFault(thrown).message);
    const message = reasons.join('; undoing it failed too: ');
    const { errno, fix } = toFault(fault);
    return new SupervisorError('MOUNT_FAILED', message, {
      subject: name,
      ...(errno === undefined ? {} : { errno }),
      ...(fix === undefined ? {} : { fix }),
      cause: [fault, ...left],
    });
  }

  async function undo(name: string, step: UndoStep): Promise<void> {
    switch (step.kind) {
      case 'unmount':
        return takeDown.mount(name, step.target);
      case 'handler':
        return takeDown.byHandler(name, step.command, step.target);
      case 'removeConfig':
        return removeConfigCopy(step.target);
      default:
        return step satisfies never;
    }
  }

  async function unmount(container: ContainerSpec): Promise<void> {
    const { name } = container;
    const handlers = handlerTargets(container, layout, options);
    const takeAway = async (targets: readonly string[]): Promise<void> => {
      for (const target of targets.toReversed()) {
        const command = handlers.get(target);
        if (command === undefined) await takeDown.mount(name, target);
        else if (isMountPoint(target)) await takeDown.byHandler(name, command, target);
      }
    };
    const points = mountPoints(container, layout);
    // A tree brings along what is mounted below it; such mounts stand in the kernel's table only.
    const hasTree = container.volumes.some((volume) => volume.kind === 'image' && volume.format === 'data');
    if (!hasTree) await takeAway(points);
    if (hasTree || points.some(isMountPoint)) {
      await takeAway(mountsBelow(readMountTable(), volumesDir(layout, name)).map(({ target }) => target));
    }
    removeConfigCopy(configCopy(layout, name));
  }

  return {
    mount: (container, signal) => inTurn(container.name, () => mount(container, signal)),
    unmount: (container) => inTurn(container.name, () => unmount(container)),
    sweep: (keep) => takeDown.leftovers(keep),
  };
}

function aborted(container: string): SupervisorError {
  return new SupervisorError('MOUNT_FAILED', `mounting ${container}: given up on request`, {
    subject: container,
  });
}
