/** Small revisions for tests, written as tables: groups in order, containers as `name: what differs`. */

import type { ContainerSpec, GroupSpec, RecoveryPolicy, Revision } from '../../machines/domain/revision.ts';

export interface GroupSketch extends Partial<Omit<GroupSpec, 'name'>> {
  readonly containers: Readonly<Record<string, Partial<ContainerSpec>>>;
}

export function containerSpec(
  name: string,
  group = 'app',
  parts: Partial<ContainerSpec> = {},
): ContainerSpec {
  return {
    name,
    type: 'lxc',
    config: 'lxc.container.conf',
    group,
    statusGoal: 'STARTED',
    restartPolicy: 'container',
    roles: [],
    recovery: undefined,
    volumes: [],
    drivers: { required: [], optional: [], manual: [] },
    loggers: [],
    services: { required: [], optional: [] },
    serviceExports: [],
    exports: undefined,
    network: undefined,
    remount: new Map(),
    automodfw: true,
    devLog: undefined,
    hasConfigFiles: false,
    deviceRules: undefined,
    ...parts,
  };
}

/** Groups have policy `container`, goal STARTED and 10 s unless said (lifecycle §22). */
export function revisionOf(
  groups: Readonly<Record<string, GroupSketch>>,
  parts: Partial<Revision> = {},
): Revision {
  const specs: GroupSpec[] = [];
  const containers: ContainerSpec[] = [];
  for (const [name, { containers: members, ...group }] of Object.entries(groups)) {
    const spec: GroupSpec = {
      name,
      statusGoal: 'STARTED',
      restartPolicy: 'container',
      goalTimeoutMs: 10_000,
      recovery: undefined,
      ...group,
    };
    specs.push(spec);
    for (const [member, own] of Object.entries(members)) {
      const { statusGoal, restartPolicy, recovery } = spec;
      containers.push(containerSpec(member, name, { statusGoal, restartPolicy, recovery, ...own }));
    }
  }
  return {
    groups: specs,
    defaultGroups: false,
    containers,
    bsp: undefined,
    driverSections: [],
    disks: [],
    deviceVolumes: [],
    networkPools: [],
    remount: new Map(),
    files: new Map(),
    signatures: new Map(),
    ...parts,
  };
}

/** Restarts on failure for ever, at once, unless said otherwise. */
export function recovery(parts: Partial<RecoveryPolicy> = {}): RecoveryPolicy {
  return {
    policy: 'on-failure',
    maxRetries: 0,
    retryDelayMs: 0,
    backoffFactor: 1,
    resetWindowMs: 0,
    stableTimeoutMs: 0,
    backoff: { kind: 'reboot' },
    ...parts,
  };
}
