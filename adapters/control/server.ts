/** HTTP on a socket that is open already: framed by `connection.ts`, parsed by Node, answered through koa. Finds the
 *  route, lets nobody in who may not, and sends one reply to each request: the one place where an error becomes an
 *  answer. Which requests exist is in the route files; who listens is in `doors.ts`. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import Koa, { type Context } from 'koa';
import type { Control } from '../../actors/control-ports.ts';
import { admit, identify } from './callers.ts';
import { type Connection, createConnection, PATIENCE, type Patience } from './connection.ts';
import type { Serve, Visitor } from './doors.ts';
import { sendReply } from './reply.ts';
import type { Reply, Route } from './route.ts';
import { createRouter, isOurs, queryOf } from './router.ts';
import { createTurns } from './turns.ts';

export interface ControlServerOptions {
  readonly control: Control;
  readonly routes: readonly Route[];
  /** Told of errors that are no client's fault, and who called. */
  readonly report: (error: unknown, visitor: Visitor) => void;
  /** `PATIENCE` unless given. */
  readonly patience?: Patience;
}

interface Visit {
  readonly connection: Connection;
  readonly visitor: Visitor;
}

/** Serves connections, whoever has accepted them. */
export function createControlServer(options: ControlServerOptions): Serve {
  const { control, report, patience = PATIENCE } = options;
  const router = createRouter(options.routes);
  const visits = new WeakMap<Duplex, Visit>();

  function visitOf(stream: Duplex): Visit {
    const visit = visits.get(stream);
    if (visit === undefined) throw new Error('a request on a connection that nobody has opened');
    return visit;
  }

  /** Patterns by the head alone, exact paths once the body is there (control API §3). */
  async function answer(request: IncomingMessage, { connection, visitor }: Visit): Promise<Reply> {
    const { method = '' } = request;
    const target = connection.target();
    const ours = isOurs(target);
    let failure: Reply | undefined;
    const matches = router.patterns(target);
    if (matches.length === 0) await connection.received();
    const exact = router.exact(target);
    for (const match of exact === undefined ? matches : [...matches, exact]) {
      const admission = admit(match, method, identify(control, visitor), ours);
      if (admission.ok) {
        const { route, caller } = admission;
        const params = match.params.map(inUtf8);
        return route.handle({
          control,
          caller,
          target: inUtf8(target),
          params,
          query: queryOf(target),
          request,
        });
      }
      failure = admission.reply;
    }
    return failure ?? { status: ours ? 404 : 400, error: `unknown endpoint: ${inUtf8(target)}` };
  }

  async function respond(context: Context): Promise<void> {
    const visit = visitOf(context.req.socket);
    const reply = await answer(context.req, visit).catch((error: unknown): Reply | undefined => {
      // The client went away while its body was read, and waits for no answer.
      if (context.req.destroyed && !context.req.complete) return undefined;
      report(error, visit.visitor);
      return { status: 500, error: 'Internal Error' };
    });
    if (reply === undefined) {
      context.respond = false;
      return;
    }
    if (!visit.connection.complete()) context.set('Connection', 'close');
    await sendReply(context, reply, patience.heartbeatMs).catch((error: unknown) =>
      report(error, visit.visitor),
    );
  }

  const app = new Koa().use(respond);
  // Reported already, or a client that has gone away.
  app.on('error', () => undefined);
  const handle = app.callback();
  const server = createServer(
    {
      requireHostHeader: false,
      // How much may come, and how long it may take, is decided before it comes here.
      maxHeaderSize: 1024 * 1024,
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    },
    (request: IncomingMessage, response: ServerResponse) => {
      const { connection } = visitOf(request.socket);
      response.once('finish', connection.answered);
      void handle(request, response);
    },
  );
  server.on('clientError', (_error, stream) => visitOf(stream).connection.refuse(400));

  const takeTurn = createTurns();
  return (socket, visitor) => {
    const connection = createConnection(socket, patience, takeTurn, (error) => report(error, visitor));
    visits.set(connection.stream, { connection, visitor });
    server.emit('connection', connection.stream);
  };
}

/** Of a target each character is one byte. */
function inUtf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
