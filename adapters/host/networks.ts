/** The place of each container in its network pool: asks the containers' LXC configurations what they take, has the
 *  addresses worked out (`machines/domain/ipam.ts`) and the bridges made (`bridges.ts`). */

import { join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import {
  type Allocation,
  allocate,
  type Lease,
  type NetLines,
  unknownPool,
} from '../../machines/domain/ipam.ts';
import { containerDir, type Layout } from '../../machines/domain/layout.ts';
import type { ContainerSpec, Revision } from '../../machines/domain/revision.ts';
import { createBridges } from './bridges.ts';
import { type ConfigLine, readLxcConfig } from './lxc-config-file.ts';

type PoolUsers = Pick<Revision, 'containers' | 'networkPools'>;

export interface Networks {
  /** Undefined when the container uses no pool, which costs nothing. @throws START_FAILED */
  join(container: ContainerSpec): Promise<Lease | undefined>;
}

export function createNetworks(layout: Layout, revision: PoolUsers): Networks {
  const bridges = createBridges();
  /** Worked out once: a revision and its files do not change. */
  let allocations: ReadonlyMap<string, Allocation> | undefined;

  return {
    async join(container) {
      if (container.network?.mode !== 'pool') return undefined;
      allocations ??= allocate(revision, readNetLines(layout, revision.containers));
      const allocation = allocations.get(container.name) ?? { fault: unknownPool(container) };
      if ('fault' in allocation) {
        const { code, message, ...details } = allocation.fault;
        throw new SupervisorError(code, message, details);
      }
      await bridges.ready(container.name, allocation.lease);
      return allocation.lease;
    },
  };
}

function readNetLines(layout: Layout, containers: readonly ContainerSpec[]): NetLines {
  return new Map(
    containers.map((container) => [
      container.name,
      linesOf(layout, container).filter(({ key }) => key.startsWith('lxc.net.')),
    ]),
  );
}

/** What cannot be read takes no address: that container cannot start, and its own start says why. */
function linesOf(layout: Layout, { name, config }: ContainerSpec): readonly ConfigLine[] {
  try {
    return readLxcConfig(name, join(containerDir(layout, name), config));
  } catch (error) {
    if (error instanceof SupervisorError) return [];
    throw error;
  }
}
