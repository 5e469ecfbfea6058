/** `/drivers`: what the calling container's drivers are, and its manual ones loaded and unloaded (control API §6.11).
 *  The host has none: it is shown `{}`, and its requests do nothing. Who calls is known from the socket and the list is
 *  at hand, so that the reference's `Error identifying caller` and `Cannot get drivers` never come. */

import type { Drivers, LoadedState } from '../../../actors/control-ports.ts';
import { controlJson } from '../../../machines/domain/control-text.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { type Call, OK, type Reply, type Route, withState } from '../route.ts';

export const driverRoutes: readonly Route[] = [
  { method: 'GET', path: '/drivers', handle: withState(list) },
  { method: 'PUT', path: '/drivers/load', handle: withState(loadAll) },
  { method: 'PUT', path: '/drivers/unload', handle: withState(unloadAll) },
  { method: 'PUT', path: '/drivers/{}/load', handle: withState(loadOne) },
  { method: 'PUT', path: '/drivers/{}/unload', handle: withState(unloadOne) },
];

const NO_NAME: Reply = { status: 400, error: 'No driver name' };

function list({ drivers }: LoadedState, { caller }: Call): Reply {
  const views = caller.kind === 'host' ? [] : drivers.list(caller.name);
  return { status: 200, json: views.length === 0 ? '{}' : controlJson(views) };
}

function loadAll({ drivers }: LoadedState, call: Call): Promise<Reply> {
  return load(drivers, call, undefined, 'Error loading drivers');
}

/** 200 also for an alias that is no manual driver of the caller. A manual one that the BSP does not offer is loaded by
 *  nobody, so it is 400 like any other load that fails (state format §12.4); the reference says 200. */
async function loadOne({ drivers }: LoadedState, call: Call): Promise<Reply> {
  const alias = aliasOf(call);
  return alias === undefined ? NO_NAME : load(drivers, call, alias, 'Error loading driver');
}

async function unloadAll({ drivers }: LoadedState, { caller }: Call): Promise<Reply> {
  if (caller.kind === 'container') await drivers.unload(caller.name);
  return OK;
}

async function unloadOne({ drivers }: LoadedState, call: Call): Promise<Reply> {
  const alias = aliasOf(call);
  if (alias === undefined) return NO_NAME;
  if (call.caller.kind === 'container') await drivers.unload(call.caller.name, alias);
  return OK;
}

/** The reason is in the log: this answer has no place for it. */
async function load(
  drivers: Drivers,
  { caller }: Call,
  alias: string | undefined,
  error: string,
): Promise<Reply> {
  if (caller.kind === 'host') return OK;
  try {
    await drivers.load(caller.name, alias);
    return OK;
  } catch (thrown) {
    if (thrown instanceof SupervisorError) return { status: 400, error };
    throw thrown;
  }
}

/** `/drivers/load/load` names none, nor does any path with a verb where the name should be. */
function aliasOf({ params: [alias] }: Call): string | undefined {
  return alias === 'load' || alias === 'unload' ? undefined : alias;
}
