/** The body of a request as routes want it: read to a limit, as text or as JSON. What it means is for the routes. */

import type { IncomingMessage } from 'node:http';

export type JsonBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'empty' }
  /** No JSON. */
  | { readonly kind: 'invalid' }
  /** Longer than `limit`: the answer is `TOO_LARGE`. */
  | { readonly kind: 'tooLarge' };

/** The body as UTF-8 text; undefined when it has more than `limit` bytes. The rest is left unread then, and the reply
 *  is sent all the same. Rejects when the client goes away, which needs no answer. */
export async function readBody(request: IncomingMessage, limit: number): Promise<string | undefined> {
  return (await readBytes(request, limit))?.toString('utf8');
}

/** Like `readBody`, as it came. */
export function readBytes(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  // Not iterated over: leaving a loop early destroys the request, and with it the answer.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= limit) return;
      request.off('data', take);
      request.pause();
      resolve(undefined);
    };
    request.on('data', take);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
  });
}

/** Reads a body of at most `limit` bytes as JSON. Rejects like `readBody`. */
export async function readJson(request: IncomingMessage, limit: number): Promise<JsonBody> {
  const text = await readBody(request, limit);
  if (text === undefined) return { kind: 'tooLarge' };
  if (text === '') return { kind: 'empty' };
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'invalid' };
    throw error;
  }
}
