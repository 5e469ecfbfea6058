/** `GET /containers`, `PUT /containers/{name}` and `GET /groups` (control API §6.1–§6.3). */

import type { LoadedState } from '../../../actors/control-ports.ts';
import { type Answer, controllable, type Refusal } from '../../../machines/domain/control.ts';
import { containersJson, groupsJson } from '../../../machines/domain/control-json.ts';
import { readJson } from '../body.ts';
import { type Call, OK, type Reply, type Route, TOO_LARGE, withState } from '../route.ts';

export const containerRoutes: readonly Route[] = [
  { method: 'GET', path: '/containers', handle: withState(listContainers) },
  { method: 'PUT', path: '/containers/{}', handle: withState(controlContainer) },
  { method: 'GET', path: '/groups', handle: withState(listGroups) },
];

const MAX_BODY_BYTES = 1024;
const STATUS: Readonly<Record<Refusal, number>> = { 'not-found': 404, forbidden: 403, conflict: 400 };
const ORDERS = { start: 'container.start', stop: 'container.stop', restart: 'container.restart' } as const;

function listContainers({ revision, supervisor }: LoadedState, { control }: Call): Reply {
  return { status: 200, json: containersJson(revision, supervisor.view(), control.now()) };
}

function listGroups({ revision, supervisor }: LoadedState): Reply {
  return { status: 200, json: groupsJson(revision, supervisor.view()) };
}

/** Body `{"action":"start"|"stop"|"restart"}`. 200 before the action is carried out; 404, 403, 507 and 400 in the order
 *  of control API §6.2. Without a body: lifecycle §11. */
async function controlContainer({ revision, supervisor }: LoadedState, call: Call): Promise<Reply> {
  const [name = ''] = call.params;
  const control = controllable(revision.containers.find((spec) => spec.name === name));
  if (!control.ok) return replyTo(control);
  const body = await readJson(call.request, MAX_BODY_BYTES);
  switch (body.kind) {
    case 'tooLarge':
      return TOO_LARGE;
    case 'empty':
      return { status: 400, error: 'No data' };
    case 'invalid':
      return { status: 400, error: 'Invalid JSON' };
    case 'json': {
      const { value } = body;
      if (typeof value !== 'object' || value === null || !('action' in value)) {
        return { status: 400, error: "Missing 'action' field" };
      }
      const { action } = value;
      if (action !== 'start' && action !== 'stop' && action !== 'restart') {
        return { status: 400, error: "Invalid action. Use 'start', 'stop', or 'restart'" };
      }
      return replyTo(supervisor.send({ type: ORDERS[action], name }));
    }
    default:
      return body satisfies never;
  }
}

function replyTo(answer: Answer): Reply {
  return answer.ok ? OK : { status: STATUS[answer.code], error: answer.message };
}
