/** `POST /signal`: a container says that it is ready (control API §6.4, lifecycle §7). The name comes from the socket
 *  that was called, never from the body; no role is needed. */

import type { LoadedState } from '../../../actors/control-ports.ts';
import { readJson } from '../body.ts';
import { type Call, OK, type Reply, type Route, TOO_LARGE, withState } from '../route.ts';

export const signalRoutes: readonly Route[] = [
  { method: 'POST', path: '/signal', forAll: true, handle: withState(signal) },
];

const MAX_BODY_BYTES = 4096;
const BAD_FORMAT: Reply = { status: 400, error: 'Signal has bad format' };
const NOT_EXPECTED: Reply = { status: 500, error: 'Signal not expected from this platform' };

/** 200 with an empty body; 400 bad format; 500 not expected: the host, another type than `ready`, another goal than
 *  READY, or a container that is not starting or running (L-03); 507 for more than 4096 bytes. `payload` is ignored. */
async function signal({ supervisor }: LoadedState, { caller, request }: Call): Promise<Reply> {
  const body = await readJson(request, MAX_BODY_BYTES);
  if (body.kind === 'tooLarge') return TOO_LARGE;
  if (body.kind !== 'json') return BAD_FORMAT;
  const { value } = body;
  if (typeof value !== 'object' || value === null || !('type' in value)) return BAD_FORMAT;
  if (value.type !== 'ready' || caller.kind === 'host') return NOT_EXPECTED;
  return supervisor.send({ type: 'signal.ready', name: caller.name }).ok ? OK : NOT_EXPECTED;
}
