/** Where a container stands when a supervisor begins: afresh, or where an earlier one left it.
 *  Decided from our own record and from what the host still runs, never from a snapshot of the charts. */

import type { ContainerRecord, Survivor } from './record.ts';
import type { Exit } from './recovery.ts';
import type { ContainerSpec } from './revision.ts';

export type Beginning =
  /** No process, nothing mounted. A record from before keeps its retry counter. */
  | { readonly kind: 'fresh'; readonly record: ContainerRecord | undefined }
  /** Its process runs on; status, deadlines and counters continue. */
  | { readonly kind: 'alive'; readonly record: ContainerRecord; readonly survivor: Survivor }
  /** It had a process when the record was written and has none now: treated as an exit. */
  | { readonly kind: 'ended'; readonly record: ContainerRecord; readonly exit: Exit }
  /** It has no process and needs none: MOUNTED, RECOVERING or STOPPED go on where they were. */
  | { readonly kind: 'resting'; readonly record: ContainerRecord };

export interface Traces {
  readonly record: ContainerRecord | undefined;
  readonly survivor: Survivor | undefined;
  /** How its last run ended; undefined when it never ran. Asked for only where `hadProcess`. */
  readonly exit: Exit | undefined;
}

/** The record says that a process was asked for and not yet gone. */
export function hadProcess(record: ContainerRecord): boolean {
  return ['STARTING', 'STARTED', 'READY', 'STOPPING'].includes(record.status);
}

/** Decides the beginning of one container. `now`: monotonic ms. */
export function beginning(spec: ContainerSpec, { record, survivor, exit }: Traces, now: number): Beginning {
  if (survivor !== undefined) {
    return { kind: 'alive', record: taken(record ?? blankRecord(spec.name, now)), survivor };
  }
  // The device was stopped: what was stopped with it begins anew, with counters of its own (lifecycle §9.2).
  if (record === undefined || record.intent === 'stopBySystem') return { kind: 'fresh', record: undefined };
  switch (record.status) {
    case 'INSTALLED':
    case 'BLOCKED':
    case 'MOUNTED':
      if (record.intent === 'stopByUser') {
        return { kind: 'resting', record: { ...record, status: 'STOPPED', stopReason: 'user' } };
      }
      return record.status === 'MOUNTED' && spec.statusGoal === 'MOUNTED' && record.intent === 'run'
        ? { kind: 'resting', record }
        : { kind: 'fresh', record };
    case 'STARTING':
    case 'STARTED':
    case 'READY':
    case 'STOPPING':
      return exit === undefined ? { kind: 'fresh', record } : { kind: 'ended', record, exit };
    case 'RECOVERING':
      return { kind: 'resting', record };
    case 'STOPPED':
      // Between an exit and what follows from it: that is decided now.
      return record.stopReason === undefined
        ? { kind: 'ended', record, exit: record.lastExit ?? { kind: 'unknown' } }
        : { kind: 'resting', record };
    default:
      return record.status satisfies never;
  }
}

/** The record of a container that was never announced. */
export function blankRecord(name: string, now: number): ContainerRecord {
  return {
    name,
    status: 'INSTALLED',
    since: now,
    intent: 'run',
    stopReason: undefined,
    pid: undefined,
    startedAt: undefined,
    goalDeadlineAt: undefined,
    signalled: false,
    reached: false,
    stableAt: undefined,
    retries: 0,
    retryAt: undefined,
    killAt: undefined,
    lastExit: undefined,
    fault: undefined,
  };
}

/** The device whose shutdown this process survived is running again: what was to stop for good begins anew. */
function taken(record: ContainerRecord): ContainerRecord {
  return record.intent === 'stopBySystem' ? { ...record, intent: 'restart' } : record;
}
