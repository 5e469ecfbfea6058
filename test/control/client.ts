/** The three kinds of clients of the conformance suite: raw bytes, HTTP/1.0 that closes its side, and curl; and what comes
 *  back, taken apart. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Who } from './device.ts';

/** Where the sockets are, and how to run a program that calls one. */
export interface Reach {
  /** A path of this machine that leads to the socket. */
  socketOf(who: Who): string;
  /** The words that run a program where the caller is, and the path of the socket there. */
  programFor(who: Who): { readonly prefix: readonly string[]; readonly socket: string };
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Request {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly body?: string | undefined;
  /** Further header lines. */
  readonly fields?: readonly string[] | undefined;
}

export function dial(reach: Reach, who: Who): Socket {
  return connect({ path: reach.socketOf(who), allowHalfOpen: true });
}

export interface Manner {
  /** Says that it has said everything. */
  readonly halfClose?: true | undefined;
  /** Sends a further piece once something has come back. */
  readonly waits?: true | undefined;
}

/** Sends the pieces one after the other and reads to the end. */
export async function sendBytes(
  reach: Reach,
  who: Who,
  pieces: readonly (string | Buffer)[],
  { halfClose, waits }: Manner = {},
): Promise<string> {
  const socket = dial(reach, who);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const over = new Promise<void>((resolve, reject) => {
    socket.once('end', resolve);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // The server has closed while this was still sending.
      if (['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) resolve();
      else reject(error);
    });
  });
  for (const piece of pieces) {
    const heard = once(socket, 'data');
    const taken = new Promise((resolve) => socket.write(piece, resolve));
    await Promise.race([waits === true ? heard : taken, over]);
  }
  if (halfClose === true) socket.end();
  await over;
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

/** HTTP/1.1, one request on its connection. */
export function requestText({ method, target, body, fields = [] }: Request, version = '1.1'): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const close = version === '1.1' ? ['Connection: close'] : [];
  return [
    `${method} ${target} HTTP/${version}`,
    'Host: localhost',
    ...close,
    ...fields,
    ...length,
    '',
    body ?? '',
  ].join('\r\n');
}

/** HTTP/1.0 as a netcat sends it, from where the caller is: all at once, then its side is closed. */
const OLD_CLIENT = `use Socket; local $/; my ($request, $server) = <STDIN>;
socket($server, AF_UNIX, SOCK_STREAM, 0); connect($server, pack_sockaddr_un($ARGV[0])) or die "connect: $!";
syswrite($server, $request); shutdown($server, 1); print <$server>;`;

export async function askOld(reach: Reach, who: Who, request: Request): Promise<Answer> {
  const { prefix, socket } = reach.programFor(who);
  const words = [...prefix, 'perl', '-e', OLD_CLIENT, socket];
  return answerIn((await output(words, requestText(request, '1.0'))).toString('latin1'));
}

export async function askBytes(reach: Reach, who: Who, request: Request): Promise<Answer> {
  return answerIn(await sendBytes(reach, who, [requestText(request)]));
}

export async function askCurl(reach: Reach, who: Who, request: Request): Promise<Answer> {
  const { method, target, body, fields = [] } = request;
  const { prefix, socket } = reach.programFor(who);
  const words = [
    ...prefix,
    'curl',
    '-s',
    '-i',
    '--path-as-is',
    '-g',
    '--max-time',
    '20',
    '--unix-socket',
    socket,
  ];
  words.push(...(method === 'HEAD' ? ['-I'] : ['-X', method]), ...fields.flatMap((field) => ['-H', field]));
  if (body !== undefined) words.push('--data-binary', '@-');
  return answerIn((await output([...words, `http://localhost${target}`], body ?? '')).toString('latin1'));
}

export async function output(words: readonly string[], input: string): Promise<Buffer> {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(Buffer.from(input));
  const [out, err, [code]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, 'close'),
  ]);
  assert.equal(code, 0, `${words.join(' ')}: ${err}${out}`);
  return out;
}

/** All answers on a connection, provisional ones among them. Latin1 in, UTF-8 out. */
export function answersIn(raw: string): readonly Answer[] {
  const answers: Answer[] = [];
  let rest = Buffer.from(raw, 'latin1');
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    assert.notEqual(end, -1, `no end of a head in ${rest}`);
    const [first = '', ...lines] = rest.toString('utf8', 0, end).split('\r\n');
    const status = Number(
      /^HTTP\/1\.[01] (\d{3}) /.exec(first)?.[1] ?? assert.fail(`no status line: ${first}`),
    );
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    const length = headers.get('content-length');
    const start = end + 4;
    const after = status === 100 ? start : length === undefined ? rest.length : start + Number(length);
    answers.push({ status, headers, body: rest.toString('utf8', start, after) });
    rest = rest.subarray(after);
  }
  return answers;
}

/** The only one, provisional ones left out. */
export function answerIn(raw: string): Answer {
  const [answer, ...more] = answersIn(raw).filter(({ status }) => status !== 100);
  assert.ok(answer !== undefined, 'no answer');
  assert.deepEqual(more, []);
  return answer;
}

export type ClientName = 'bytes' | 'half-closing' | 'curl';
type Ask = (reach: Reach, who: Who, request: Request) => Promise<Answer>;
export const CLIENTS: Readonly<Record<ClientName, Ask>> = {
  bytes: askBytes,
  'half-closing': askOld,
  curl: askCurl,
};
