/** Loads what a container requires, then what it would like (lifecycle §3 step 3, R-03). */

import { SupervisorError, toFault } from '../machines/domain/fault.ts';
import type { StartDrivers } from './drivers.ts';
import type { LoadModules } from './mounts.ts';
import type { Ports } from './ports.ts';

export function loadModules(drivers: StartDrivers, complain: Ports['complain']): LoadModules {
  return async (container, signal) => {
    for (const { alias, kind, verdict } of drivers.needs(container)) {
      if (verdict === 'fail') throw notOffered(container.name, alias);
      if (verdict !== 'load') continue;
      try {
        await drivers.loadForStart(alias, signal);
      } catch (error) {
        if (kind !== 'optional' || signal.aborted) throw error;
        // Optional means just that: the container starts without it.
        complain(toFault(error));
      }
    }
  };
}

function notOffered(container: string, alias: string): SupervisorError {
  const message = `container ${container} requires driver ${alias}, which bsp/drivers.json does not offer`;
  const fix = 'Add the driver to bsp/drivers.json, or make it optional for the container';
  return new SupervisorError('MODULE_FAILED', message, { subject: alias, fix });
}
