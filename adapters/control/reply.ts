/** Sends a reply (control API §5): the bytes of errors, of success without content, and of streams. */

import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Context } from 'koa';
import { controlJson } from '../../machines/domain/control-text.ts';
import type { Reply } from './route.ts';

const JSON_TYPE = 'application/json';
const EVENT_STREAM = 'text/event-stream';

/** Resolves when koa, or the stream, has sent it. Rejects when the stream failed: the connection is cut then, as its
 *  status is out already. A client that goes away ends the stream and is no error.
 *  @param heartbeatMs how long an event stream may be silent: without a word nobody would see that its client is gone */
export async function sendReply(context: Context, reply: Reply, heartbeatMs: number): Promise<void> {
  context.status = reply.status;
  // The phrase of today (§5); Node has the older one.
  if (reply.status === 422) context.message = 'Unprocessable Content';
  if (reply.headers !== undefined) context.set(reply.headers);
  if ('body' in reply && typeof reply.body !== 'string') {
    context.set('Content-Type', reply.type);
    await stream(context, reply.body, reply.type === EVENT_STREAM ? heartbeatMs : undefined);
    return;
  }
  if (reply.status === 204) {
    context.body = null;
    return;
  }
  context.set('Content-Type', 'type' in reply ? reply.type : JSON_TYPE);
  context.body = textOf(reply);
}

function textOf(reply: Reply): string {
  if ('error' in reply) return controlJson({ Error: reply.error });
  if ('json' in reply) return reply.json;
  return 'body' in reply && typeof reply.body === 'string' ? reply.body : '';
}

async function stream(context: Context, source: Readable, heartbeatMs: number | undefined): Promise<void> {
  // Koa leaves a response open whose stream has failed.
  context.respond = false;
  const { res } = context;
  const beat = () => {
    // A comment, to which clients of event streams pay no heed.
    if (!res.writableNeedDrain) res.write(':\n\n');
  };
  const beating = heartbeatMs === undefined ? undefined : setInterval(beat, heartbeatMs);
  try {
    await pipeline(source, res);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'))
      throw error;
  } finally {
    clearInterval(beating);
  }
}
