/** Puts disks up and takes them down (storage §10). What is to be done is planned in `machines/domain/disk-plan.ts`; what
 *  one disk takes is in `disk-steps.ts`. Here are order, undoing and who waits for whom.
 *
 *  A disk is up when the kernel says so: the place is a mount point, the device is swapped on. */

import { type DiskPlan, diskPlan, type PlannedDisk } from '../../machines/domain/disk-plan.ts';
import { type Fault, SupervisorError, toFault } from '../../machines/domain/fault.ts';
import { createCrypt } from './crypt.ts';
import { type DiskRecord, type DownStep, openDiskRecords } from './disk-records.ts';
import { createDiskSteps } from './disk-steps.ts';
import { createTool } from './disk-tools.ts';
import type { Disks, DisksOptions } from './disks.ts';
import { fillDual, type InnerDisks } from './dual.ts';
import { isMountPoint } from './mount-points.ts';
import { isSwapping } from './swap.ts';
import { createTakeDown } from './take-down.ts';

export function openDisks({ kernel, layout, disks, complain, searchPath, mapper }: DisksOptions): Disks {
  const tool = createTool(searchPath);
  const records = openDiskRecords(layout);
  const steps = createDiskSteps({
    kernel,
    tool,
    crypt: createCrypt(tool, mapper),
    takeDown: createTakeDown(kernel, layout),
  });
  /** Last operation on each disk. */
  const busy = new Map<string, Promise<void>>();

  function inTurn(name: string, operation: () => Promise<void>): Promise<void> {
    const before = busy.get(name) ?? Promise.resolve();
    const mine = before.then(operation, operation);
    busy.set(name, mine);
    const forget = () => {
      if (busy.get(name) === mine) busy.delete(name);
    };
    mine.then(forget, forget);
    return mine;
  }

  function planned(name: string): PlannedDisk & { ok: true } {
    const spec = disks.find((disk) => disk.name === name);
    if (spec === undefined) {
      throw new SupervisorError('MOUNT_FAILED', `disk "${name}" is not defined`, {
        subject: name,
        fix: 'Define it in device.json.',
      });
    }
    const plan = diskPlan(spec, layout, disks);
    if (plan.ok) return plan;
    const { code, message, ...details } = plan.fault;
    throw new SupervisorError(code, message, details);
  }

  async function ensure(name: string): Promise<void> {
    const { plan, remarks } = planned(name);
    return inTurn(name, async () => {
      if (isUp(plan)) return;
      for (const message of remarks) {
        complain?.({ code: 'UNSUPPORTED', message, subject: name, fix: 'Remove it from device.json.' });
      }
      return putUp(plan, true);
    });
  }

  async function putUp(plan: DiskPlan, create: boolean): Promise<void> {
    if (isUp(plan)) return;
    const begun = records.get(plan.name);
    if (begun !== undefined) await takeAway(begun);
    // Before the record: what it stands on must be recorded first, to be taken down last.
    const source = plan.kind === 'dual' ? (await fillDual(plan, inner)).target : steps.source(plan);
    const down = steps.down(plan, source);
    records.put(plan.name, JSON.stringify(plan), down);
    try {
      await steps.make(plan, source, create);
    } catch (thrown) {
      throw await undone(plan.name, down, thrown);
    }
  }

  const inner: InnerDisks = {
    tool,
    exists: steps.exists,
    ensure: (plan, create) => inTurn(plan.name, () => putUp(plan, create)),
  };

  function isUp(plan: DiskPlan): boolean {
    if (plan.kind !== 'swap') return isMountPoint(plan.target);
    const device = plan.place.kind === 'zram' ? recordedDevice(plan.name) : plan.place.path;
    return device !== undefined && isSwapping(device);
  }

  function recordedDevice(name: string): string | undefined {
    const step = records.get(name)?.down.find(({ kind }) => kind === 'swapOff');
    return step?.kind === 'swapOff' ? step.device : undefined;
  }

  async function takeAway({ name, down }: Pick<DiskRecord, 'name' | 'down'>): Promise<void> {
    for (const step of down) await steps.undo(name, step);
    records.remove(name);
  }

  async function undone(name: string, down: readonly DownStep[], fault: unknown): Promise<unknown> {
    try {
      await takeAway({ name, down });
      return fault;
    } catch (thrown) {
      const message = `${toFault(fault).message}; undoing it failed too: ${toFault(thrown).message}`;
      return new SupervisorError('MOUNT_FAILED', message, { subject: name, cause: [fault, thrown] });
    }
  }

  async function takeAll(unwanted: (record: DiskRecord) => boolean): Promise<readonly Fault[]> {
    const left: Fault[] = [];
    await Promise.allSettled(busy.values());
    for (const { name } of records.all()) {
      await inTurn(name, async () => {
        const record = records.get(name);
        if (record === undefined || !unwanted(record)) return;
        await takeAway(record).catch((thrown: unknown) => left.push(toFault(thrown)));
      });
    }
    return left;
  }

  /** Whether a record is of a disk as this revision has it, and up. */
  function isCurrent({ name, plan }: DiskRecord): boolean {
    const spec = disks.find((disk) => disk.name === name);
    const wanted = spec === undefined ? undefined : diskPlan(spec, layout, disks);
    return wanted?.ok === true && JSON.stringify(wanted.plan) === plan && isUp(wanted.plan);
  }

  return {
    ensure,
    async enableSwap() {
      for (const { name, type } of disks) if (type === 'swap-disk') await ensure(name);
    },
    takeDown: () => takeAll(() => true),
    sweep: () => takeAll((record) => !isCurrent(record)),
  };
}
