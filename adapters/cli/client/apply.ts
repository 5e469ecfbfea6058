/** `statevisor apply`, `rollback` and `make-factory`: commands that change the revision (control API §6.5). What becomes of
 *  an update is told by `update-wait.ts`. */

import { UsageError } from '../../settings.ts';
import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import type { StatusDocument, StepEntry } from './documents.ts';
import { readState } from './revision-names.ts';
import { secondsOf } from './seconds.ts';
import { type ClientFlags, NO_CONTENT, type Session, Stop, withSession } from './session.ts';
import { awaitUpdate, beginWaiting, type Verdict } from './update-wait.ts';

export interface ApplyFlags extends ClientFlags {
  /** Reboots whatever changes, and makes it the rollback point. */
  readonly commit?: boolean;
  /** True without a limit; a text: seconds. */
  readonly wait?: true | string;
}

/** 0 accepted, or with `--wait` UPDATED or DONE · 1 WONTGO or ERROR: the revision before it runs, or comes back · 3 no such
 *  revision · 5 an update is under way · 6 the time to wait is over. */
export function apply(word: string | undefined, given: ApplyFlags, terminal: Terminal): Promise<ExitCode> {
  const { name, flags } = nameAndFlags(word, given);
  const limitMs = limitOf(flags);
  return withSession(flags, terminal, async (session) => {
    await readState(session, name);
    return run(session, name, limitMs, flags, terminal);
  });
}

/** Back to the revision that was last installed of those that became a rollback point, the running one aside. As `apply` · 3
 *  there is none. */
export function rollback(flags: ApplyFlags, terminal: Terminal): Promise<ExitCode> {
  const limitMs = limitOf(flags);
  return withSession(flags, terminal, async (session) => {
    const { revision } = JSON.parse(await session.get('/v1/status')) as StatusDocument;
    const steps = JSON.parse(await session.get('/steps')) as readonly StepEntry[];
    const name = lastDone(steps, revision.name);
    if (name === undefined) {
      throw new Stop(EXIT.notFound, `no revision but ${revision.name} has become a rollback point`);
    }
    session.say(`back to ${name}`);
    return run(session, name, limitMs, flags, terminal);
  });
}

/** Without a name, the running one. 0 accepted, not done · 3 no such revision · 5 an update is under way. */
export function makeFactory(
  name: string | undefined,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    if (name !== undefined) await readState(session, name);
    await command(session, 'MAKE_FACTORY', name ?? '');
    session.say(
      'accepted: it becomes revision 0, which then runs. statevisor steps progress 0 tells how it goes',
    );
    if (session.json) session.print(NO_CONTENT);
    return EXIT.ok;
  });
}

/** After a bare `--wait` the next word is taken for its value: `--wait locals/blue` waits for that. A number is a time
 *  then: revision 7 goes before it. */
function nameAndFlags(word: string | undefined, flags: ApplyFlags) {
  if (word !== undefined) return { name: word, flags };
  const { wait } = flags;
  if (typeof wait !== 'string' || /^[\d.-]/.test(wait)) throw new UsageError('name the revision to apply');
  return { name: wait, flags: { ...flags, wait: true as const } };
}

function limitOf({ wait }: ApplyFlags): number | undefined {
  return typeof wait === 'string' ? secondsOf('--wait', wait) : undefined;
}

async function run(
  session: Session,
  name: string,
  limitMs: number | undefined,
  { wait, commit }: ApplyFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const order = () => command(session, commit === true ? 'LOCAL_RUN_COMMIT' : 'LOCAL_RUN', name);
  if (wait === undefined) {
    await order();
    if (session.json) session.print(`${JSON.stringify({ revision: name, outcome: 'accepted' })}\n`);
    else session.say(`accepted. statevisor steps progress ${name} tells how it goes`);
    return EXIT.ok;
  }
  const waiting = await beginWaiting(session, name, limitMs);
  await order();
  return conclude(session, name, await awaitUpdate(session, waiting, terminal.err));
}

function conclude(session: Session, name: string, { kind, status, message }: Verdict): ExitCode {
  if (session.json) session.print(`${JSON.stringify({ revision: name, outcome: kind, status, message })}\n`);
  const text = `${name}: ${status === null ? '' : `${status}, `}${message}`;
  if (kind !== 'done') session.say(text);
  else if (!session.json) session.print(`${text}\n`);
  return CODES[kind];
}

const CODES: Readonly<Record<Verdict['kind'], ExitCode>> = {
  done: EXIT.ok,
  failed: EXIT.failed,
  notBegun: EXIT.refused,
  timedOut: EXIT.timedOut,
};

function command({ send }: Session, op: string, payload: string): Promise<string> {
  return send('POST', '/commands', JSON.stringify({ op, payload }));
}

/** Of those with the same date the last one: local ones come behind. */
function lastDone(steps: readonly StepEntry[], running: string | null): string | undefined {
  const done = steps.filter(({ name, progress }) => progress.status === 'DONE' && name !== running);
  return done.reduce<StepEntry | undefined>(
    (best, step) => (best === undefined || step.date >= best.date ? step : best),
    undefined,
  )?.name;
}
