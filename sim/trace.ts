/** What a simulation tells, one line per change: the supervisor's announcements, the host's diary and the scenario's
 *  own happenings, in the order in which they came about. Plain data; `print.ts` lays it out for people. */

import { describeFault } from '../machines/domain/fault.ts';
import type { ContainerRecord } from '../machines/domain/record.ts';
import { describeExit } from '../machines/domain/recovery.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { GoalState } from '../machines/domain/status.ts';
import type { DiaryEntry } from './diary.ts';
import { showDuration } from './durations.ts';

export interface TraceEntry {
  /** Virtual time, ms. */
  readonly at: number;
  /** `container` to `device`: announced by the supervisor. `host`: asked of the device or come about on it.
   *  `violation`: asked of it though reality forbids it. `scenario`: the timeline. `bug`: a chart broke. */
  readonly source:
    | 'container'
    | 'group'
    | 'revision'
    | 'failure'
    | 'device'
    | 'host'
    | 'violation'
    | 'scenario'
    | 'bug';
  /** Container, group or module; empty for the whole. */
  readonly subject: string;
  readonly text: string;
}

/** Writes entries and remembers what the next one is compared with. */
export class Trace {
  readonly entries: TraceEntry[] = [];
  readonly failures = new Map<string, string>();
  readonly #goals = new Map<string, GoalState>();
  readonly #firsts = new Map<string, number>();
  readonly #tell: ((entry: TraceEntry) => void) | undefined;

  constructor(tell: ((entry: TraceEntry) => void) | undefined) {
    this.#tell = tell;
  }

  add(entry: TraceEntry): void {
    this.entries.push(entry);
    this.#tell?.(entry);
  }

  diary({ at, kind, subject, line }: DiaryEntry): void {
    this.add({ at, source: kind === 'violation' ? 'violation' : 'host', subject, text: line });
  }

  announced(announcement: Announcement): void {
    const { at } = announcement;
    switch (announcement.type) {
      case 'container':
        this.#container(announcement);
        break;
      case 'group':
        this.add({ at, source: 'group', subject: announcement.name, text: standing(announcement) });
        break;
      case 'revision':
        this.add({ at, source: 'revision', subject: '', text: standing(announcement) });
        break;
      case 'failure':
        this.failures.set(announcement.container, announcement.fault.code);
        this.add({
          at,
          source: 'failure',
          subject: announcement.container,
          text: describeFault(announcement.fault),
        });
        break;
      case 'device':
        this.add({ at, source: 'device', subject: '', text: announcement.phase });
        break;
      default:
        announcement satisfies never;
    }
  }

  /** Position of the first time a container was announced in a status; undefined when it never was. */
  first(container: string, status: string): number | undefined {
    return this.#firsts.get(`${container} ${status}`);
  }

  #container({ at, from, goal, record }: Extract<Announcement, { type: 'container' }>): void {
    const { name, status } = record;
    const key = `${name} ${status}`;
    if (!this.#firsts.has(key)) this.#firsts.set(key, this.#firsts.size);
    const goalBefore = this.#goals.get(name);
    this.#goals.set(name, goal);
    const moved = from !== status;
    const goalMoved = goal !== (goalBefore ?? 'UNACHIEVED');
    if (!moved && !goalMoved) return;
    const move = from === undefined || !moved ? status : `${from} → ${status}`;
    const text = `${move}${moved ? detail(record, at) : ''}${goalMoved ? `, goal ${goal}` : ''}`;
    this.add({ at, source: 'container', subject: name, text });
  }
}

function standing({ status, goal }: { status: string; goal: GoalState }): string {
  return `${status}, goal ${goal}`;
}

/** What makes this status worth a second look. */
function detail(
  { status, stopReason, lastExit, retryAt, retries, killAt, pid }: ContainerRecord,
  at: number,
): string {
  switch (status) {
    case 'STARTED':
      return pid === undefined ? '' : ` (pid ${pid})`;
    case 'RECOVERING':
      return ` (retry ${retries} in ${showDuration((retryAt ?? at) - at)})`;
    case 'STOPPING':
      return killAt === undefined ? '' : ` (killed in ${showDuration(killAt - at)})`;
    case 'STOPPED': {
      const why = stopReason === undefined ? [] : [stopReason];
      return ` (${[...why, lastExit === undefined ? 'never ran' : describeExit(lastExit)].join(', ')})`;
    }
    default:
      return '';
  }
}
