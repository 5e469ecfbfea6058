/** The tables of lifecycle §2.2, §4.2, §6.1, §9.2 and §11 once more, written from the text and not from the code, with the
 *  rulings: what the audit holds every announcement against. */

import type { ContainerSpec, RecoveryPolicy } from '../../machines/domain/revision.ts';
import type { GoalState, Status, StopReason } from '../../machines/domain/status.ts';

/** R-05, lowest first. */
const ORDER: readonly Status[] = [
  'INSTALLED',
  'MOUNTED',
  'BLOCKED',
  'STARTING',
  'STARTED',
  'READY',
  'RECOVERING',
  'STOPPING',
  'STOPPED',
];

/** Lifecycle §2.2 by rows, with L-05, L-06 (stops before a start) and row 20 (a stop of what has stopped). */
const EDGES: Readonly<Record<Status, readonly Status[]>> = {
  INSTALLED: ['BLOCKED', 'MOUNTED', 'STOPPED'],
  BLOCKED: ['MOUNTED', 'STOPPED'],
  MOUNTED: ['STARTING', 'STOPPED'],
  STARTING: ['STARTED', 'STOPPED', 'STOPPING'],
  STARTED: ['READY', 'STOPPED', 'STOPPING'],
  READY: ['STOPPED', 'STOPPING'],
  RECOVERING: ['INSTALLED', 'STOPPED'],
  STOPPING: ['STOPPED'],
  STOPPED: ['RECOVERING', 'INSTALLED'],
};

export function mayFollow(from: Status, to: Status): boolean {
  return from === to || EDGES[from].includes(to);
}

export function hasProcess(status: Status): boolean {
  return status === 'STARTING' || status === 'STARTED' || status === 'READY' || status === 'STOPPING';
}

export function isPreparing(status: Status): boolean {
  return status === 'INSTALLED' || status === 'BLOCKED' || status === 'MOUNTED';
}

export interface GoalQuestion {
  readonly goal: ContainerSpec['statusGoal'];
  readonly status: Status;
  readonly reason: StopReason | undefined;
  /** The goal was reached since the last start. */
  readonly reached: boolean;
  /** The goal timer of the last start has fired. */
  readonly fired: boolean;
}

/** R-04 and the matrix of lifecycle §4.2. */
export function goalOf({ goal, status, reason, reached, fired }: GoalQuestion): GoalState {
  if (status === goal) return 'ACHIEVED';
  if (isPreparing(status)) return 'UNACHIEVED';
  if (status === 'STOPPED') {
    if (reason === 'user' || reason === 'gaveUp' || (reason === 'finished' && reached)) return 'ACHIEVED';
    // Nobody waits for what a shutdown stopped.
    if (reason === 'system') return 'UNACHIEVED';
  }
  return fired ? 'TIMEDOUT' : 'UNACHIEVED';
}

/** R-05 over any number of members. */
export function statusOver(
  members: readonly { readonly status: Status; readonly goal: GoalState }[],
): Status {
  const lagging = members
    .filter(({ goal }) => goal !== 'ACHIEVED')
    .map(({ status }) => ORDER.indexOf(status));
  return lagging.length === 0 ? 'READY' : (ORDER[Math.min(...lagging)] ?? 'READY');
}

/** Lifecycle §4.4. */
export function goalOver(goals: readonly GoalState[]): GoalState {
  if (goals.includes('TIMEDOUT')) return 'TIMEDOUT';
  return goals.includes('UNACHIEVED') ? 'UNACHIEVED' : 'ACHIEVED';
}

export type Sequel =
  | { readonly next: 'again'; readonly delayMs: number; readonly retries: number }
  | { readonly next: 'gaveUp' | 'finished' | 'failed' };

export interface Past {
  /** Exit status 0. */
  readonly well: boolean;
  readonly retries: number;
  /** Since the last start request. */
  readonly uptimeMs: number;
}

/** Lifecycle §9.2 with R-06 and L-07, no update under way. */
export function sequelOf(policy: RecoveryPolicy | undefined, { well, retries, uptimeMs }: Past): Sequel {
  if (policy === undefined || policy.policy === 'no') return { next: 'failed' };
  if (well && policy.policy === 'on-failure') return { next: 'finished' };
  const before = policy.resetWindowMs > 0 && uptimeMs > policy.resetWindowMs ? 0 : retries;
  if (policy.maxRetries > 0 && before >= policy.maxRetries) {
    if (policy.backoff.kind === 'never') return { next: 'gaveUp' };
    if (policy.backoff.kind === 'reboot') return { next: 'failed' };
    return { next: 'again', delayMs: policy.backoff.delayMs, retries: 0 };
  }
  let delayMs = policy.retryDelayMs;
  if (before > 0 && policy.backoffFactor > 1) {
    delayMs = Math.trunc((policy.retryDelayMs / 1_000) * policy.backoffFactor ** before) * 1_000;
  }
  return { next: 'again', delayMs, retries: before + 1 };
}

export type UserOrder = 'stop' | 'start' | 'restart' | 'ready';

/** Lifecycle §7 and §11: is the order accepted now? */
export function accepts(order: UserOrder, spec: ContainerSpec, status: Status): boolean {
  if (order === 'ready') {
    return (
      spec.statusGoal === 'READY' && (status === 'STARTING' || status === 'STARTED' || status === 'READY')
    );
  }
  if (spec.restartPolicy !== 'container') return false;
  return order === 'stop' || !isPreparing(status);
}
