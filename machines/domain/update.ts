/** What the chart of an update knows, and the arithmetic on it: how it begins, which change it plans, what the progress
 *  record says of a failure (lifecycle §13.3). Pure; times are monotonic ms. */

import { compare, type Plan } from './diff.ts';
import type { Fault } from './fault.ts';
import { MESSAGES, type ProgressStatus } from './progress.ts';
import type { Revision } from './revision.ts';

/** A revision that has been read. */
export interface Candidate {
  readonly name: string;
  readonly revision: Revision;
  readonly text: string;
}

/** Whether the next revision begins with the containers of this one, or with the device. */
export type UpdateKind = Plan['kind'];
export type LivePlan = Extract<Plan, { readonly kind: 'live' }>;

/** How an update comes to this supervisor. */
export type UpdateOrigin =
  /** A command asks for it; `reboots`: `LOCAL_RUN_COMMIT`. */
  | {
      readonly begins: 'taken';
      readonly name: string;
      readonly reboots: boolean;
      readonly running: Candidate;
    }
  /** It runs, and `Trying new revision` is on record: after a reboot, or after the supervisor's death. `running`: what a
   *  live one replaced, where that is still known. */
  | {
      readonly begins: 'trying';
      readonly name: string;
      readonly kind: UpdateKind;
      readonly next: Candidate;
      readonly running: Candidate | undefined;
    }
  /** It still runs and is on record as failed: the supervisor died on the way back. */
  | {
      readonly begins: 'failed';
      readonly name: string;
      readonly kind: UpdateKind;
      readonly message: string;
      readonly next: Candidate;
      readonly running: Candidate | undefined;
    };

export interface UpdateRules {
  readonly now: () => number;
  /** `PV_UPDATER_COMMIT_DELAY`, in force when the goals are achieved. */
  readonly commitDelayMs: () => number;
  /** `PV_UPDATER_ROLLBACK_REBOOT`, in force when it fails. */
  readonly rollbackReboots: () => boolean;
}

export interface UpdateContext extends UpdateRules {
  readonly begins: UpdateOrigin['begins'];
  readonly name: string;
  readonly reboots: boolean;
  /** Before the update, and the way back of a live one. */
  readonly running: Candidate | undefined;
  readonly next: Candidate | undefined;
  readonly plan: Plan | undefined;
  readonly kind: UpdateKind | undefined;
  /** The containers have begun to change. */
  readonly moved: boolean;
  /** Why it failed: the text of the progress record, and what is behind it. */
  readonly message: string;
  readonly fault: Fault | undefined;
}

/** A record of progress to be written. `final`: the recorded lines of the log go with it. */
export interface ProgressStep {
  readonly name: string;
  readonly status: ProgressStatus;
  readonly message: string;
  readonly final: boolean;
}

/** A change of the running containers. */
export interface Move {
  readonly from: Candidate;
  readonly to: Candidate;
  readonly plan: LivePlan;
}

export function contextOf({ rules, origin }: { rules: UpdateRules; origin: UpdateOrigin }): UpdateContext {
  return {
    ...rules,
    begins: origin.begins,
    name: origin.name,
    reboots: origin.begins === 'taken' && origin.reboots,
    running: origin.running,
    next: origin.begins === 'taken' ? undefined : origin.next,
    plan: undefined,
    kind: origin.begins === 'taken' ? undefined : origin.kind,
    moved: origin.begins !== 'taken',
    message: origin.begins === 'failed' ? origin.message : '',
    fault: undefined,
  };
}

/** Lifecycle §12: with `LOCAL_RUN_COMMIT` every change is one by reboot. */
export function planned(
  { running, reboots }: UpdateContext,
  next: Candidate,
): Pick<UpdateContext, 'next' | 'plan' | 'kind'> {
  if (running === undefined || reboots) return { next, plan: undefined, kind: 'reboot' };
  const plan = compare(running.revision, next.revision);
  return { next, plan, kind: plan.kind };
}

/** Faults of the signature check and of loading carry their literal text; all others are told apart by the log alone. */
export function messageOf({ message }: Fault): string {
  return LITERAL.has(message) ? message : MESSAGES.internal;
}

const LITERAL: ReadonlySet<string> = new Set([
  MESSAGES.stateNotFound,
  MESSAGES.badFormat,
  MESSAGES.signatureFailed,
  MESSAGES.notCovered,
]);

/** What cannot be checked, or lacks objects, is not what its state says (lifecycle §13.4). */
export function contentMessageOf({ code }: Fault): string {
  return code === 'REFUSED' || code === 'NOT_FOUND' ? MESSAGES.badObject : MESSAGES.internal;
}

/** The revision that was read. Asked for only after it was. */
export function nextOf({ next, name }: UpdateContext): Candidate {
  if (next === undefined) throw new Error(`revision ${name} has not been read`);
  return next;
}

export function moveOf(context: UpdateContext): Move {
  const { running: from, plan, name } = context;
  if (from === undefined || plan?.kind !== 'live') throw new Error(`revision ${name} has no plan to go live`);
  return { from, to: nextOf(context), plan };
}

/** What runs on after a failure without a reboot; undefined: the device goes back to its rollback point. */
export function restingPlaceOf({
  moved,
  kind,
  running,
  rollbackReboots,
}: UpdateContext): Candidate | undefined {
  if (!moved) return running;
  return kind === 'live' && !rollbackReboots() ? running : undefined;
}

export function wayBackOf(context: UpdateContext): Omit<Move, 'plan'> {
  const { running: to, name } = context;
  if (to === undefined) throw new Error(`nothing is known to have run before revision ${name}`);
  return { from: nextOf(context), to };
}
