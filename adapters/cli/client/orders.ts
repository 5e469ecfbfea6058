/** `statevisor start|stop|restart CONTAINER…`: orders (control API §6.2), and with `--wait` what becomes of them. */

import { UsageError } from '../../settings.ts';
import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import { secondsOf } from './seconds.ts';
import {
  type ClientFlags,
  codeOf,
  messageOf,
  type Session,
  Stop,
  segmentOf,
  withSession,
} from './session.ts';
import { type Outcome, outcomesOf } from './wait.ts';

export type Order = 'start' | 'stop' | 'restart';

export interface OrderFlags extends ClientFlags {
  /** True without a limit; a text: seconds. */
  readonly wait?: true | string;
}

/** One line of the result, an object with `--json`. `accepted`: without `--wait`. */
interface Result {
  readonly name: string;
  readonly order: Order;
  readonly outcome: 'accepted' | Outcome['kind'] | 'refused';
  /** What is wrong. */
  readonly reason: string | null;
}

/** 0 all were accepted, or with `--wait` carried out · 1 one failed · 3 no such container · 4 refused: it is not to be
 *  controlled, or not as it stands · 6 the time to wait is over · 7 no connection. The first that is not 0 counts; the
 *  other containers get their order all the same. */
export function order(
  kind: Order,
  words: readonly string[],
  flags: OrderFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { names, wait } = waitAndNames(words, flags.wait);
  if (names.length === 0) throw new UsageError(`name the containers to ${kind}`);
  const limitMs = typeof wait === 'string' ? secondsOf('--wait', wait) : undefined;
  return withSession(flags, terminal, async (session) => {
    const results: Result[] = [];
    const codes: ExitCode[] = [];
    const accepted: string[] = [];
    for (const name of new Set(names)) {
      const refusal = await give(session, kind, name);
      if (refusal === undefined) accepted.push(name);
      else {
        session.say(refusal.message);
        codes.push(refusal.code);
        results.push({ name, order: kind, outcome: 'refused', reason: refusal.message });
      }
    }
    if (wait === undefined) {
      for (const name of accepted) results.push({ name, order: kind, outcome: 'accepted', reason: null });
    } else {
      for (const { name, kind: outcome, reason = null } of await outcomesOf(
        session,
        kind,
        accepted,
        limitMs,
      )) {
        if (reason !== null) session.say(reason);
        codes.push(OUTCOME_CODES[outcome]);
        results.push({ name, order: kind, outcome, reason });
      }
    }
    if (session.json) session.print(`${JSON.stringify(results)}\n`);
    return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
  });
}

const OUTCOME_CODES: Readonly<Record<Outcome['kind'], ExitCode>> = {
  done: EXIT.ok,
  failed: EXIT.failed,
  timedOut: EXIT.timedOut,
};

/** After a bare `--wait` the next word is taken for its value: `--wait web` waits for web. */
function waitAndNames(words: readonly string[], wait: true | string | undefined) {
  return typeof wait === 'string' && !/^[\d.-]/.test(wait)
    ? { names: [wait, ...words], wait: true as const }
    : { names: words, wait };
}

/** Undefined when it is accepted. @throws NoConnection, NoAnswer */
async function give(session: Session, kind: Order, name: string): Promise<Stop | undefined> {
  try {
    const body = JSON.stringify({ action: kind });
    await session.send('PUT', `/containers/${segmentOf('container', name)}`, body);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || code === EXIT.noConnection || code === EXIT.timedOut) throw error;
    // 400 is how the reference says that the container's status does not allow it.
    const exit = code === EXIT.failed ? EXIT.refused : code;
    return error instanceof Stop ? error : new Stop(exit, `${name}: ${messageOf(error)}`);
  }
}
