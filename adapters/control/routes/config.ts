/** `GET /config` and `GET /config2`: the configuration in force (control API §6.10). */

import { configJson, legacyConfigJson } from '../../../machines/domain/config-text.ts';
import type { Route } from '../route.ts';

export const configRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/config',
    handle: ({ control }) => ({ status: 200, json: legacyConfigJson(control.config.entries()) }),
  },
  {
    method: 'GET',
    path: '/config2',
    handle: ({ control }) => ({ status: 200, json: configJson(control.config.entries()) }),
  },
];
