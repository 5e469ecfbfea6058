/** `GET /daemons` and `PUT /daemons/{name}`: helper processes (control API §6.12). */

import { controlJson } from '../../../machines/domain/control-text.ts';
import { readJson } from '../body.ts';
import { type Call, OK, type Reply, type Route, TOO_LARGE } from '../route.ts';

export const daemonRoutes: readonly Route[] = [
  { method: 'GET', path: '/daemons', handle: list },
  { method: 'PUT', path: '/daemons/{}', handle: control },
];

const MAX_BODY_BYTES = 1024;

function list({ control: { daemons } }: Call): Reply {
  return { status: 200, json: controlJson(daemons.list()) };
}

/** Body `{"action":"start"|"stop"}`; another action, or none, does nothing. 404 before the body is looked at, which is
 *  507 when too large and 400 when empty or no JSON. */
async function control({ control: { daemons }, params: [name = ''], request }: Call): Promise<Reply> {
  if (!daemons.list().some((daemon) => daemon.name === name)) {
    return { status: 404, error: 'Daemon not found' };
  }
  const body = await readJson(request, MAX_BODY_BYTES);
  switch (body.kind) {
    case 'tooLarge':
      return TOO_LARGE;
    case 'empty':
      return { status: 400, error: 'No data' };
    case 'invalid':
      return { status: 400, error: 'Invalid JSON' };
    case 'json':
      act(daemons, name, body.value);
      return OK;
    default:
      return body satisfies never;
  }
}

function act(daemons: Call['control']['daemons'], name: string, body: unknown): void {
  const { action } = (typeof body === 'object' && body !== null ? body : {}) as { action?: unknown };
  if (action === 'start') daemons.start(name);
  if (action === 'stop') daemons.stop(name);
}
