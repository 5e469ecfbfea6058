/** What `GET /containers` and `GET /groups` show, field for field in the order of control API §6.1 and §6.3.
 *
 *  A container always has a group here. What it inherits from it is settled when the state is read, so that it
 *  shows from the beginning (state format §7). */

import { controlJson } from './control-text.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerView, RevisionView } from './report.ts';
import type { Backoff, ContainerSpec, GroupSpec, RecoveryPolicy, Revision } from './revision.ts';

/** Containers in state order (control API §6.1). `now`: monotonic ms; some become stable with time alone. */
export function containersJson(revision: Revision, { groups }: RevisionView, now: number): string {
  const views = new Map<string, ContainerView>();
  for (const { containers } of groups) for (const view of containers) views.set(view.name, view);
  return controlJson(
    revision.containers.map((spec) => containerEntry(spec, views.get(spec.name)?.record, now)),
  );
}

/** Groups in start order (control API §6.3). */
export function groupsJson(revision: Revision, { groups }: RevisionView): string {
  const statuses = new Map(groups.map(({ name, status }) => [name, status]));
  return controlJson(
    revision.groups.map((spec) => ({
      name: spec.name,
      status_goal: spec.statusGoal,
      restart_policy: spec.restartPolicy,
      status: statuses.get(spec.name) ?? 'INSTALLED',
      auto_recovery: groupRecovery(spec),
    })),
  );
}

function containerEntry(spec: ContainerSpec, record: ContainerRecord | undefined, now: number): object {
  const { name, group, statusGoal, restartPolicy, roles } = spec;
  return {
    name,
    group,
    status: record?.status ?? 'INSTALLED',
    status_goal: statusGoal,
    restart_policy: restartPolicy,
    roles,
    auto_recovery: containerRecovery(spec, record, now),
    user_stopped: restartPolicy === 'container' ? word(record?.stopReason === 'user') : undefined,
  };
}

/** Undefined without recovery, which leaves the field out. */
function containerRecovery({ recovery }: ContainerSpec, record: ContainerRecord | undefined, now: number) {
  if (!recovers(recovery)) return undefined;
  return {
    policy: recovery.policy,
    max_retries: recovery.maxRetries,
    current_retries: record?.retries ?? 0,
    stable_timeout: recovery.stableTimeoutMs / 1000,
    is_stable: word(isStable(record, now)),
    backoff_policy: backoffText(recovery.backoff),
  };
}

function groupRecovery({ recovery }: GroupSpec) {
  if (!recovers(recovery)) return undefined;
  return {
    max_retries: recovery.maxRetries,
    stable_timeout: recovery.stableTimeoutMs / 1000,
    backoff_policy: backoffText(recovery.backoff),
  };
}

function recovers(recovery: RecoveryPolicy | undefined): recovery is RecoveryPolicy {
  return recovery !== undefined && recovery.policy !== 'no';
}

/** Lifecycle §9.4: the time has come while it was running; one that was asked to stop before it does not become
 *  stable any more. Without `stable_timeout` nobody asks, and the answer is no. */
function isStable(record: ContainerRecord | undefined, now: number): boolean {
  if (record?.stableAt === undefined) return false;
  const runsUntil = record.status === 'STOPPING' ? record.since : now;
  return record.stableAt <= runsUntil;
}

/** State format §8.9: whole hours, whole minutes, else seconds. */
function backoffText(backoff: Backoff): string {
  if (backoff.kind !== 'wait') return backoff.kind;
  const seconds = backoff.delayMs / 1000;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}min` : `${seconds}s`;
}

/** Booleans are strings here. */
function word(value: boolean): 'true' | 'false' {
  return value ? 'true' : 'false';
}
