/** Promise actor: loads what a container requires, then what it would like (lifecycle §3 step 3, R-03). */

import { fromPromise } from 'xstate';
import type { Aliases, DriverDecision } from '../machines/domain/drivers.ts';
import { driverNeeds, moduleLine } from '../machines/domain/drivers.ts';
import { SupervisorError } from '../machines/domain/fault.ts';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import type { DeviceFacts, ModuleLoader } from './ports.ts';

export function loadModules(loader: ModuleLoader, device: DeviceFacts, aliases: Aliases) {
  const load = async ({ alias, lines }: DriverDecision, signal: AbortSignal): Promise<void> => {
    for (const line of lines) {
      const request = moduleLine(line, device);
      if (!request.ok) {
        const { reason, fix } = request;
        throw new SupervisorError('MODULE_FAILED', `driver ${alias}: ${reason}`, { subject: alias, fix });
      }
      await loader.load(request, signal);
    }
  };
  return fromPromise<void, ContainerSpec>(async ({ input: container, signal }) => {
    for (const decision of driverNeeds(container, aliases)) {
      if (decision.verdict === 'fail') throw notOffered(container.name, decision.alias);
      if (decision.verdict !== 'load') continue;
      // Optional means just that: where it does not load, the container starts without it.
      const loaded = load(decision, signal);
      await (decision.kind === 'optional' ? loaded.catch(() => undefined) : loaded);
    }
  });
}

function notOffered(container: string, alias: string): SupervisorError {
  const message = `container ${container} requires driver ${alias}, which bsp/drivers.json does not offer`;
  const fix = 'Add the driver to bsp/drivers.json, or make it optional for the container';
  return new SupervisorError('MODULE_FAILED', message, { subject: alias, fix });
}
