/** `GET /buildinfo`: the build manifest as it is (control API §6.9). */

import type { Call, Reply, Route } from '../route.ts';

export const buildInfoRoutes: readonly Route[] = [{ method: 'GET', path: '/buildinfo', handle: buildInfo }];

function buildInfo({ control }: Call): Reply {
  return { status: 200, type: 'text/plain', body: control.buildInfo() };
}
