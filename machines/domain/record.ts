/** The record of one container: our own small durable truth (design §2), written before a change is announced.
 *  From it and from what the kernel says is running, a new supervisor rebuilds the charts.
 *  Times are monotonic milliseconds since the machine booted, comparable over processes of one boot. */

import type { Fault } from './fault.ts';
import type { Exit } from './recovery.ts';
import type { Status, StopReason } from './status.ts';

/** What the last command wanted of the container; while a stop is under way the last one wins (lifecycle §11). */
export type Intent = 'run' | 'restart' | 'stopByUser' | 'stopBySystem';

export interface ContainerRecord {
  readonly name: string;
  readonly status: Status;
  /** When `status` was entered. */
  readonly since: number;
  readonly intent: Intent;
  readonly stopReason: StopReason | undefined;
  /** Of init, as seen from the host; known from STARTED to the exit. */
  readonly pid: number | undefined;
  /** Last start request. */
  readonly startedAt: number | undefined;
  /** When the goal timer of the last start fires. */
  readonly goalDeadlineAt: number | undefined;
  /** It signalled ready before its pid was known: READY comes right after STARTED (L-03). */
  readonly signalled: boolean;
  /** The goal was reached since the last start request. */
  readonly reached: boolean;
  /** Lifecycle §9.4: it is stable from then on, unless it exits; undefined while no stability is tracked. Whoever waits
   *  for stability sets one timer to it: the container itself does nothing then. */
  readonly stableAt: number | undefined;
  /** Retries granted since the counter was reset. */
  readonly retries: number;
  /** RECOVERING: when it starts again. */
  readonly retryAt: number | undefined;
  /** STOPPING: when it is killed. */
  readonly killAt: number | undefined;
  readonly lastExit: Exit | undefined;
  readonly fault: Fault | undefined;
}

/** A container's process that the host still runs, found by name. */
export interface Survivor {
  readonly name: string;
  /** Init's pid seen from the host; undefined while the runtime is still starting it. */
  readonly pid: number | undefined;
}
