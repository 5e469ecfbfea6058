/** What every client verb has in hand: the supervisor's socket, the terminal, and the exit codes of what goes wrong. */

import { ask, NoAnswer, NoConnection, Refused, segment } from '../../control/client.ts';
import { type FollowOptions, follow, type ServerEvent } from '../../control/event-client.ts';
import { EXIT, type ExitCode, type Paint, painter, type Terminal } from '../output.ts';
import { findSocket, type SocketFlags } from './find-socket.ts';

export interface ClientFlags extends SocketFlags {
  readonly json?: boolean;
}

export interface Session {
  readonly socketPath: string;
  readonly paint: Paint;
  readonly json: boolean;
  /** The body of the answer. @throws Refused, NoConnection, NoAnswer */
  get(target: string): Promise<string>;
  send(method: 'POST' | 'PUT' | 'DELETE', target: string, body?: string): Promise<string>;
  follow(options: Omit<FollowOptions, 'notice'>): Promise<AsyncGenerator<ServerEvent, void>>;
  /** Data, to stdout. */
  print(text: string): void;
  /** Talk, to stderr, one line. */
  say(text: string): void;
}

/** What a verb cannot go on from, with the code it ends with. */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Runs a verb against the supervisor that the flags mean. What goes wrong on the way is told, and made an exit code
 *  (design §8): 3 not found, 4 refused, 5 busy, 6 timed out, 7 no connection. A bug is thrown. */
export async function withSession(
  flags: ClientFlags,
  terminal: Terminal,
  verb: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const say = (text: string) => terminal.err.write(`statevisor: ${text}\n`);
  try {
    return await verb(openSession(flags, terminal, say));
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    say(messageOf(error));
    return code;
  }
}

function openSession(flags: ClientFlags, terminal: Terminal, say: (text: string) => void): Session {
  const socketPath = findSocket(flags, terminal.environment);
  return {
    socketPath,
    paint: painter(terminal.out, terminal),
    json: flags.json === true,
    get: (target) => ask(socketPath, { method: 'GET', target }),
    send: (method, target, body) =>
      ask(socketPath, { method, target, ...(body === undefined ? {} : { body }) }),
    follow: (options) => follow(socketPath, { ...options, notice: (news) => say(NEWS[news]) }),
    print: (text) => terminal.out.write(text),
    say,
  };
}

const NEWS = {
  lost: 'the supervisor has gone away; waiting for it to come back',
  back: 'the supervisor is back',
  restarted: 'that is another supervisor than before: all that it has told so far follows',
} as const;

const STATUS_CODES: Readonly<Record<number, ExitCode>> = {
  403: EXIT.refused,
  404: EXIT.notFound,
  409: EXIT.refused,
  422: EXIT.invalidState,
  503: EXIT.busy,
};

/** Control API §1: only in the first moments of a supervisor. */
const NOT_LOADED = 'State not loaded yet';

/** Undefined for what is a bug. */
export function codeOf(error: unknown): ExitCode | undefined {
  if (error instanceof Stop) return error.code;
  if (error instanceof NoConnection) return EXIT.noConnection;
  if (error instanceof NoAnswer) return EXIT.timedOut;
  if (!(error instanceof Refused)) return undefined;
  return error.message === NOT_LOADED ? EXIT.busy : (STATUS_CODES[error.status] ?? EXIT.failed);
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Refused) {
    const { retryAfterSeconds: seconds } = error;
    if (seconds !== undefined) return `${error.message}, in ${seconds} s at the latest`;
    if (error.message === NOT_LOADED) return `${error.message}. Ask again in a moment`;
    if (error.status === 403 && error.message.includes('not sent from'))
      return `${error.message}. Only the host and containers with role mgmt may ask for that`;
  }
  return error.message;
}

/** A name as part of a path. @throws Stop NOT_FOUND for what can name nothing */
export function segmentOf(kind: string, name: string): string {
  const bytes = segment(name);
  if (bytes !== undefined) return bytes;
  throw new Stop(EXIT.notFound, `there is no ${kind} ${JSON.stringify(name)}: nothing can have that name`);
}

/** What a verb prints whose answer has no content. */
export const NO_CONTENT = '{}\n';
