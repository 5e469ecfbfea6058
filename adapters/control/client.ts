/** A client of the control socket: one request, one answer, each on a connection of its own. The stream of events is
 *  followed in `event-client.ts`; which socket is meant, and what is made of an answer, is the caller's business. */

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { errnoOf } from '../store/files.ts';

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with query; each character is one byte. `segment` makes a part of it from any text. */
  readonly target: string;
  readonly body?: string | Upload;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A body that is sent piece by piece. */
export interface Upload {
  /** Bytes of all pieces together. */
  readonly size: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** An answer that says no: status 400 and above. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  /** Of `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  /** `message`: the text of `{"Error":"<text>"}` (control API §5). */
  constructor(status: number, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Nobody is there, or went away before the answer. */
export class NoConnection extends Error {
  override readonly name = 'NoConnection';
}

/** Somebody is there and does not answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Longer than the supervisor waits for anything that it does before it answers. */
const PATIENCE_MS = 60_000;
/** `sun_path` of unix(7) with its terminating zero byte; Node would cut a longer one in silence. */
const MAX_PATH_BYTES = 107;

/** Resolves to the body of an answer below 400. @throws Refused, NoConnection, NoAnswer */
export async function ask(socketPath: string, question: Question): Promise<string> {
  const response = await open(socketPath, question);
  try {
    return await text(response);
  } catch (error) {
    throw connectionError(socketPath, error);
  }
}

/** Resolves to an answer below 400 once its head is there. After `silenceMs` without a byte the connection is cut.
 *  @throws Refused, NoConnection, NoAnswer */
export async function open(
  socketPath: string,
  { method, target, body, headers = {} }: Question,
  silenceMs = PATIENCE_MS,
): Promise<IncomingMessage> {
  const length = Buffer.byteLength(socketPath);
  if (length > MAX_PATH_BYTES) {
    throw new NoConnection(
      `the path of the socket has ${length} bytes, ${MAX_PATH_BYTES} are possible: ${socketPath}`,
    );
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent: ClientRequest = request({
      socketPath,
      method,
      path: target,
      // Waiting connections would keep the process from ending.
      agent: false,
      headers: { ...(body === undefined ? {} : { 'Content-Length': lengthOf(body) }), ...headers },
    });
    sent.setTimeout(silenceMs, () => sent.destroy(new NoAnswer(silence(socketPath, silenceMs))));
    sent.once('response', resolve);
    sent.on('error', (error) => reject(connectionError(socketPath, error)));
    // Together with a text, Node would write the head in UTF-8, and each byte of the target as two.
    if (typeof body !== 'object') sent.end(body === undefined ? undefined : Buffer.from(body));
    // What goes wrong comes out as an error of the request.
    else pipeline(Readable.from(body.pieces, { objectMode: false }), sent, () => undefined);
  });
  if ((response.statusCode ?? 0) < 400) return response;
  throw await refusal(socketPath, response);
}

function lengthOf(body: string | Upload): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.size;
}

/** Any text as one segment of a pattern route's path (control API §3): its bytes as they are, nothing is decoded there.
 *  Undefined for what cannot be one. */
export function segment(name: string): string | undefined {
  const bytes = Buffer.from(name, 'utf8').toString('latin1');
  return /^[\x21-\x2e\x30-\x7e\x80-\xff]+$/.test(bytes) ? bytes : undefined;
}

async function refusal(socketPath: string, response: IncomingMessage): Promise<Error> {
  try {
    const body = await text(response);
    const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
    return new Refused(
      response.statusCode ?? 0,
      errorText(body) ?? `status ${response.statusCode}: ${body}`,
      Number.isFinite(seconds) ? seconds : undefined,
    );
  } catch (error) {
    return connectionError(socketPath, error);
  }
}

function errorText(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('Error' in parsed)) return undefined;
    return typeof parsed.Error === 'string' ? parsed.Error : undefined;
  } catch {
    return undefined;
  }
}

/** What failed on which socket, why, and what to do. A bug stays what it is. */
export function connectionError(socketPath: string, error: unknown): Error {
  if (error instanceof NoAnswer || error instanceof NoConnection) return error;
  const errno = errnoOf(error);
  if (errno === undefined || errno.startsWith('ERR_')) {
    return error instanceof Error ? error : new Error(String(error));
  }
  return new NoConnection(REASONS[errno]?.(socketPath) ?? `no connection to ${socketPath}: ${errno}`, {
    cause: error,
  });
}

const AWAY = 'Start a supervisor with statevisor run, or name another socket with --socket';
const wentAway = (path: string) =>
  `the supervisor at ${path} went away before it had answered. Look at its log, then ask again`;
const REASONS: Readonly<Record<string, (path: string) => string>> = {
  ECONNREFUSED: (path) => `nobody listens at ${path}: its supervisor has ended. ${AWAY}`,
  ENOENT: (path) => `there is no control socket ${path}. ${AWAY}`,
  EACCES: (path) => `no connection to ${path}: EACCES. The socket of the host is for root alone: use sudo`,
  EAGAIN: (path) => `too many wait at ${path} already. Ask again`,
  ECONNRESET: wentAway,
  EPIPE: wentAway,
};

function silence(path: string, ms: number): string {
  return `the supervisor at ${path} has not answered for ${ms / 1000} s. Look at its log, then ask again`;
}
