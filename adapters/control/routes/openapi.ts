/** `GET /v1/openapi.json`: the API's own description. */

import type { Route } from '../route.ts';

export const openApiRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/openapi.json',
    handle: async ({ control }) => {
      const { openApiDocument } = await import('../openapi.ts');
      return { status: 200, json: JSON.stringify(openApiDocument(control.version)) };
    },
  },
];
