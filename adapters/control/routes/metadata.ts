/** User and device metadata (control API §6.8): lists of all, single keys put and deleted. */

import type { Control, Metadata } from '../../../actors/control-ports.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import {
  keyFault,
  MAX_VALUE_BYTES,
  type MetadataKind,
  metadataJson,
} from '../../../machines/domain/metadata.ts';
import { readBody } from '../body.ts';
import { type Call, OK, type Reply, type Route, TOO_LARGE } from '../route.ts';

export const metadataRoutes: readonly Route[] = [
  ...routesOf('user-meta', 'user meta', ({ userMeta }) => userMeta),
  ...routesOf('device-meta', 'device meta', ({ deviceMeta }) => deviceMeta),
];

/** Stands where bytes were no UTF-8. */
const LOST = '\ufffd';

/** `words`: as the error texts call it. */
function routesOf(kind: MetadataKind, words: string, of: (control: Control) => Metadata): readonly Route[] {
  return [
    {
      method: 'GET',
      path: `/${kind}`,
      handle: ({ control }) => orElse(`couldn't get ${kind}`, () => list(of(control))),
    },
    {
      method: 'PUT',
      path: `/${kind}/{}`,
      handle: (call) => put(of(call.control), call, `Cannot add or update ${words}`),
    },
    {
      method: 'DELETE',
      path: `/${kind}/{}`,
      handle: (call) =>
        orElse(`Cannot delete ${words}`, () => remove(of(call.control), call, capitalised(words))),
    },
  ];
}

async function list(metadata: Metadata): Promise<Reply> {
  await metadata.refresh?.();
  return { status: 200, json: metadataJson(metadata.entries()) };
}

/** Body: the value, 1 to 4096 bytes of UTF-8 whose number was told beforehand. 400 for another length, for a key that
 *  cannot be and for what is no text; 507 too long; 500 it could not be stored. */
async function put(metadata: Metadata, { request, target }: Call, refusal: string): Promise<Reply> {
  const refused: Reply = { status: 400, error: refusal };
  const key = keyOf(target);
  if (key === undefined || !(Number(request.headers['content-length']) >= 1)) return refused;
  const value = await readBody(request, MAX_VALUE_BYTES);
  if (value === undefined) return TOO_LARGE;
  if (value.includes(LOST)) return refused;
  return orElse(refusal, async () => {
    await metadata.put(key, value);
    return OK;
  });
}

async function remove(metadata: Metadata, { target }: Call, subject: string): Promise<Reply> {
  const key = keyOf(target);
  const gone = key !== undefined && (await metadata.delete(key));
  return gone ? OK : { status: 404, error: `${subject} does not exist` };
}

/** What stands behind the last slash, query included, nothing decoded; undefined when it cannot be a key. */
function keyOf(target: string): string | undefined {
  const key = target.slice(target.lastIndexOf('/') + 1);
  return key.includes(LOST) || keyFault(key) !== undefined ? undefined : key;
}

/** The details are complained of where they arise. */
async function orElse(error: string, answer: () => Promise<Reply>): Promise<Reply> {
  try {
    return await answer();
  } catch (thrown) {
    if (!(thrown instanceof SupervisorError)) throw thrown;
    return { status: thrown.fault.code === 'REFUSED' ? 400 : 500, error };
  }
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
