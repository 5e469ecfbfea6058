/** A dual disk: one place that shows the first of two others, until the data has moved there from the second (storage
 *  §10, state format §14.2). The texts give the words of `init_order`; they mean here:
 *
 *  - the first name in `disks` is the primary, the second the secondary disk; further ones, up to four, are not used;
 *  - actions are tried in order until a disk is chosen: `primary` and `secondary` choose one that exists already,
 *    `create-primary` and `create-secondary` make it when it does not;
 *  - `copy-once-to-primary` makes the primary, copies the secondary to it and chooses it, when there is a secondary but
 *    no primary, even if the secondary has been chosen before. A copy that was interrupted begins anew: until it is
 *    complete the primary counts as not existing;
 *  - without `init_order`: primary, secondary, create-primary.
 *
 *  A disk in memory never exists before it is made. */

import type { Refused } from './disk-options.ts';
import type { SimplePlan } from './disk-plan.ts';
import { diskDir, type Layout } from './layout.ts';
import type { DiskSpec } from './revision.ts';

export type DualAction =
  | { readonly kind: 'choose'; readonly disk: 'primary' | 'secondary'; readonly create: boolean }
  | { readonly kind: 'copyOnce' };

export interface DualPlan {
  readonly kind: 'dual';
  readonly name: string;
  readonly primary: SimplePlan;
  readonly secondary: SimplePlan | undefined;
  readonly actions: readonly DualAction[];
  /** Exists while a copy is under way. */
  readonly copyMark: string;
  readonly target: string;
}

const ACTIONS: ReadonlyMap<string, DualAction> = new Map([
  ['primary', { kind: 'choose', disk: 'primary', create: false }],
  ['secondary', { kind: 'choose', disk: 'secondary', create: false }],
  ['create-primary', { kind: 'choose', disk: 'primary', create: true }],
  ['create-secondary', { kind: 'choose', disk: 'secondary', create: true }],
  ['copy-once-to-primary', { kind: 'copyOnce' }],
]);
const DEFAULT_ORDER: readonly string[] = ['primary', 'secondary', 'create-primary'];
const MAX_DISKS = 4;
const MAX_ACTIONS = 8;

export function dualPlan(
  disk: DiskSpec,
  layout: Layout,
  disks: readonly DiskSpec[],
  simplePlan: (disk: DiskSpec, layout: Layout) => SimplePlan | Refused,
): DualPlan | Refused {
  const order = disk.initOrder.length === 0 ? DEFAULT_ORDER : disk.initOrder;
  if (disk.disks.length === 0 || disk.disks.length > MAX_DISKS || order.length > MAX_ACTIONS) {
    return {
      reason: `it has ${disk.disks.length} inner disks and ${order.length} actions`,
      fix: `Give it 1 to ${MAX_DISKS} "disks" and at most ${MAX_ACTIONS} words in "init_order".`,
    };
  }
  const inner: SimplePlan[] = [];
  for (const name of disk.disks.slice(0, 2)) {
    const spec = disks.find((other) => other.name === name || other.aliases.includes(name));
    if (spec === undefined) {
      return {
        reason: `its inner disk "${name}" is not defined`,
        fix: 'Define it in the same list of disks.',
      };
    }
    const plan = simplePlan(spec, layout);
    if ('reason' in plan) return { ...plan, reason: `inner disk "${name}": ${plan.reason}` };
    inner.push(plan);
  }
  const [primary, secondary] = inner;
  if (primary === undefined || primary.name === secondary?.name) {
    return { reason: 'its inner disks are one and the same', fix: 'Name two different disks.' };
  }
  const actions = order.flatMap((word) => ACTIONS.get(word) ?? []);
  const copyMark = `${layout.storage}/pv/dual/${disk.name}.copying`;
  return {
    kind: 'dual',
    name: disk.name,
    primary,
    secondary,
    actions,
    copyMark,
    target: diskDir(layout, disk.name),
  };
}
