/** `POST /commands` (control API §6.5). 200 means accepted, not done. */

import { readBody } from '../body.ts';
import { type Call, type Reply, type Route, TOO_LARGE } from '../route.ts';

export const commandRoutes: readonly Route[] = [{ method: 'POST', path: '/commands', handle: command }];

const MAX_BODY_BYTES = 4096;

async function command({ control, request }: Call): Promise<Reply> {
  const body = await readBody(request, MAX_BODY_BYTES);
  if (body === undefined) return TOO_LARGE;
  const answer = await control.commands.submit(body);
  return answer.status === 503
    ? {
        status: answer.status,
        error: answer.error,
        headers: { 'Retry-After': String(answer.retryAfterSeconds) },
      }
    : answer;
}
