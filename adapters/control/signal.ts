/** `POST /signal`: a container says that it is ready (control API §6.4, lifecycle §7). The name comes from the socket
 *  that was called, never from the body; no role is needed. */

import type { IncomingMessage } from 'node:http';
import type { Call, Reply } from './server.ts';

const MAX_BODY_BYTES = 4096;
const BAD_FORMAT: Reply = { status: 400, error: 'Signal has bad format' };
const NOT_EXPECTED: Reply = { status: 500, error: 'Signal not expected from this platform' };

/** 200 with an empty body; 400 bad format; 500 not expected: another type than `ready`, another goal than READY, or
 *  a container that is not starting or running (L-03); 507 for more than 4096 bytes. `payload` is ignored. */
export async function postSignal(request: IncomingMessage, { supervisor, caller }: Call): Promise<Reply> {
  const body = await readBody(request);
  if (body === undefined) return { status: 507, error: 'Not enough disk space available' };
  const type = signalType(body);
  if (type === undefined) return BAD_FORMAT;
  if (type !== 'ready') return NOT_EXPECTED;
  const answer = supervisor.send({ type: 'signal.ready', name: caller });
  return answer.ok ? { status: 200 } : NOT_EXPECTED;
}

/** Undefined when it is longer than a signal may be. The rest is not read then, but the request is not destroyed
 *  either, as iterating it would: the client still gets its answer. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= MAX_BODY_BYTES) return;
      request.pause();
      resolve(undefined);
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.once('error', reject);
  });
}

/** Undefined when the body is no JSON object or has no `type`; a type that is no text is one nobody expects. */
function signalType(body: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  return typeof value.type === 'string' ? value.type : '';
}
