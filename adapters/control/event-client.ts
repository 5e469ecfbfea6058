/** Follows the stream of events, over the death of the supervisor too: its successor is seen in the directory of
 *  the socket, nothing is polled. What an event means is the business of those who follow. */

import { on } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { errnoOf } from '../store/files.ts';
import { connectionError, NoConnection, open } from './client.ts';

export interface ServerEvent {
  readonly id: string;
  /** `container`, `group`, `revision`, `failure`, `device`; `gap`: some before it are no longer to be had. */
  readonly type: string;
  /** JSON text, one line. */
  readonly data: string;
}

export interface FollowOptions {
  /** Those after this id; `start`: all that are kept. */
  readonly since: string;
  /** How long a supervisor may be away before its clients give up. */
  readonly awayMs: number;
  /** `lost`: waiting for it to come back. `back`: the same one. `restarted`: another one; all that it keeps follows. */
  readonly notice: (news: 'lost' | 'back' | 'restarted') => void;
  /** Ends the stream quietly. */
  readonly signal?: AbortSignal;
}

/** The supervisor says every 15 s that it is still there. */
const SILENCE_MS = 40_000;

/** Resolves once no later event can be missed. @throws Refused, NoConnection, NoAnswer; the stream itself NoConnection */
export async function follow(
  socketPath: string,
  options: FollowOptions,
): Promise<AsyncGenerator<ServerEvent, void>> {
  const first = await open(socketPath, { method: 'GET', target: eventsSince(options.since) }, SILENCE_MS);
  return allEvents(socketPath, first, options);
}

async function* allEvents(
  socketPath: string,
  first: IncomingMessage,
  { since, awayMs, notice, signal = new AbortController().signal }: FollowOptions,
): AsyncGenerator<ServerEvent, void> {
  let last = since;
  let stream = first;
  let resumed = false;
  while (!signal.aborted) {
    let restarted = false;
    const cut = () => stream.destroy();
    signal.addEventListener('abort', cut);
    try {
      for await (const event of readEvents(stream)) {
        // Ids of another life mean nothing to the new one, and everything that it has told is news.
        restarted = resumed && event.type === 'gap' && lifeOf(event.id) !== lifeOf(last);
        resumed = false;
        last = restarted ? 'start' : event.id;
        if (restarted) break;
        yield event;
      }
    } finally {
      signal.removeEventListener('abort', cut);
      stream.destroy();
    }
    if (signal.aborted) return;
    notice(restarted ? 'restarted' : 'lost');
    const next = await reopen(socketPath, last, awayMs, signal);
    if (next === undefined) return;
    if (!restarted) notice('back');
    stream = next;
    resumed = true;
  }
  stream.destroy();
}

/** Waits for the socket to be there again; undefined when `signal` ends that. @throws NoConnection when it is not in time */
async function reopen(
  socketPath: string,
  last: string,
  awayMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  const question = {
    method: 'GET',
    target: last === 'start' ? eventsSince(last) : '/v1/events',
    headers: last === 'start' ? {} : { 'Last-Event-ID': last },
  } as const;
  const deadline = AbortSignal.timeout(awayMs);
  const watcher = watchDirectory(socketPath);
  try {
    // From here on no change is missed: they queue up.
    const changes = on(watcher, 'change', { signal: AbortSignal.any([signal, deadline]) });
    for (;;) {
      try {
        return await open(socketPath, question, SILENCE_MS);
      } catch (error) {
        if (!(error instanceof NoConnection)) throw error;
      }
      await changes.next();
    }
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!(error instanceof Error && error.name === 'AbortError')) throw connectionError(socketPath, error);
    throw new NoConnection(
      `the supervisor at ${socketPath} has ended, and none has come in its place for ${awayMs / 1000} s. Start one with statevisor run`,
    );
  } finally {
    watcher.close();
  }
}

function watchDirectory(socketPath: string): FSWatcher {
  try {
    return watch(dirname(socketPath));
  } catch (error) {
    throw connectionError(socketPath, error);
  }
}

/** Ends with the connection, however that ends. */
async function* readEvents(stream: IncomingMessage): AsyncGenerator<ServerEvent, void> {
  let rest = '';
  try {
    for await (const chunk of stream.setEncoding('utf8')) {
      const blocks = `${rest}${chunk}`.split('\n\n');
      rest = blocks.pop() ?? '';
      yield* blocks.flatMap((block) => eventIn(block) ?? []);
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** Undefined for a comment. */
function eventIn(block: string): ServerEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      return [name, value];
    }),
  );
  const [id, type, data] = ['id', 'event', 'data'].map((name) => fields.get(name));
  return id === undefined || type === undefined || data === undefined ? undefined : { id, type, data };
}

function eventsSince(id: string): string {
  return `/v1/events?since=${encodeURIComponent(id)}`;
}

/** Ids are `<life>-<number>`. */
function lifeOf(id: string): string {
  return id.slice(0, Math.max(0, id.lastIndexOf('-')));
}
