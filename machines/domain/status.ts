/** Status arithmetic: two questions that are never mixed. Does a member satisfy its goal (R-04, L-01)?
 *  What is the status of many members? */

import type { StatusGoal } from './revision.ts';

/** Lifecycle §2, lowest first. R-05: "lower" is this order. */
export const STATUSES = [
  'INSTALLED',
  'MOUNTED',
  'BLOCKED',
  'STARTING',
  'STARTED',
  'READY',
  'RECOVERING',
  'STOPPING',
  'STOPPED',
] as const;
export type Status = (typeof STATUSES)[number];

/** Lifecycle §4.2 with L-01 applied: there is no NONE. */
export type GoalState = 'ACHIEVED' | 'UNACHIEVED' | 'TIMEDOUT';

/** Why a container rests in STOPPED.
 *  `user`: stopped over the API. `gaveUp`: backoff policy `never`. `finished`: exit 0 under `on-failure`.
 *  `failed`: no recovery left, its owner was told. `system`: update or shutdown stopped it. */
export type StopReason = 'user' | 'gaveUp' | 'finished' | 'failed' | 'system';

/** What others see of a container; the unit that groups count. */
export interface Member {
  readonly status: Status;
  readonly goal: GoalState;
}

export interface Standing {
  readonly status: Status;
  readonly statusGoal: StatusGoal;
  /** The goal timer of the last start has fired. */
  readonly timedOut: boolean;
  /** The goal was reached since the last start request. */
  readonly reached: boolean;
  readonly stopReason: StopReason | undefined;
}

/** Goal state of one container (lifecycle §4.2, R-04, R-06). */
export function goalState({ status, statusGoal, timedOut, reached, stopReason }: Standing): GoalState {
  switch (status) {
    case 'INSTALLED':
    case 'BLOCKED':
      return 'UNACHIEVED';
    case 'MOUNTED':
      return statusGoal === 'MOUNTED' ? 'ACHIEVED' : 'UNACHIEVED';
    case 'STARTED':
      if (statusGoal === 'STARTED') return 'ACHIEVED';
      break;
    case 'READY':
      return 'ACHIEVED';
    case 'STOPPED':
      if (stopReason === 'user' || stopReason === 'gaveUp') return 'ACHIEVED';
      if (stopReason === 'finished' && reached) return 'ACHIEVED';
      break;
    case 'STARTING':
    case 'RECOVERING':
    case 'STOPPING':
      break;
    default:
      return status satisfies never;
  }
  return timedOut ? 'TIMEDOUT' : 'UNACHIEVED';
}

/** How many members stand where: all that a group needs to know, changed in constant time per report. */
export interface Tally {
  readonly goals: Readonly<Record<GoalState, number>>;
  /** All members, by status. */
  readonly standing: Readonly<Record<Status, number>>;
  /** Members that do not satisfy their goal, by status. */
  readonly lagging: Readonly<Record<Status, number>>;
}

const NOBODY = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;

export const EMPTY_TALLY: Tally = {
  goals: { ACHIEVED: 0, UNACHIEVED: 0, TIMEDOUT: 0 },
  standing: NOBODY,
  lagging: NOBODY,
};

/** The tally after one member moved; `from` undefined when it joins, `to` undefined when it leaves. */
export function recount(tally: Tally, from: Member | undefined, to: Member | undefined): Tally {
  const goals = { ...tally.goals };
  const standing = { ...tally.standing };
  const lagging = { ...tally.lagging };
  if (from !== undefined) {
    goals[from.goal] -= 1;
    standing[from.status] -= 1;
    if (from.goal !== 'ACHIEVED') lagging[from.status] -= 1;
  }
  if (to !== undefined) {
    goals[to.goal] += 1;
    standing[to.status] += 1;
    if (to.goal !== 'ACHIEVED') lagging[to.status] += 1;
  }
  return { goals, standing, lagging };
}

/** the lowest status among the members that do not satisfy their goal, READY when there is none. */
export function lowestLagging(tally: Tally): Status {
  return STATUSES.find((status) => tally.lagging[status] > 0) ?? 'READY';
}

/** Lifecycle §4.4: any TIMEDOUT → TIMEDOUT, else any UNACHIEVED → UNACHIEVED, else ACHIEVED. */
export function jointGoal(tally: Tally): GoalState {
  if (tally.goals.TIMEDOUT > 0) return 'TIMEDOUT';
  return tally.goals.UNACHIEVED > 0 ? 'UNACHIEVED' : 'ACHIEVED';
}

/** The tally of many members at once. */
export function tallyOf(members: Iterable<Member>): Tally {
  let tally = EMPTY_TALLY;
  for (const member of members) tally = recount(tally, undefined, member);
  return tally;
}
