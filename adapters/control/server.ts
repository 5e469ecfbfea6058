/** HTTP on a socket that is open already: head normalised, handed to Node's parser, answered by koa. The one place
 *  where an error becomes an answer. Which requests exist is in the route files; who listens is in `doors.ts`. */

import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import Koa, { type Context } from 'koa';
import type { Supervisor } from '../../actors/ports.ts';
import type { Serve } from './doors.ts';
import { endsHead, MAX_HEAD_BYTES, normaliseHead } from './head.ts';
import { postSignal } from './signal.ts';

/** What a route may know and do. */
export interface Call {
  readonly supervisor: Supervisor;
  /** The container whose socket was called. */
  readonly caller: string;
}

/** What a route answers: an error text, or nothing but the status. */
export interface Reply {
  readonly status: number;
  readonly error?: string;
}

interface Route {
  readonly method: string;
  readonly handle: (request: IncomingMessage, call: Call) => Promise<Reply>;
}

/** What Node's parser could not read. */
interface ClientError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
}

/** Exact routes by percent-decoded path (control API §3). */
const ROUTES: ReadonlyMap<string, Route> = new Map([['/signal', { method: 'POST', handle: postSignal }]]);

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'PUT', 'DELETE']);
/** With a blank, unlike every other error body (control API §2). */
const UNSUPPORTED = '{"Error": "Unsupported protocol"}';

export function createControl(
  supervisor: Supervisor,
  report: (error: unknown, caller: string) => void,
): Serve {
  const callers = new WeakMap<Socket, string>();
  const app = new Koa();
  app.use(async (context) => {
    const caller = callers.get(context.req.socket) ?? '';
    await answer(context, { supervisor, caller }, (error) => report(error, caller));
  });
  const server = createServer({ requireHostHeader: false }, app.callback());
  // Without it Node drops the request of a client that has closed its side.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('clientError', (error: ClientError, socket) => {
    const knownForm = /^\S+ \S+ HTTP\/\d/.test(error.rawPacket?.toString('latin1') ?? '');
    refuse(socket as Socket, error.code === 'HPE_INVALID_METHOD' && knownForm ? 501 : 400);
  });
  return (socket, caller) => {
    callers.set(socket, caller);
    receiveHead(socket, () => server.emit('connection', socket));
  };
}

async function answer(context: Context, call: Call, report: (error: unknown) => void): Promise<void> {
  if (!METHODS.has(context.method)) {
    respond(context, 501, UNSUPPORTED);
    return;
  }
  const reply = await route(context, call).catch((error: unknown): Reply => {
    report(error);
    return { status: 500, error: 'Internal Error' };
  });
  respond(context, reply.status, reply.error === undefined ? '' : JSON.stringify({ Error: reply.error }));
}

async function route(context: Context, call: Call): Promise<Reply> {
  const found = ROUTES.get(decoded(context.path) ?? '');
  if (found === undefined) return { status: 400, error: `unknown endpoint: ${context.req.url ?? ''}` };
  if (found.method !== context.method)
    return { status: 400, error: 'Method not supported for this endpoint' };
  return found.handle(context.req, call);
}

function respond(context: Context, status: number, body: string): void {
  context.status = status;
  context.set('Content-Type', 'application/json');
  context.body = body;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Collects the head and pushes it back, as Node's parser wants it, before `ready`. Looks at every byte once, however
 *  small the pieces are in which a container sends them. */
function receiveHead(socket: Socket, ready: () => void): void {
  const received: Buffer[] = [];
  let length = 0;
  let seam = Buffer.alloc(0);
  const stop = () => {
    socket.off('data', take);
    socket.off('end', ended);
  };
  const ended = () => {
    stop();
    if (length === 0) socket.destroy();
    else refuse(socket, 400);
  };
  const take = (chunk: Buffer) => {
    received.push(chunk);
    length += chunk.length;
    seam = Buffer.concat([seam.subarray(-2), chunk]);
    if (length < MAX_HEAD_BYTES && !endsHead(seam)) return;
    const head = normaliseHead(Buffer.concat(received));
    if (head.kind === 'partial') return;
    stop();
    socket.pause();
    switch (head.kind) {
      case 'foreign':
        socket.destroy();
        break;
      case 'tooLong':
        refuse(socket, 400);
        break;
      case 'complete':
        socket.unshift(head.bytes);
        ready();
        socket.resume();
        break;
      default:
        head satisfies never;
    }
  };
  socket.on('data', take);
  socket.on('end', ended);
  socket.resume();
}

/** Answers what never became a request. */
function refuse(socket: Socket, status: 400 | 501): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const fields = `Content-Type: application/json\r\nContent-Length: ${UNSUPPORTED.length}\r\nConnection: close`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}\r\n\r\n${UNSUPPORTED}`, () =>
    socket.destroy(),
  );
}
