/** What a route is: a method, a path, who may call, and what it answers. Routes lie in `routes/`, one file per resource;
 *  `server.ts` finds the one that is meant, checks the caller, and sends the reply. */

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Control, LoadedState, Revisions } from '../../actors/control-ports.ts';

/** Who calls is known from the socket that was called (design §6). */
export type Caller =
  | { readonly kind: 'host' }
  | { readonly kind: 'container'; readonly name: string; readonly mgmt: boolean };

export interface Call {
  readonly control: Control;
  readonly caller: Caller;
  /** As it was sent, nothing decoded. */
  readonly target: string;
  /** What stood for each `{}` of the pattern, as it was sent. */
  readonly params: readonly string[];
  /** Percent-decoded query of routes below `/v1/`; the reference knows none. */
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
}

interface ReplyHead {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Reply =
  /** Nothing but the status. */
  | ReplyHead
  /** `{"Error":"<text>"}`. */
  | (ReplyHead & { readonly error: string })
  /** JSON text as it goes out. */
  | (ReplyHead & { readonly json: string })
  /** A stream is ended when the client goes away, and when it fails the connection is cut. */
  | (ReplyHead & { readonly type: string; readonly body: string | Readable });

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{}` a pattern route, without an exact one (control API §3). */
  readonly path: string;
  /** Every identified container may call; all other routes need the mgmt role or the host. */
  readonly forAll?: true;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
}

export const OK: Reply = { status: 200 };
export const TOO_LARGE: Reply = { status: 507, error: 'Not enough disk space available' };
const NOT_LOADED: Reply = { status: 500, error: 'State not loaded yet' };

/** For routes that need the state (control API §1). */
export function withState(
  handle: (state: LoadedState, call: Call) => Reply | Promise<Reply>,
): Route['handle'] {
  return (call) => (call.control.loaded === undefined ? NOT_LOADED : handle(call.control.loaded, call));
}

/** For routes that need stored revisions. */
export function withRevisions(
  handle: (revisions: Revisions, call: Call) => Reply | Promise<Reply>,
): Route['handle'] {
  return (call) => (call.control.revisions === undefined ? NOT_LOADED : handle(call.control.revisions, call));
}
