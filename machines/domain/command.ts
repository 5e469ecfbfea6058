/** Commands to the device (control API §6.5): which exist, how one is written, what speaks against it, and what it is
 *  answered. What becomes of an accepted one is the business of `actors/commands.ts`. */

import { readJson } from './json-text.ts';

export type CommandAnswer =
  /** 200 accepted, 204 nothing to do. */
  | { readonly status: 200 | 204 }
  | { readonly status: 400 | 409 | 500; readonly error: string }
  | { readonly status: 503; readonly error: string; readonly retryAfterSeconds: number };

/** What only a revision store can do. */
export const STORE_OPS = ['LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'RUN_GC'] as const;
export type StoreOp = (typeof STORE_OPS)[number];

export const OPS = [
  'UPDATE_METADATA',
  'REBOOT_DEVICE',
  'POWEROFF_DEVICE',
  'TRY_ONCE',
  'LOCAL_APPLY',
  ...STORE_OPS,
  'ENABLE_SSH',
  'DISABLE_SSH',
  'GO_REMOTE',
  'DEFER_REBOOT',
  'XCONNECT_GRAPH',
  'UNCLAIM',
] as const;
export type Op = (typeof OPS)[number];

export interface Command {
  readonly op: Op;
  /** A string as what it says, any other value as its JSON text. */
  readonly payload: string;
}

/** `{"op":"<OP>","payload":<value>}`, both required; undefined for anything else. The op is matched whole, not as the
 *  beginning of one. */
export function readCommand(body: string): Command | undefined {
  const read = readJson(body);
  if (!read.ok || read.root.kind !== 'object') return undefined;
  const named = read.root.members.get('op');
  const payload = read.root.members.get('payload');
  const op = named?.kind === 'string' ? OPS.find((known) => known === named.value) : undefined;
  if (op === undefined || payload === undefined) return undefined;
  return {
    op,
    payload: payload.kind === 'string' ? payload.value : body.slice(payload.start, payload.end),
  };
}

/** How things stand when a command comes in. */
export interface Situation {
  /** In remote mode: a Hub rules. */
  readonly remote: boolean;
  readonly claimed: boolean;
  /** There is a client that could talk to a Hub. */
  readonly hubClient: boolean;
  /** `PV_CONTROL_REMOTE`. */
  readonly remoteAllowed: boolean;
  /** `PV_DEBUG_SHELL`. */
  readonly debugShell: boolean;
  readonly store: boolean;
  /** From the take-up of an update until its final status is recorded. */
  readonly updating: boolean;
  /** The slot is taken, or the device is on its way down. */
  readonly busy: boolean;
}

interface Check {
  /** Undefined: all. */
  readonly ops: readonly Op[] | undefined;
  readonly when: (situation: Situation) => boolean;
  readonly answer: CommandAnswer;
}

const refused = (error: string): CommandAnswer => ({ status: 409, error });

export const BAD_COMMAND: CommandAnswer = { status: 400, error: 'Command has bad format' };

/** Rows 3 to 10 of the table in control API §6.5, and two of our own: what this build cannot do at all is refused
 *  rather than accepted and forgotten. */
const CHECKS: readonly Check[] = [
  {
    ops: ['UPDATE_METADATA'],
    when: ({ remote }) => !remote,
    answer: refused('Cannot do this operation while on local mode'),
  },
  {
    ops: ['REBOOT_DEVICE', 'POWEROFF_DEVICE', 'LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'UNCLAIM'],
    when: ({ updating }) => updating,
    answer: {
      status: 503,
      error: 'Cannot do this operation while update is ongoing',
      retryAfterSeconds: 600,
    },
  },
  {
    ops: ['MAKE_FACTORY'],
    when: ({ claimed }) => claimed,
    answer: refused('Cannot do this operation if device is already claimed'),
  },
  {
    ops: ['GO_REMOTE'],
    when: ({ remoteAllowed }) => !remoteAllowed,
    answer: refused('Cannot do this operation when remote mode is disabled by config'),
  },
  {
    ops: ['GO_REMOTE'],
    when: ({ hubClient }) => !hubClient,
    answer: refused('Cannot do this operation without a Hub client'),
  },
  {
    ops: ['DEFER_REBOOT'],
    when: ({ debugShell }) => !debugShell,
    answer: refused('Cannot do this operation when debug shell is not active'),
  },
  { ops: ['GO_REMOTE'], when: ({ remote }) => remote, answer: { status: 204 } },
  { ops: ['UNCLAIM'], when: ({ claimed }) => !claimed, answer: { status: 204 } },
  {
    ops: STORE_OPS,
    when: ({ store }) => !store,
    answer: refused('Cannot do this operation without a revision store'),
  },
  {
    ops: undefined,
    when: ({ busy }) => busy,
    answer: {
      status: 503,
      error: 'A command is already in progress. Try again',
      retryAfterSeconds: 120,
    },
  },
];

/** 200 when nothing speaks against it; the first check that does decides. */
export function answerToCommand(op: Op, situation: Situation): CommandAnswer {
  const objection = CHECKS.find(
    ({ ops, when }) => (ops === undefined || ops.includes(op)) && when(situation),
  );
  return objection?.answer ?? { status: 200 };
}
