/** A container with nothing special about it, for tests of the fakes. */

import type { ContainerSpec } from '../../machines/domain/revision.ts';

export function containerSpec(name: string): ContainerSpec {
  return {
    name,
    type: 'lxc',
    config: 'lxc.container.conf',
    group: 'app',
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
  };
}
