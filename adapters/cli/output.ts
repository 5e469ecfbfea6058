/** What every verb needs to speak: exit codes, streams, colour. Data goes to stdout, talk to stderr. */

import { styleText } from 'node:util';
import { describeFault, type Fault, toFault } from '../../machines/domain/fault.ts';
import { UsageError } from '../settings.ts';

/** Exit codes (design §8). */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  busy: 5,
  timedOut: 6,
  noConnection: 7,
  invalidState: 8,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (colour: Colour, text: string) => string;

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Where a verb speaks; the process's own streams, or a test's. */
export interface Terminal {
  readonly out: Stream;
  readonly err: Stream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Colours on a terminal, unless NO_COLOR is set to anything. */
export function painter(stream: Stream, { environment }: Terminal): Paint {
  const plain = stream.isTTY !== true || (environment['NO_COLOR'] ?? '') !== '';
  return plain ? (_, text) => text : (colour, text) => styleText(colour, text);
}

const FAULT_EXITS: Readonly<Partial<Record<Fault['code'], ExitCode>>> = {
  NOT_FOUND: EXIT.notFound,
  REFUSED: EXIT.refused,
  BUSY: EXIT.busy,
};

/** Tells an error and gives its exit code. A bug shows its stack. */
export function complain(error: unknown, { err }: Terminal): ExitCode {
  if (error instanceof UsageError) {
    err.write(`statevisor: ${error.message}\n`);
    return EXIT.usage;
  }
  const fault = toFault(error);
  err.write(`statevisor: ${fault.stack ?? describeFault(fault)}\n`);
  return FAULT_EXITS[fault.code] ?? EXIT.failed;
}
