/** What one disk takes: making it ready, mounting it or swapping on it, and each step of taking it down. Order, and who
 *  waits for whom, are `disk-work.ts`'s. */

import { existsSync } from 'node:fs';
import type { DiskPlan, FileSystem, SimplePlan, SwapPlan } from '../../machines/domain/disk-plan.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { Crypt } from './crypt.ts';
import { makeComplete } from './disk-files.ts';
import type { DownStep } from './disk-records.ts';
import { fileFault, type Tool, type ToolUse } from './disk-tools.ts';
import type { Kernel } from './kernel.ts';
import { isMountPoint, makeInside } from './mount-points.ts';
import { readMountTable } from './mount-table.ts';
import { isSwapping, prepareSwap, swapOn } from './swap.ts';
import type { TakeDown } from './take-down.ts';
import { addZram, removeZram, setUpZram } from './zram.ts';

export interface DiskSteps {
  /** What is mounted or swapped on; a device in memory is made here. @throws MOUNT_FAILED */
  source(plan: SimplePlan | SwapPlan): string;
  /** How the disk is taken down, whole or half made. */
  down(plan: DiskPlan, source: string): readonly DownStep[];
  /** @throws MOUNT_FAILED */
  make(plan: DiskPlan, source: string, create: boolean): Promise<void>;
  /** Whether there is something on it already. */
  exists(plan: SimplePlan): boolean;
  /** What is not there is passed over. @throws UNMOUNT_FAILED */
  undo(name: string, step: DownStep): Promise<void>;
}

export interface DiskStepsOptions {
  readonly kernel: Kernel;
  readonly tool: Tool;
  readonly crypt: Crypt;
  readonly takeDown: TakeDown;
}

export function createDiskSteps({ kernel, tool, crypt, takeDown }: DiskStepsOptions): DiskSteps {
  function source(plan: SimplePlan | SwapPlan): string {
    switch (plan.kind) {
      case 'bind':
        return plan.source;
      case 'image':
        return plan.file;
      case 'crypt':
        return plan.image;
      case 'zram':
        return addZram(plan.name);
      case 'swap':
        return plan.place.kind === 'zram' ? addZram(plan.name) : plan.place.path;
      default:
        return plan satisfies never;
    }
  }

  function down(plan: DiskPlan, device: string): readonly DownStep[] {
    switch (plan.kind) {
      case 'bind':
      case 'dual':
        return [{ kind: 'unbind', target: plan.target }];
      case 'image':
        return [{ kind: 'unmount', target: plan.target }];
      case 'zram':
        return [
          { kind: 'unmount', target: plan.target },
          { kind: 'removeZram', device },
        ];
      case 'swap':
        return [
          { kind: 'swapOff', device },
          ...(plan.place.kind === 'zram' ? [{ kind: 'removeZram' as const, device }] : []),
        ];
      case 'crypt':
        return crypt.down(plan);
      default:
        return plan satisfies never;
    }
  }

  async function make(plan: DiskPlan, source: string, create: boolean): Promise<void> {
    const { name } = plan;
    if (plan.kind !== 'swap') makeInside(plan.target, '');
    switch (plan.kind) {
      case 'bind':
        makeInside(source, '');
        return kernel.bind(source, plan.target);
      case 'image':
        await makeImage(plan);
        return mountOn(name, plan.fileSystem, source, plan.target, ['loop']);
      case 'zram': {
        const { type, formatOptions } = plan.fileSystem;
        setUpZram(name, source, plan.zram);
        await tool(useOf(name), `mkfs.${type}`, '-q', '-F', ...formatOptions, source);
        return mountOn(name, plan.fileSystem, source, plan.target, []);
      }
      case 'swap':
        if (plan.place.kind === 'zram') setUpZram(name, source, plan.place.zram);
        await prepareSwap(plan, source, tool);
        return swapOn(plan, source, tool);
      case 'crypt':
        return crypt.mount(plan, create);
      case 'dual':
        return kernel.bind(source, plan.target);
      default:
        return plan satisfies never;
    }
  }

  async function mountOn(
    name: string,
    { type, mountOptions }: FileSystem,
    source: string,
    target: string,
    more: readonly string[],
  ): Promise<void> {
    const options = [...more, ...mountOptions].join(',');
    await tool(useOf(name), 'mount', '-t', type, ...(options === '' ? [] : ['-o', options]), source, target);
  }

  /** Sparse: space is taken as it is written. */
  async function makeImage({ name, file, sizeBytes, fileSystem }: SimplePlan & { kind: 'image' }) {
    if (existsSync(file)) return;
    try {
      await makeComplete(file, async (fresh, handle) => {
        await handle.truncate(sizeBytes);
        const { type, formatOptions } = fileSystem;
        await tool(useOf(name), `mkfs.${type}`, '-q', '-F', ...formatOptions, fresh);
      });
    } catch (error) {
      throw fileFault(name, `making ${file} of ${sizeBytes} bytes`, error);
    }
  }

  function exists(plan: SimplePlan): boolean {
    switch (plan.kind) {
      case 'bind':
        return existsSync(plan.source);
      case 'image':
        return existsSync(plan.file);
      case 'zram':
        return isMountPoint(plan.target);
      case 'crypt':
        return crypt.exists(plan);
      default:
        return plan satisfies never;
    }
  }

  async function undo(name: string, step: DownStep): Promise<void> {
    const use = { subject: name, what: `taking down disk "${name}"`, code: 'UNMOUNT_FAILED' } as const;
    switch (step.kind) {
      case 'unmount':
        requireUnused(name, step.target);
        return takeDown.mount(`disk "${name}"`, step.target);
      case 'unbind':
        return takeDown.mount(`disk "${name}"`, step.target);
      case 'swapOff':
        if (isSwapping(step.device)) await tool(use, 'swapoff', step.device);
        return;
      case 'closeMapping':
        return crypt.close(step.mapping);
      case 'removeZram':
        return removeZram(name, step.device);
      case 'script': {
        const [script, ...args] = step.command;
        if (isMountPoint(step.target)) await tool(use, script, ...args);
        return;
      }
      default:
        return step satisfies never;
    }
  }

  return { source, down, make, exists, undo };
}

/** The kernel would let a disk go whose volumes are still bound, and they would keep its device: mounted again, two would
 *  write to it. */
function requireUnused(name: string, place: string): void {
  const table = readMountTable();
  const device = table.findLast(({ target }) => target === place)?.source;
  if (device === undefined) return;
  const users = table.filter(({ source, target }) => source === device && target !== place);
  if (users.length === 0) return;
  const where = users.map(({ target }) => target).join(', ');
  throw new SupervisorError('UNMOUNT_FAILED', `disk "${name}" is still seen on ${where} (EBUSY)`, {
    subject: name,
    errno: 'EBUSY',
    fix: 'Stop the containers that have its volumes first.',
  });
}

function useOf(name: string): ToolUse {
  return { subject: name, what: `disk "${name}"` };
}
