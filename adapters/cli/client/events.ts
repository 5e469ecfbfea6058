/** `statevisor events`: what changes, as it happens, over restarts of the supervisor. */

import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import type { EventDocument, StatusDocument } from './documents.ts';
import { eventLine } from './event-line.ts';
import { secondsOf } from './seconds.ts';
import { type ClientFlags, withSession } from './session.ts';

export interface EventFlags extends ClientFlags {
  readonly since?: string;
  /** False: only what there is already. */
  readonly follow?: boolean;
  /** Seconds. */
  readonly retry?: string;
}

/** Follows until whoever reads goes away. 0 with `--no-follow` · 7 the supervisor has ended and none has come in its
 *  place. */
export function events(flags: EventFlags, terminal: Terminal): Promise<ExitCode> {
  const awayMs = secondsOf('--retry', flags.retry ?? '10');
  return withSession(flags, terminal, async (session) => {
    const status = JSON.parse(await session.get('/v1/status')) as StatusDocument;
    const last = status.last_event_id;
    const following = flags.follow !== false;
    const since = flags.since ?? (following ? last : 'start');
    if (!following && (since === last || isFirst(last))) return EXIT.ok;
    const stream = await session.follow({ since, awayMs, signal: readerGone(terminal) });
    for await (const { id, type, data } of stream) {
      if (session.json) session.print(`${jsonLine(id, type, data)}\n`);
      else if (type === 'gap') session.say('some events are no longer to be had');
      else session.print(eventLine(type, JSON.parse(data) as EventDocument, status.clock, session.paint));
      if (!following && (id === last || type === 'gap')) return EXIT.ok;
    }
    return EXIT.ok;
  });
}

/** Nothing has been told yet. */
function isFirst(id: string): boolean {
  return id.endsWith('-0');
}

/** One object: `id`, `event`, and what came with it. */
function jsonLine(id: string, event: string, data: string): string {
  return JSON.stringify({ id, event, ...(JSON.parse(data) as object) });
}

/** As in `statevisor events | head -1`. */
function readerGone({ out }: Terminal): AbortSignal {
  const gone = new AbortController();
  if ('once' in out && typeof out.once === 'function') out.once('close', () => gone.abort());
  return gone.signal;
}
