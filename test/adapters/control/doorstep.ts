/** The sockets of a device below a directory, a server behind them, and clients that send raw bytes. The state is no
 *  more than three containers: what routes make of it is tested with them. */

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Control, LoadedState } from '../../../actors/control-ports.ts';
import { readBody } from '../../../adapters/control/body.ts';
import { PATIENCE, type Patience } from '../../../adapters/control/connection.ts';
import { createDoors, type Doors, type DoorsOptions } from '../../../adapters/control/doors.ts';
import { type Call, type Reply, type Route, TOO_LARGE } from '../../../adapters/control/route.ts';
import { createControlServer } from '../../../adapters/control/server.ts';
import { revisionOf } from '../../support/revision.ts';

export const UNSUPPORTED = '{"Error": "Unsupported protocol"}';
/** The host, or a container. */
export const HOST = 'host';
const CONTAINERS = ['admin', 'web', 'data'] as const;
/** `stranger` has a door, but the revision knows nothing of it. */
export type Who = typeof HOST | (typeof CONTAINERS)[number] | 'stranger';

export interface Doorstep {
  readonly runDir: string;
  readonly doors: Doors;
  /** What was reported as nobody's fault but ours. */
  readonly reported: unknown[];
  /** Sends all, closes its side like busybox nc, and reads to the end. */
  ask(raw: string | Buffer, who?: Who): Promise<string>;
  dial(who?: Who): Socket;
  close(): Promise<void>;
}

export interface DoorstepOptions {
  readonly runDir: string;
  readonly routes?: readonly Route[];
  readonly patience?: Partial<Patience>;
  /** Undefined until the state is loaded. */
  readonly loaded?: () => LoadedState | undefined;
  readonly load?: DoorsOptions['load'];
  /** What the routes look at besides. */
  readonly control?: Partial<Control>;
}

export const loadedState = {
  revision: revisionOf({
    g: { containers: { admin: { roles: ['mgmt'] }, web: {}, data: {} } },
  }),
} as unknown as LoadedState;

export async function openDoorstep(options: DoorstepOptions): Promise<Doorstep> {
  const { runDir, loaded = () => loadedState } = options;
  const reported: unknown[] = [];
  const report = (error: unknown) => reported.push(error);
  const control = Object.defineProperty({ ...options.control }, 'loaded', { get: loaded }) as Control;
  const serve = createControlServer({
    control,
    routes: options.routes ?? [echo],
    report,
    patience: { ...PATIENCE, ...options.patience },
  });
  const containers = [...CONTAINERS, 'stranger'];
  const doors = createDoors({ runDir, load: options.load ?? (async () => serve), report });
  await doors.openHost();
  for (const name of containers) await doors.open(name);
  const dial = (who: Who = 'admin') =>
    connect({
      path: who === HOST ? join(runDir, 'pv-ctrl') : join(runDir, 'doors', who, 'pv-ctrl'),
      allowHalfOpen: true,
    });
  return {
    runDir,
    doors,
    reported,
    dial,
    ask(raw, who) {
      const socket = dial(who);
      socket.end(raw);
      return text(socket);
    },
    close: () => doors.closeAll(),
  };
}

/** Says which method and body came, up to 64 KiB. */
export const echo: Route = { method: 'POST', path: '/echo', forAll: true, handle: sayBack };

export async function sayBack({ request, params, query }: Call): Promise<Reply> {
  const body = await readBody(request, 64 * 1024);
  if (body === undefined) return TOO_LARGE;
  return {
    status: 200,
    type: 'text/plain',
    body: [request.method, ...params, ...query.values(), body].join(' '),
  };
}

/** With a body of known length; `fields` are further lines of the head. */
export function post(
  body: string,
  target = '/echo',
  method = 'POST',
  fields: readonly string[] = [],
): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return [`${method} ${target} HTTP/1.1`, 'Host: localhost', length, ...fields, '', body].join('\r\n');
}

export function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\n\r\n`;
}

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** All answers on a connection, each with a length or up to the end; provisional ones are among them. */
export function answersIn(raw: string): readonly Answer[] {
  const answers: Answer[] = [];
  let bytes = Buffer.from(raw);
  while (bytes.length > 0) {
    const end = bytes.indexOf('\r\n\r\n');
    assert.notEqual(end, -1, `no end of a head in ${bytes}`);
    const head = bytes.toString('utf8', 0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? assert.fail(`no status line: ${head}`));
    const length = /^content-length: (\d+)$/im.exec(head)?.[1];
    const start = end + 4;
    const after = status === 100 ? start : length === undefined ? bytes.length : start + Number(length);
    assert.ok(after <= bytes.length, 'an answer was cut');
    answers.push({ status, head, body: bytes.toString('utf8', start, after) });
    bytes = bytes.subarray(after);
  }
  return answers;
}

/** The only one. */
export function answerIn(raw: string): Answer {
  const answers = answersIn(raw);
  assert.equal(answers.length, 1, raw);
  return answers[0] ?? assert.fail();
}
