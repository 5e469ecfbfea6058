/** Record arithmetic: what each step of a container's life writes into its record. Pure; `at` is monotonic ms. */

import type { Beginning } from './adoption.ts';
import { blankRecord } from './adoption.ts';
import type { Fault } from './fault.ts';
import type { ContainerRecord } from './record.ts';
import type { Exit, Recovery } from './recovery.ts';
import { describeExit, recover } from './recovery.ts';
import type { ContainerSpec } from './revision.ts';
import type { Member, Status, StopReason } from './status.ts';
import { goalState } from './status.ts';

/** Lifecycle §8.1: what a stopping container gets before it is killed. */
const STOP_GRACE_MS = 5_000;

/** The record with which a container's chart begins. */
export function firstRecord(spec: ContainerSpec, beginning: Beginning, at: number): ContainerRecord {
  switch (beginning.kind) {
    case 'fresh': {
      const { retries = 0, startedAt, lastExit } = beginning.record ?? {};
      return { ...blankRecord(spec.name, at), retries, startedAt, lastExit };
    }
    case 'ended':
      return exited(beginning.record, beginning.exit);
    case 'alive':
    case 'resting':
      return beginning.record;
    default:
      return beginning satisfies never;
  }
}

/** Enters a status, or states it again; the goal counts as reached, and stability begins, the first time it is met.
 *  INSTALLED voids both, and the deadline of the start before (lifecycle §4.2). */
export function entered(
  spec: ContainerSpec,
  last: ContainerRecord,
  { status, reason, at }: { status: Status; reason?: StopReason | undefined; at: number },
): { readonly record: ContainerRecord; readonly member: Member } {
  const before = status === 'INSTALLED' ? awaitingStart(last) : last;
  const record: ContainerRecord = {
    ...before,
    status,
    since: before.status === status ? before.since : at,
    stopReason: status === 'STOPPED' ? reason : undefined,
    retryAt: status === 'RECOVERING' ? before.retryAt : undefined,
    // A container that the system stopped waits for nothing.
    goalDeadlineAt:
      status === 'STOPPED' && before.intent === 'stopBySystem' ? undefined : before.goalDeadlineAt,
    killAt: status === 'STOPPING' ? (before.killAt ?? at + STOP_GRACE_MS) : undefined,
  };
  const member = memberOf(spec, record, at);
  if (record.reached || member.goal !== 'ACHIEVED') return { record, member };
  // L-09: a container that is only mounted has no stability to wait for.
  const stableMs = spec.statusGoal === 'MOUNTED' ? 0 : (spec.recovery?.stableTimeoutMs ?? 0);
  return { record: { ...record, reached: true, stableAt: stableMs > 0 ? at + stableMs : undefined }, member };
}

/** The goal timer runs from the start request, and every earlier achievement is void (lifecycle §3 step 7, §9.4). */
export function startRequested(record: ContainerRecord, goalTimeoutMs: number, at: number): ContainerRecord {
  return {
    ...awaitingStart(record),
    startedAt: at,
    goalDeadlineAt: at + goalTimeoutMs,
    pid: undefined,
    fault: undefined,
  };
}

/** Before a start there is no goal timer (lifecycle §4.2). */
function awaitingStart(record: ContainerRecord): ContainerRecord {
  return { ...record, goalDeadlineAt: undefined, signalled: false, reached: false, stableAt: undefined };
}

export function exited(record: ContainerRecord, exit: Exit): ContainerRecord {
  return { ...record, pid: undefined, stableAt: undefined, lastExit: exit };
}

/** What an API start or restart clears (lifecycle §9.3). */
export function forgiven(record: ContainerRecord): ContainerRecord {
  return { ...record, intent: 'run', retries: 0, retryAt: undefined, lastExit: undefined, fault: undefined };
}

/** What follows the last exit (lifecycle §9.2). */
export function judged(spec: ContainerSpec, record: ContainerRecord, trial: boolean, at: number): Recovery {
  const sinceStartMs = record.startedAt === undefined ? 0 : at - record.startedAt;
  return recover(
    spec.recovery,
    { retries: record.retries, sinceStartMs, trial },
    record.lastExit ?? { kind: 'unknown' },
  );
}

/** Why a container that stays STOPPED failed. */
export function exitFault(spec: ContainerSpec, { lastExit }: ContainerRecord): Fault {
  const exit = lastExit ?? { kind: 'unknown' };
  const recovers = spec.recovery !== undefined && spec.recovery.policy !== 'no';
  const left = recovers ? 'its retries are spent' : 'it has no auto_recovery';
  const message = `container ${spec.name}: ${describeExit(exit)}; ${left}`;
  return exit.kind === 'startFailed'
    ? { ...exit.fault, message }
    : { code: 'EXITED', subject: spec.name, message };
}

function memberOf(spec: ContainerSpec, record: ContainerRecord, at: number): Member {
  const { status, stopReason, reached, goalDeadlineAt } = record;
  const timedOut = goalDeadlineAt !== undefined && at >= goalDeadlineAt;
  return { status, goal: goalState({ status, statusGoal: spec.statusGoal, timedOut, reached, stopReason }) };
}
