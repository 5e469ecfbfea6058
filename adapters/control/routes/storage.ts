/** Garbage collection: `POST /storage/gc` (control API §6.13), and `GET /v1/gc`, which only says what it would do and why
 *  (R-12). */

import type { Revisions } from '../../../actors/control-ports.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { type Reply, type Route, withRevisions } from '../route.ts';

export const storageRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/storage/gc',
    // With the blank.
    handle: withRevisions((revisions) =>
      orElse(async () => `{"reclaimed": ${(await revisions.collect()).reclaimed}}`),
    ),
  },
  {
    method: 'GET',
    path: '/v1/gc',
    handle: withRevisions((revisions) => orElse(() => foresee(revisions))),
  },
];

async function foresee(revisions: Revisions): Promise<string> {
  const { reclaimed, removed, kept } = await revisions.collect({ dryRun: true });
  return JSON.stringify({
    reclaimed,
    removed,
    kept: kept.map(({ what, because }) => ({ what, because })),
  });
}

async function orElse(json: () => Promise<string>): Promise<Reply> {
  try {
    return { status: 200, json: await json() };
  } catch (error) {
    if (!(error instanceof SupervisorError)) throw error;
    return { status: 500, error: 'Error running garbage collector' };
  }
}
