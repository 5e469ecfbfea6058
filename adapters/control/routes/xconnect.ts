/** `GET /xconnect-graph`: which consumer is connected to which provider (control API §6.15). Nothing connects services
 *  to their consumers here, so the graph has no entries. */

import { type Reply, type Route, withState } from '../route.ts';

export const xconnectRoutes: readonly Route[] = [
  { method: 'GET', path: '/xconnect-graph', handle: withState(graph) },
];

function graph(): Reply {
  return { status: 200, json: '[]' };
}
