/** Chooses the disk that a dual disk shows, and moves its content once (`machines/domain/dual-plan.ts` has the rules). */

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SimplePlan } from '../../machines/domain/disk-plan.ts';
import type { DualPlan } from '../../machines/domain/dual-plan.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { replaceSynced, syncDirectory } from '../store/files.ts';
import type { Tool } from './disk-tools.ts';

export interface InnerDisks {
  readonly tool: Tool;
  exists(plan: SimplePlan): boolean;
  /** Mounts it; makes it first when `create`. @throws MOUNT_FAILED */
  ensure(plan: SimplePlan, create: boolean): Promise<void>;
}

/** The chosen disk, mounted. @throws MOUNT_FAILED */
export async function fillDual(plan: DualPlan, inner: InnerDisks): Promise<SimplePlan> {
  let chosen: SimplePlan | undefined;
  const copies = plan.actions.some(({ kind }) => kind === 'copyOnce');
  const isThere = (disk: SimplePlan | undefined): disk is SimplePlan =>
    disk !== undefined &&
    inner.exists(disk) &&
    !(disk === plan.primary && copies && existsSync(plan.copyMark));
  for (const action of plan.actions) {
    if (action.kind === 'copyOnce') {
      if (chosen === plan.primary || isThere(plan.primary) || !isThere(plan.secondary)) continue;
      await copy(plan, plan.secondary, inner);
      chosen = plan.primary;
      continue;
    }
    const disk = plan[action.disk];
    if (chosen !== undefined || disk === undefined || !(action.create || isThere(disk))) continue;
    await inner.ensure(disk, action.create);
    chosen = disk;
  }
  if (chosen !== undefined) return chosen;
  throw new SupervisorError('MOUNT_FAILED', `disk "${plan.name}": none of its inner disks exists`, {
    subject: plan.name,
    fix: 'Let its init_order end in "create-primary".',
  });
}

async function copy(plan: DualPlan, secondary: SimplePlan, inner: InnerDisks): Promise<void> {
  mkdirSync(dirname(plan.copyMark), { recursive: true, mode: 0o755 });
  replaceSynced(plan.copyMark, '');
  syncDirectory(dirname(plan.copyMark));
  await inner.ensure(secondary, false);
  await inner.ensure(plan.primary, true);
  const { target: to } = plan.primary;
  for (const name of readdirSync(to)) if (name !== 'lost+found') rmSync(join(to, name), { recursive: true });
  const use = {
    subject: plan.name,
    what: `disk "${plan.name}": copying ${secondary.name} to ${plan.primary.name}`,
  };
  await inner.tool(use, 'cp', '-a', `${secondary.target}/.`, to);
  await inner.tool(use, 'sync');
  rmSync(plan.copyMark);
  syncDirectory(dirname(plan.copyMark));
}
