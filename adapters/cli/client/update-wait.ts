/** Waits for the end of an update, over restarts of the supervisor and of the device's revision, and shows on a terminal
 *  where it stands: phase, deadline, and what comes next.
 *
 *  Events say that something has moved; where the update stands is read from the supervisor, and its end from the progress
 *  record, which is what a power cut would leave. Records have no events of their own: they are looked at twice a second. */

import { hasFailed, isFinal, parseProgress } from '../../../machines/domain/progress.ts';
import { Refused } from '../../control/client.ts';
import { follow } from '../../control/event-client.ts';
import { EXIT, type Stream } from '../output.ts';
import { duration } from '../table.ts';
import type { StatusDocument, UpdateDocument } from './documents.ts';
import { openProgressLine } from './progress-line.ts';
import { stepPath } from './revision-names.ts';
import { codeOf, type Session } from './session.ts';

export interface Verdict {
  /** `notBegun`: the supervisor has accepted it and then not taken it up. */
  readonly kind: 'done' | 'failed' | 'notBegun' | 'timedOut';
  /** As recorded. */
  readonly status: string | null;
  readonly message: string;
}

export interface Waiting {
  readonly name: string;
  /** Of a wait that began before the command was given. */
  readonly limit: AbortSignal | undefined;
  readonly limitMs: number | undefined;
  /** The record of an earlier run. */
  readonly before: string | undefined;
  readonly since: string;
}

/** How long a supervisor may be away: a revision that reboots stops everything first. */
const AWAY_MS = 120_000;
const LOOK_MS = 500;
/** In this time an update that was accepted has begun. */
const BEGIN_MS = 3000;

/** Before the command is given, so that nothing is missed. @throws Refused, NoConnection, NoAnswer */
export async function beginWaiting(
  session: Session,
  name: string,
  limitMs: number | undefined,
): Promise<Waiting> {
  const { last_event_id: since } = JSON.parse(await session.get('/v1/status')) as StatusDocument;
  const before = await recordOf(session, name);
  const limit = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
  return { name, limit, limitMs, before, since };
}

/** @throws NoConnection when no supervisor has come back; Refused, NoAnswer */
export async function awaitUpdate(session: Session, waiting: Waiting, talk: Stream): Promise<Verdict> {
  const { name, limit, limitMs } = waiting;
  const line = openProgressLine(talk);
  const over = new AbortController();
  const look = createLook(session, waiting, (text) => line.show(text));
  const bell = createBell();
  const listen = async () => {
    const events = await follow(session.socketPath, {
      since: waiting.since,
      awayMs: AWAY_MS,
      signal: limit === undefined ? over.signal : AbortSignal.any([over.signal, limit]),
      notice: (news) => line.show(`${name}: ${NEWS[news]}`),
    });
    for await (const _ of events) bell.ring();
  };
  const ticks = setInterval(bell.ring, LOOK_MS);
  listen().catch(bell.crack);
  try {
    for (;;) {
      const verdict = await look();
      if (verdict !== undefined) return verdict;
      if (limit?.aborted === true) {
        const seconds = (limitMs ?? 0) / 1000;
        return { kind: 'timedOut', status: null, message: `not over after ${seconds} s; it goes on` };
      }
      await bell.rung();
    }
  } finally {
    clearInterval(ticks);
    over.abort();
    line.clear();
  }
}

const NEWS = {
  lost: 'the supervisor is away; waiting for it to come back',
  back: 'the supervisor is back',
  restarted: 'another supervisor is there',
} as const;

/** Undefined: go on. */
function createLook(session: Session, { name, before }: Waiting, show: (text: string) => void) {
  const beginUntil = performance.now() + BEGIN_MS;
  let seen = false;
  const read = async (): Promise<Verdict | undefined> => {
    const { update, clock } = JSON.parse(await session.get('/v1/update')) as UpdateDocument;
    if (update?.name === name) {
      seen = true;
      show(updateText(name, update, clock.monotonic_ms));
      return undefined;
    }
    const record = await recordOf(session, name);
    if (seen || record !== before) return verdictOf(record);
    if (update !== null || performance.now() < beginUntil) return undefined;
    // It was over between two looks and ended as the time before, or it never began.
    const verdict = verdictOf(record);
    if (verdict?.kind === 'failed') return verdict;
    const { revision } = JSON.parse(await session.get('/v1/status')) as StatusDocument;
    return (revision.name === name ? verdict : undefined) ?? NOT_BEGUN;
  };
  return async () => {
    try {
      return await read();
    } catch (error) {
      const code = codeOf(error);
      // Away, or in its first moments: whether one comes back is for those to say who follow the events.
      if (code === EXIT.noConnection || code === EXIT.busy) return undefined;
      throw error;
    }
  };
}

const NOT_BEGUN: Verdict = {
  kind: 'notBegun',
  status: null,
  message: 'the supervisor has not taken it up. Its log says why',
};

/** Undefined for a record of something that is not over. */
function verdictOf(record: string | undefined): Verdict | undefined {
  const progress = record === undefined ? undefined : parseProgress(record);
  if (progress === undefined || !isFinal(progress.status)) return undefined;
  const { status, message } = progress;
  return { kind: hasFailed(status) ? 'failed' : 'done', status, message };
}

function updateText(name: string, update: NonNullable<UpdateDocument['update']>, nowMs: number): string {
  const { status, message, phase, until_ms: until, next } = update;
  const left = until === null ? '' : `, ${duration(until - nowMs)} left`;
  const said = message === '' ? '' : ` (${message})`;
  return `${name}: ${status ?? ''} ${phase}${left}${said}. ${next}`;
}

async function recordOf({ get }: Session, name: string): Promise<string | undefined> {
  try {
    return await get(stepPath(name, '/progress'));
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  }
}

interface Bell {
  readonly ring: () => void;
  /** Whoever waits next gets the error. */
  readonly crack: (error: unknown) => void;
  /** Resolves when it has been rung since the last time. */
  rung(): Promise<void>;
}

/** Many rings make one. */
function createBell(): Bell {
  let rings = false;
  let crack: { readonly error: unknown } | undefined;
  let wake: () => void = () => undefined;
  return {
    ring: () => {
      rings = true;
      wake();
    },
    crack: (error) => {
      crack = { error };
      wake();
    },
    async rung() {
      if (!rings && crack === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (crack !== undefined) throw crack.error;
      rings = false;
    },
  };
}
