/** Waits for what an order has set off: events tell, nothing is polled. A container that recovers is waited for as long as
 *  its policy tries; what nobody tries any longer has failed. */

import type { ContainerEvent, EventDocument, ExplanationDocument, StatusDocument } from './documents.ts';
import type { Order } from './orders.ts';
import { codeOf, type Session } from './session.ts';

export interface Outcome {
  readonly name: string;
  readonly kind: 'done' | 'failed' | 'timedOut';
  /** A sentence, unless it is done. */
  readonly reason?: string;
}

/** What is looked at, in documents and in events. */
type Standing = Pick<ContainerEvent, 'status' | 'goal' | 'stop_reason' | 'fault'>;

/** How long a supervisor may be away while somebody waits for a container. */
const AWAY_MS = 10_000;

/** Of containers that have been given their order and accepted it, in the order in which they are known. An order has
 *  its first effect before it is answered, so whatever stands from now on is its consequence.
 *  @throws Refused, NoConnection, NoAnswer */
export async function outcomesOf(
  session: Session,
  order: Order,
  names: readonly string[],
  limitMs: number | undefined,
): Promise<readonly Outcome[]> {
  const waiting = new Set(names);
  const outcomes: Outcome[] = [];
  const look = async (verdicts: Verdicts) => {
    for (const [name, verdict] of verdicts) {
      if (verdict === undefined || !waiting.delete(name)) continue;
      outcomes.push(
        verdict === 'done' ? { name, kind: 'done' } : await explained(session, name, 'failed', verdict),
      );
    }
  };
  const limit = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
  const after = await readStatus(session);
  await look(verdictsNow(order, after, waiting));
  if (waiting.size > 0) {
    const since = after.last_event_id;
    const options = { since, awayMs: AWAY_MS, ...(limit === undefined ? {} : { signal: limit }) };
    for await (const event of await session.follow(options)) {
      await look(
        // Some events were missed.
        event.type === 'gap'
          ? verdictsNow(order, await readStatus(session), waiting)
          : verdictsOf(order, JSON.parse(event.data) as EventDocument, waiting),
      );
      if (waiting.size === 0) break;
    }
  }
  for (const name of waiting) {
    outcomes.push(await explained(session, name, 'timedOut', `not done after ${(limitMs ?? 0) / 1000} s`));
  }
  return outcomes;
}

/** `done`, why it failed, or undefined: go on. */
type Verdict = 'done' | string | undefined;
type Verdicts = readonly (readonly [name: string, verdict: Verdict])[];

const DEVICE_STOPS = 'the device stops all containers';

function verdictsNow(
  order: Order,
  { phase, groups }: StatusDocument,
  waiting: ReadonlySet<string>,
): Verdicts {
  const standings = new Map(groups.flatMap(({ containers }) => containers.map((one) => [one.name, one])));
  return [...waiting].map((name) => {
    const standing = standings.get(name);
    if (standing === undefined) return [name, 'it is no longer part of the revision'];
    const verdict = verdictOf(order, standing);
    return [name, verdict ?? (order === 'stop' || phase === 'running' ? undefined : DEVICE_STOPS)];
  });
}

function verdictsOf(order: Order, event: EventDocument, waiting: ReadonlySet<string>): Verdicts {
  if ('from' in event) return [[event.name, verdictOf(order, event)]];
  return 'phase' in event && order !== 'stop' && event.phase !== 'running'
    ? [...waiting].map((name) => [name, DEVICE_STOPS])
    : [];
}

function verdictOf(order: Order, { status, goal, stop_reason: reason, fault }: Standing): Verdict {
  // One that is about to start again has no reason to be STOPPED.
  const stopped = status === 'STOPPED' && reason !== null;
  if (order === 'stop') return stopped ? 'done' : undefined;
  if (stopped) return reason === 'finished' && goal === 'ACHIEVED' ? 'done' : 'it has stopped';
  if ((status === 'INSTALLED' || status === 'MOUNTED') && fault !== null) return 'it could not be started';
  if (goal === 'TIMEDOUT') return 'it has not reached its goal in time';
  return goal === 'ACHIEVED' ? 'done' : undefined;
}

async function readStatus({ get }: Session): Promise<StatusDocument> {
  return JSON.parse(await get('/v1/status')) as StatusDocument;
}

/** With what the supervisor says of it, as far as there is one. */
async function explained(
  { get }: Session,
  name: string,
  kind: 'failed' | 'timedOut',
  why: string,
): Promise<Outcome> {
  try {
    const { text } = JSON.parse(await get(`/v1/explain/${encodeURIComponent(name)}`)) as ExplanationDocument;
    return { name, kind, reason: `${name}: ${why}. ${text}` };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { name, kind, reason: `${name}: ${why}` };
  }
}
