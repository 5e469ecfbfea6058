/** Steps: installed revisions (control API §6.7). What may be installed is decided in `actors/steps.ts`. */

import { isUtf8 } from 'node:buffer';
import type { Revisions } from '../../../actors/control-ports.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { JSON_LIMITS } from '../../../machines/domain/json-text.ts';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import type { StepAnswer } from '../../../machines/domain/step-answer.ts';
import { stepsJson } from '../../../machines/domain/stored-json.ts';
import { readBytes } from '../body.ts';
import { type Call, type Reply, type Route, TOO_LARGE, withRevisions } from '../route.ts';

const plain = ([name = '']: readonly string[]) => name;
const local = ([name = '']: readonly string[]) => `locals/${name}`;

/** Of two patterns that fit, the later one counts: `locals/progress` is a revision. */
export const stepRoutes: readonly Route[] = [
  { method: 'GET', path: '/steps', handle: withRevisions(list) },
  { method: 'GET', path: '/steps/{}', handle: read('state', plain) },
  { method: 'GET', path: '/steps/{}/progress', handle: read('progress', plain) },
  { method: 'PUT', path: '/steps/{}/commitmsg', handle: comment(plain) },
  { method: 'GET', path: '/steps/locals/{}', handle: read('state', local) },
  { method: 'PUT', path: '/steps/locals/{}', handle: withRevisions(put) },
  { method: 'GET', path: '/steps/locals/{}/progress', handle: read('progress', local) },
  { method: 'PUT', path: '/steps/locals/{}/commitmsg', handle: comment(local) },
];

const MAX_COMMIT_MESSAGE_BYTES = 256;
const MISSING: Reply = { status: 404, error: 'Resource does not exist' };
const NO_TEXT: Reply = { status: 422, error: `Parser: ${MESSAGES.badFormat}` };
/** Stands where bytes of a name were no UTF-8. */
const LOST = '\ufffd';

type NameOf = (params: readonly string[]) => string;

/** 500 the store cannot be read. */
async function list({ steps }: Revisions): Promise<Reply> {
  return orElse("couldn't get device steps", async () => ({
    status: 200,
    json: stepsJson((await steps.list()).map((step) => ({ ...step, date: dateOf(step.at) }))),
  }));
}

/** 9999-12-31T23:59:59Z: later years are spelled otherwise. */
const LATEST_MS = 253_402_300_799_000;

/** The reference prints local time with a literal `Z`; this is UTC. */
function dateOf(at: number): string {
  return `${new Date(Math.min(Math.max(at, 0), LATEST_MS)).toISOString().slice(0, 19)}Z`;
}

/** The text as it is stored. 404 there is none. */
function read(what: 'state' | 'progress', nameOf: NameOf): Route['handle'] {
  return withRevisions(({ steps }, { params }) =>
    orElse(`Cannot read ${what}`, async () => {
      const text = await steps[what](nameOf(params));
      return text === undefined ? MISSING : { status: 200, json: text };
    }),
  );
}

/** Body: a state JSON. 400 the name; 409, 503 the device needs the one of that name as it is; 422 the state; 507 its size,
 *  or no space. */
async function put({ steps }: Revisions, { request, params }: Call): Promise<Reply> {
  const name = local(params);
  const body = await readBytes(request, JSON_LIMITS.maxBytes);
  if (body === undefined) return TOO_LARGE;
  if (!isUtf8(body)) return NO_TEXT;
  // A name that lost bytes could be another's.
  return replyTo(await steps.put(name.includes(LOST) ? '' : name, body.toString('utf8')));
}

/** Body: the message, 1 to 256 bytes of UTF-8. 400 another one, or the name; 507 too long. */
function comment(nameOf: NameOf): Route['handle'] {
  return withRevisions(async ({ steps }, { request, params }) => {
    const body = await readBytes(request, MAX_COMMIT_MESSAGE_BYTES);
    if (body === undefined) return TOO_LARGE;
    if (body.length === 0 || !isUtf8(body)) return { status: 400, error: 'No commit message' };
    const name = nameOf(params);
    return orElse('Cannot write message', async () =>
      replyTo(await steps.comment(name.includes(LOST) ? '' : name, body.toString('utf8'))),
    );
  });
}

function replyTo(answer: StepAnswer): Reply {
  return answer.status === 503
    ? {
        status: answer.status,
        error: answer.error,
        headers: { 'Retry-After': String(answer.retryAfterSeconds) },
      }
    : answer;
}

async function orElse(error: string, answer: () => Promise<Reply>): Promise<Reply> {
  try {
    return await answer();
  } catch (thrown) {
    if (!(thrown instanceof SupervisorError)) throw thrown;
    return { status: 500, error };
  }
}
