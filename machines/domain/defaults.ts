/** The only place that fills a gap: built-in groups, groups of containers without one, inheritance from the group,
 *  roles, loggers (state format §5.1, §6, §7, §8.7, §10). */

import type { ContainerSpec, GroupSpec, LoggerSpec, RecoveryPolicy, Role } from './revision.ts';

const SYSTEM = { restartPolicy: 'system', goalTimeoutMs: 30_000, recovery: undefined } as const;

const APP_RECOVERY: RecoveryPolicy = {
  policy: 'on-failure',
  maxRetries: 5,
  retryDelayMs: 5000,
  backoffFactor: 2,
  resetWindowMs: 0,
  stableTimeoutMs: 30_000,
  backoff: { kind: 'reboot' },
};

/** Used when the state defines no groups (state format §5.1). The order is the start order. */
export const DEFAULT_GROUPS: readonly GroupSpec[] = [
  { name: 'data', statusGoal: 'MOUNTED', ...SYSTEM },
  { name: 'root', statusGoal: 'STARTED', ...SYSTEM },
  { name: 'platform', statusGoal: 'STARTED', ...SYSTEM },
  {
    name: 'app',
    statusGoal: 'STARTED',
    restartPolicy: 'container',
    goalTimeoutMs: 30_000,
    recovery: APP_RECOVERY,
  },
];

/** What of a container the group may decide, as far as its run.json says it. */
export type Inheritable = Pick<ContainerSpec, 'name'> & {
  readonly group: string | undefined;
  readonly statusGoal: ContainerSpec['statusGoal'] | undefined;
  readonly restartPolicy: ContainerSpec['restartPolicy'] | undefined;
  readonly recovery: RecoveryPolicy | undefined;
};

/** The groups of containers without one, by container name, when the default groups are in use: `root` for the first
 *  unless some container is in it already, `platform` for the others (state format §6, S-03). */
export function automaticGroups(
  containers: readonly Pick<Inheritable, 'name' | 'group'>[],
): ReadonlyMap<string, 'root' | 'platform'> {
  let rootTaken = containers.some(({ group }) => group === 'root');
  const groups = new Map<string, 'root' | 'platform'>();
  for (const { name, group } of containers) {
    if (group !== undefined) continue;
    groups.set(name, rootTaken ? 'platform' : 'root');
    rootTaken = true;
  }
  return groups;
}

/** Status goal, restart policy and recovery a container has in a group (state format §7). Recovery is all or nothing:
 *  an explicit policy `no` opts out of the group's (S-41). */
export function inherit(
  container: Inheritable,
  group: GroupSpec,
): Pick<ContainerSpec, 'group' | 'statusGoal' | 'restartPolicy' | 'recovery'> {
  return {
    group: group.name,
    statusGoal: container.statusGoal ?? group.statusGoal,
    restartPolicy: container.restartPolicy ?? group.restartPolicy,
    recovery: container.recovery ?? group.recovery,
  };
}

/** Roles of a container that names none: R-01, S-01. */
export function defaultRoles(defaultRole: 'nobody' | 'mgmt'): readonly Role[] {
  return defaultRole === 'mgmt' ? ['mgmt'] : [];
}

/** The two files followed in every container (state format §10, S-47). */
export function defaultLoggers(container: string): readonly LoggerSpec[] {
  return ['syslog', 'messages'].map((log) => ({
    file: `/var/log/${log}`,
    name: `${container}-pvlogger-${log}`,
    truncate: true,
    maxSizeBytes: 2_097_152,
  }));
}
