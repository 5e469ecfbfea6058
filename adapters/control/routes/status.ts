/** `GET /v1/status`: all that a page or a program needs to show the device, in one document. */

import type { LoadedState } from '../../../actors/control-ports.ts';
import { statusDocument } from '../../../machines/domain/status-document.ts';
import { type Call, type Reply, type Route, withState } from '../route.ts';
import { explainInput } from './explain.ts';

export const statusRoutes: readonly Route[] = [
  { method: 'GET', path: '/v1/status', handle: withState(status) },
];

function status(state: LoadedState, { control }: Call): Reply {
  const now = control.now();
  const input = {
    ...explainInput(state, now),
    revisionName: state.revisionName,
    lastEventId: control.events.last,
  };
  const document = statusDocument(input, { now, time: new Date(control.wallTime()).toISOString() });
  return { status: 200, json: JSON.stringify(document) };
}
