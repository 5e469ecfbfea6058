/** How the fake host behaves: what becomes of each thing it is asked to do.
 *
 *  Every operation asks `Decide` once, when it begins. `decideBy` answers from a table (what a scenario says);
 *  `decideFromTape` answers from a choice tape (what property tests turn). A decision of `{}` is a success at once. */

import type { Fault, FaultCode } from '../machines/domain/fault.ts';
import type { Exit } from '../machines/domain/recovery.ts';
import type { ChoiceTape, Random } from './random.ts';

/** `record` is the journal's write; its latency and `hangs` mean nothing, the port is synchronous. */
export type Operation = 'mount' | 'unmount' | 'load' | 'unload' | 'start' | 'halt' | 'kill' | 'record';

export interface Decision {
  /** Until the operation shows its result; 0 unless said. */
  readonly latencyMs?: number;
  /** The operation fails with this. A failing `start` is told as an exit of kind `startFailed`. */
  readonly fault?: Fault;
  /** The operation never shows a result: a mount that only an abort ends, a start without a pid, a halt that init
   *  ignores. A kill cannot hang. */
  readonly hangs?: boolean;
  /** `start`: init ends by itself like this, `exitAfterMs` after it is alive. `halt`: how init ends; exit 0 unless said. */
  readonly exit?: Exit;
  readonly exitAfterMs?: number;
  /** `start`: init sends its readiness signal this long after it is alive; never unless said. */
  readonly readyAfterMs?: number;
}

/** `subject` is a container, or a module for `load` and `unload`. */
export type Decide = (operation: Operation, subject: string) => Decision;

/** Milliseconds, or a range from which each operation draws. */
export type Span = number | { readonly fromMs: number; readonly toMs: number };

/** Something that happens the first `times` times; `Infinity` for always. */
export interface Failure {
  readonly fault: Fault;
  readonly times: number;
}

/** One container's ways. Every absent entry means: at once, and well. */
export interface ContainerConduct {
  readonly mount?: Span;
  readonly unmount?: Span;
  readonly start?: Span;
  readonly halt?: Span;
  readonly kill?: Span;
  readonly mountFails?: Failure;
  readonly unmountFails?: Failure;
  readonly startFails?: Failure;
  /** The start is asked for and no pid ever comes. */
  readonly neverStarts?: boolean;
  readonly ignoresHalt?: boolean;
  readonly readyAfter?: Span;
  readonly crash?: { readonly after: Span; readonly exit: Exit; readonly times: number };
}

export interface ModuleConduct {
  readonly load?: Span;
  readonly loadFails?: Failure;
}

export interface HostConduct {
  /** For every container; a container's own entry replaces single keys of it. */
  readonly everyContainer?: ContainerConduct;
  readonly containers?: ReadonlyMap<string, ContainerConduct>;
  readonly modules?: ReadonlyMap<string, ModuleConduct>;
}

/** Decisions from a table. Keeps count of what has failed how often, so one of these belongs to one host. */
export function decideBy(conduct: HostConduct, random: Random): Decide {
  const counts = new Map<string, number>();
  const resolved = new Map<string, ContainerConduct>();

  const containerConduct = (name: string): ContainerConduct => {
    let own = resolved.get(name);
    if (own === undefined) {
      own = { ...conduct.everyContainer, ...conduct.containers?.get(name) };
      resolved.set(name, own);
    }
    return own;
  };
  const draw = (span: Span | undefined): number => {
    if (span === undefined) return 0;
    return typeof span === 'number' ? span : random.between(span.fromMs, span.toMs);
  };
  const stillDue = (what: string, times: number): boolean => {
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    return count <= times;
  };
  const outcome = (
    operation: Operation,
    subject: string,
    span: Span | undefined,
    failure: Failure | undefined,
  ) => {
    const latencyMs = draw(span);
    return failure !== undefined && stillDue(`${operation} ${subject}`, failure.times)
      ? { latencyMs, fault: failure.fault }
      : { latencyMs };
  };
  const start = (name: string, ways: ContainerConduct): Decision => {
    const decision = outcome('start', name, ways.start, ways.startFails);
    if ('fault' in decision) return decision;
    return {
      ...decision,
      ...(ways.neverStarts === true && { hangs: true }),
      ...(ways.readyAfter !== undefined && { readyAfterMs: draw(ways.readyAfter) }),
      ...(ways.crash !== undefined &&
        stillDue(`crash ${name}`, ways.crash.times) && {
          exit: ways.crash.exit,
          exitAfterMs: draw(ways.crash.after),
        }),
    };
  };

  return (operation, subject) => {
    if (operation === 'load') {
      const ways = conduct.modules?.get(subject);
      return outcome(operation, subject, ways?.load, ways?.loadFails);
    }
    if (operation === 'unload' || operation === 'record') return {};
    const ways = containerConduct(subject);
    switch (operation) {
      case 'mount':
        return outcome(operation, subject, ways.mount, ways.mountFails);
      case 'unmount':
        return outcome(operation, subject, ways.unmount, ways.unmountFails);
      case 'start':
        return start(subject, ways);
      case 'halt':
        return { latencyMs: draw(ways.halt), hangs: ways.ignoresHalt === true };
      case 'kill':
        return { latencyMs: draw(ways.kill) };
      default:
        return operation satisfies never;
    }
  };
}

const TAPE_FAULTS: Record<Operation, FaultCode> = {
  mount: 'MOUNT_FAILED',
  unmount: 'UNMOUNT_FAILED',
  load: 'MODULE_FAILED',
  unload: 'MODULE_FAILED',
  start: 'START_FAILED',
  halt: 'UNEXPECTED',
  kill: 'UNEXPECTED',
  record: 'JOURNAL_FAILED',
};

/** Decisions from a choice tape: one number per operation. Its low four bits say what kind of trouble (0 to 10: none),
 *  the next ones how long things take, up to about half a second. Journal writes read no choice and never fail. */
export function decideFromTape(tape: ChoiceTape): Decide {
  return (operation, subject) => {
    if (operation === 'record') return {};
    const choice = tape.next();
    const trouble = choice % 16;
    const latencyMs = (choice >>> 4) % 500;
    const lives = { readyAfterMs: latencyMs };
    if (operation === 'halt' || operation === 'kill') return { latencyMs, hangs: trouble >= 13 };
    if (trouble === 15) return { hangs: true };
    if (trouble === 14 || (trouble === 13 && operation !== 'start')) {
      const fault: Fault = {
        code: TAPE_FAULTS[operation],
        message: `${operation} ${subject}: told to fail`,
        subject,
      };
      return { latencyMs, fault };
    }
    if (operation !== 'start') return { latencyMs };
    if (trouble === 13)
      return { latencyMs, exit: { kind: 'signal', signal: 'SIGSEGV' }, exitAfterMs: latencyMs * 3 };
    if (trouble === 12)
      return { latencyMs, ...lives, exit: { kind: 'code', code: 7 }, exitAfterMs: latencyMs * 40 };
    if (trouble === 11) return { latencyMs, exit: { kind: 'code', code: 0 }, exitAfterMs: latencyMs };
    return { latencyMs, ...lives };
  };
}
