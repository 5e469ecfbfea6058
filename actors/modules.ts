/** Promise actor: loads what a container requires, then what it would like (lifecycle §3 step 3, R-03). */

import { fromPromise } from 'xstate';
import type { Aliases, DriverDecision } from '../machines/domain/drivers.ts';
import { driverNeeds, moduleLine } from '../machines/domain/drivers.ts';
import { SupervisorError, toFault } from '../machines/domain/fault.ts';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import type { Ports } from './ports.ts';

export function loadModules(
  { modules, device, complain }: Pick<Ports, 'modules' | 'device' | 'complain'>,
  aliases: Aliases,
) {
  const load = async ({ alias, lines }: DriverDecision, signal: AbortSignal): Promise<void> => {
    for (const line of lines) {
      const request = moduleLine(line, device);
      if (!request.ok) {
        const { reason, fix } = request;
        throw new SupervisorError('MODULE_FAILED', `driver ${alias}: ${reason}`, { subject: alias, fix });
      }
      await modules.load(request, signal);
    }
  };
  return fromPromise<void, ContainerSpec>(async ({ input: container, signal }) => {
    for (const decision of driverNeeds(container, aliases)) {
      if (decision.verdict === 'fail') throw notOffered(container.name, decision.alias);
      if (decision.verdict !== 'load') continue;
      try {
        await load(decision, signal);
      } catch (error) {
        if (decision.kind !== 'optional' || signal.aborted) throw error;
        // Optional means just that: the container starts without it.
        complain(toFault(error));
      }
    }
  });
}

function notOffered(container: string, alias: string): SupervisorError {
  const message = `container ${container} requires driver ${alias}, which bsp/drivers.json does not offer`;
  const fix = 'Add the driver to bsp/drivers.json, or make it optional for the container';
  return new SupervisorError('MODULE_FAILED', message, { subject: alias, fix });
}
