/** Calls the routes of one resource as the server does once it has found out who calls: no sockets, no HTTP, and the
 *  real supervisor behind it. Which caller may call what is the server's business, and tested with it. */

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Control } from '../../actors/control-ports.ts';
import { createDrivers } from '../../actors/drivers.ts';
import type { Caller, Reply, Route } from '../../adapters/control/route.ts';
import { controlJson } from '../../machines/domain/control-text.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { settle } from '../../sim/clock.ts';
import type { World } from './world.ts';

export interface Answered {
  readonly status: number;
  /** As it goes out: errors as `{"Error":"<text>"}`. */
  readonly body: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RouteCall {
  readonly routes: readonly Route[];
  readonly method: Route['method'];
  readonly target: string;
  readonly body?: string;
  readonly caller?: Caller;
  /** The parts that the routes in question look at. */
  readonly control: Partial<Control>;
}

export const HOST: Caller = { kind: 'host' };

/** Answers, and lets what the call set off happen as far as it goes without time passing. */
export async function callRoute({
  routes,
  method,
  target,
  body = '',
  caller = HOST,
  control,
}: RouteCall): Promise<Answered> {
  const { pathname, searchParams } = new URL(target, 'http://localhost');
  const segments = pathname.split('/');
  const route = routes.find((one) => one.method === method && fits(one.path.split('/'), segments));
  if (route === undefined) throw new Error(`no route for ${method} ${target}`);
  const reply = await route.handle({
    control: control as Control,
    caller,
    target,
    params: segments.filter((_, i) => route.path.split('/')[i] === '{}'),
    query: searchParams,
    request: Readable.from(body === '' ? [] : [Buffer.from(body)]) as IncomingMessage,
  });
  await settle();
  return answered(reply);
}

/** The state of a world as the control API sees it. */
export function stateOf(
  { supervisor, attachment, clock }: World,
  revision: Revision,
): Pick<Control, 'loaded' | 'now'> {
  const drivers = createDrivers(attachment.ports, revision);
  return {
    loaded: { supervisor, revision, revisionName: 'locals/test', drivers },
    now: () => clock.now(),
  };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length && pattern.every((part, i) => part === '{}' || part === segments[i])
  );
}

async function answered(reply: Reply): Promise<Answered> {
  const { status } = reply;
  const json = { status, type: 'application/json', headers: {} };
  if ('error' in reply) {
    return { ...json, body: controlJson({ Error: reply.error }), headers: reply.headers ?? {} };
  }
  if ('json' in reply) return { ...json, body: reply.json };
  if (!('body' in reply)) return { ...json, body: '' };
  const body = typeof reply.body === 'string' ? reply.body : await text(reply.body);
  return { ...json, type: reply.type, body };
}
