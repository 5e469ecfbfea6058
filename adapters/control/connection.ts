/** One client between its socket and Node's HTTP server: request after request is brought into the form that Node's
 *  parser wants, the next one when the one before has been answered. Clients that are slow, silent, endless or broken
 *  are cut here; each can hold a bounded number of bytes for a bounded time. Who calls, and what is answered, is
 *  elsewhere.
 *
 *  One closure is one connection: its phases share their state with nobody, so the file is longer than most. */

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type BodyReader, readChunks, readLength } from './body-reader.ts';
import { createCollector } from './collector.ts';
import { type AcceptedHead, readHead } from './head.ts';
import type { TakeTurn } from './turns.ts';

/** How long a client may take, in milliseconds. Uploads take as long as they go on, and so do answers. */
export interface Patience {
  /** From the first byte of a head, or from the connection, to the empty line. */
  readonly headMs: number;
  /** Between an answer and the next request. */
  readonly idleMs: number;
  /** For each further KiB of a body, or its end. */
  readonly bodyMs: number;
  /** For taking a piece of the answer. */
  readonly answerMs: number;
  /** For closing its side once the last answer is out: it may still be sending. */
  readonly farewellMs: number;
  /** How long an event stream is silent before it says that it is still there. */
  readonly heartbeatMs: number;
}

export const PATIENCE: Patience = {
  headMs: 10_000,
  idleMs: 15_000,
  bodyMs: 30_000,
  answerMs: 60_000,
  farewellMs: 2_000,
  heartbeatMs: 15_000,
};

export interface Connection {
  /** For the HTTP server. */
  readonly stream: Duplex;
  /** Of this request, in latin1. */
  readonly target: () => string;
  /** Whether the body of this request has come to its end. */
  readonly complete: () => boolean;
  /** Resolves when the body has come to its end, or is longer than `READ_AHEAD_BYTES`; never for a client that goes
   *  away. */
  received(): Promise<void>;
  /** This request has its answer. */
  answered(): void;
  /** Answers what is no request, unless an answer is under way, and closes. */
  refuse(status: RefusedStatus): void;
}

export type RefusedStatus = 400 | 417 | 501;

/** Bytes of a body that wait for being read, twice: here and in Node's request. */
export const READ_AHEAD_BYTES = 16 * 1024;
/** Less of a body within `bodyMs` is no progress. */
const PROGRESS_BYTES = 1024;
/** Of a head or of chunks, which are looked at byte by byte, at one go: then it is the turn of other connections. */
const TURN_BYTES = 4096;
/** With a blank, unlike every other error body (control API §2). */
const UNSUPPORTED = '{"Error": "Unsupported protocol"}';

/** `takeTurn` is shared by all connections. `socket` is open, paused, and stays open when the client closes its side. */
export function createConnection(
  socket: Socket,
  patience: Patience,
  takeTurn: TakeTurn,
  report: (error: unknown) => void,
): Connection {
  /** `answering`: the whole request has come. `over`: the last answer is out or none will be given. */
  let phase: 'head' | 'body' | 'answering' | 'over' = 'head';
  let collector = createCollector();
  let body: BodyReader = readLength(0);
  /** What comes is looked at byte by byte. */
  let laborious = true;
  let target = '';
  /** Of the body, since the last progress. */
  let progress = 0;
  /** Of this request, the answer. */
  let begun = false;
  /** The client has closed its side. */
  let ended = false;
  /** Paused for the other connections' sake, until the event loop turns. */
  let yielding = false;
  let waiting: (() => void)[] = [];
  let deadline: NodeJS.Timeout | undefined;

  const stream = new Duplex({
    readableHighWaterMark: READ_AHEAD_BYTES,
    read() {
      if (phase !== 'body' || yielding || !socket.isPaused()) return;
      within(patience.bodyMs, () => stream.destroy());
      socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      if (phase === 'over') return done();
      begun = true;
      send(chunk, done);
    },
    final(done) {
      close();
      done();
    },
    destroy(error, done) {
      clearTimeout(deadline);
      socket.destroy();
      done(error);
    },
  });

  function within(ms: number, late: () => void): void {
    clearTimeout(deadline);
    if (!stream.destroyed) deadline = setTimeout(late, ms);
  }

  /** An answer that nobody takes ends the connection; so does one that nobody can take, by closing the socket. */
  function send(chunk: Buffer | string, done: () => void): void {
    const stuck = setTimeout(() => stream.destroy(), patience.answerMs);
    socket.write(chunk, () => {
      clearTimeout(stuck);
      done();
    });
  }

  function arrive(received: Buffer): void {
    const now = laborious ? received.subarray(0, TURN_BYTES) : received;
    const behind = take(now);
    const later = received.subarray(now.length);
    const left = behind === undefined ? later : Buffer.concat([behind, later]);
    if (left.length === 0 || phase === 'over' || stream.destroyed) return;
    // Whoever has paused it says when it goes on.
    if (!socket.isPaused()) giveWay();
    socket.unshift(left);
  }

  function giveWay(): void {
    yielding = true;
    socket.pause();
    takeTurn(() => {
      yielding = false;
      socket.resume();
    });
  }

  /** Gives what came behind the end of the request. */
  function take(received: Buffer): Buffer | undefined {
    let rest: Buffer | undefined = received;
    while (rest !== undefined && rest.length > 0) {
      switch (phase) {
        case 'head':
          rest = takeHead(rest);
          break;
        case 'body':
          rest = takeBody(rest);
          break;
        case 'answering':
          // Paused since the end of the request; what has been read too far comes again.
          return rest;
        default:
          return undefined;
      }
    }
    return undefined;
  }

  function takeHead(chunk: Buffer): Buffer | undefined {
    const fresh = collector.empty();
    const collected = collector.take(chunk);
    switch (collected.kind) {
      case 'tooLong':
        refuse(400);
        return undefined;
      case 'partial':
        if (fresh && !collector.empty()) within(patience.headMs, () => refuse(400));
        return undefined;
      default:
        return begin(collected.head, collected.rest);
    }
  }

  function begin(text: string, rest: Buffer): Buffer | undefined {
    const head = readHead(text);
    switch (head.kind) {
      case 'foreign':
        stream.destroy();
        return undefined;
      case 'refused':
        refuse(head.status);
        return undefined;
      default:
        receive(head, rest.length === 0);
        return rest;
    }
  }

  function receive(head: AcceptedHead, nothingCame: boolean): void {
    collector = createCollector();
    target = head.target;
    progress = 0;
    if (head.body === 0) {
      endRequest();
    } else {
      phase = 'body';
      laborious = head.body === 'chunked';
      body = head.body === 'chunked' ? readChunks() : readLength(head.body);
      within(patience.bodyMs, () => stream.destroy());
      if (head.waits && nothingCame) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    stream.push(head.text, 'latin1');
  }

  function takeBody(chunk: Buffer): Buffer | undefined {
    const part = body.take(chunk);
    if (part === undefined) {
      refuse(400);
      return undefined;
    }
    progress += part.content;
    if (part.rest !== undefined) endRequest();
    const room = part.pass.length === 0 || stream.push(part.pass);
    if (part.rest !== undefined || phase === 'over') return part.rest;
    if (!room) {
      // It is our turn: whoever reads the body says when it goes on.
      socket.pause();
      clearTimeout(deadline);
      settle();
    } else if (progress >= PROGRESS_BYTES) {
      progress = 0;
      within(patience.bodyMs, () => stream.destroy());
    }
    return undefined;
  }

  function endRequest(): void {
    phase = 'answering';
    socket.pause();
    clearTimeout(deadline);
    settle();
  }

  function settle(): void {
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  function answered(): void {
    if (stream.destroyed || stream.writableEnded) return;
    // A client that is still sending, or has nothing more to say.
    if (phase === 'body' || ended) {
      stream.end();
      return;
    }
    phase = 'head';
    laborious = true;
    begun = false;
    within(patience.idleMs, () => stream.destroy());
    socket.resume();
  }

  function refuse(status: RefusedStatus): void {
    if (phase === 'over' || begun) {
      stream.destroy();
      return;
    }
    const fields = `Content-Type: application/json\r\nContent-Length: ${UNSUPPORTED.length}\r\nConnection: close`;
    send(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}\r\n\r\n${UNSUPPORTED}`, () => undefined);
    close();
  }

  /** A client that is still sending would lose the answer, were the socket closed under it. */
  function close(): void {
    if (phase === 'over') return;
    const silent = phase === 'answering' && socket.readableLength === 0;
    phase = 'over';
    if (silent) {
      socket.destroySoon();
      return;
    }
    socket.end();
    within(patience.farewellMs, () => stream.destroy());
    socket.resume();
  }

  socket.on('data', arrive);
  socket.once('end', () => {
    ended = true;
    if (phase === 'body' || (phase === 'head' && !collector.empty())) refuse(400);
    else if (phase === 'head') stream.destroy();
  });
  // The client has gone away: that is its right.
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') report(error);
  });
  socket.once('close', () => stream.destroy());
  within(patience.headMs, () => stream.destroy());
  socket.resume();

  return {
    stream,
    target: () => target,
    complete: () => phase === 'answering',
    received: () => {
      if (phase === 'answering' || (phase === 'body' && socket.isPaused() && !yielding))
        return Promise.resolve();
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    answered,
    refuse,
  };
}
