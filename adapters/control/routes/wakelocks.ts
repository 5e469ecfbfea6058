/** `GET /wakelocks`: what keeps the device awake (control API §6.14). The state is at hand, so that the reference's
 *  `couldn't get wakelock state` never comes. */

import { controlJson } from '../../../machines/domain/control-text.ts';
import type { Route } from '../route.ts';

export const wakelockRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/wakelocks',
    handle: ({ control }) => ({ status: 200, json: controlJson(control.wakelocks()) }),
  },
];
