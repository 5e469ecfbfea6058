/** Tables: columns of text for every verb, and the live one of `statevisor run` on a terminal, redrawn in place. */

import Table from 'cli-table3';
import type { ContainerRecord } from '../../machines/domain/record.ts';
import type { ContainerView, RevisionView } from '../../machines/domain/report.ts';
import type { Status } from '../../machines/domain/status.ts';
import type { Colour, Paint } from './output.ts';

const COLOURS: Readonly<Partial<Record<Status, Colour>>> = {
  STARTED: 'cyan',
  READY: 'green',
  RECOVERING: 'yellow',
  STOPPING: 'yellow',
  STOPPED: 'dim',
};

export interface LiveTable {
  /** Draws soon; many changes make one drawing. */
  refresh(): void;
  /** Writes a line above the table. */
  above(text: string): void;
  /** Draws a last time and leaves it there. */
  close(): void;
}

/** How often countdowns move when nothing else does. */
const TICK_MS = 1000;
const COALESCE_MS = 40;

/** A terminal that tells its size. */
export interface Screen {
  write(text: string): unknown;
  readonly rows?: number;
  readonly columns?: number;
}

export function openLiveTable(
  screen: Screen,
  view: () => RevisionView,
  now: () => number,
  paint: Paint,
): LiveTable {
  let drawn = 0;
  let soon: NodeJS.Timeout | undefined;
  const erase = () => {
    // Up over what was drawn, then clear to the end of the screen.
    if (drawn > 0) screen.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = () => {
    soon = undefined;
    const lines = tableText(view(), now(), paint, screen.rows).split('\n');
    erase();
    screen.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const tick = setInterval(draw, TICK_MS);
  tick.unref();
  return {
    refresh: () => {
      soon ??= setTimeout(draw, COALESCE_MS);
    },
    above: (text) => {
      erase();
      screen.write(text);
      draw();
    },
    close: () => {
      clearInterval(tick);
      clearTimeout(soon);
      draw();
    },
  };
}

/** Groups in their order, a row per container, times relative to `now` (monotonic ms). With `rows` of a screen, as much
 *  as fits: a drawing that is higher could not be erased, and what nobody sees need not be laid out. */
export function tableText(view: RevisionView, now: number, paint: Paint, rows = Infinity): string {
  const all = view.groups.flatMap(({ unlocked, containers }) =>
    containers.map((container) => ({ ...container, unlocked })),
  );
  const shown = all.length <= rows - OTHER_LINES ? all : all.slice(0, Math.max(rows - OTHER_LINES - 1, 0));
  const more = all.length - shown.length;
  return [
    containersText(shown, now, paint),
    ...(more === 0 ? [] : [`… ${more} more containers; enlarge the window`]),
    `revision ${paint('bold', view.status)}, goal ${view.goal}`,
  ].join('\n');
}

/** Head, summary, and the one where the cursor rests. */
const OTHER_LINES = 3;

/** What a row tells of a container. */
export interface ShownContainer extends Pick<ContainerView, 'name' | 'group' | 'goal'> {
  /** Its group may start. */
  readonly unlocked: boolean;
  /** Undefined before the start. */
  readonly record: ShownRecord | undefined;
}
export type ShownRecord = Pick<
  ContainerRecord,
  'status' | 'since' | 'pid' | 'retries' | 'retryAt' | 'killAt' | 'goalDeadlineAt' | 'stableAt' | 'stopReason'
>;

/** A row per container, times relative to `now` (monotonic ms). */
export function containersText(containers: readonly ShownContainer[], now: number, paint: Paint): string {
  return gridText(
    ['GROUP', 'CONTAINER', 'STATUS', 'GOAL', 'SINCE', 'PID', 'RETRIES', 'NEXT'],
    containers.map((container) => row(container, now, paint)),
    paint,
  );
}

/** Columns under their titles, without lines. */
export function gridText(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string {
  const table = new Table({
    head: titles.map((title) => paint('dim', title)),
    chars: BORDERLESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  });
  table.push(...rows.map((cells) => [...cells]));
  return table.toString().replace(/ +$/gm, '');
}

/** In its colour, if it has one. */
export function statusText(status: Status, paint: Paint, shown: string = status): string {
  const colour = COLOURS[status];
  return colour === undefined ? shown : paint(colour, shown);
}

function row({ name, group, goal, unlocked, record }: ShownContainer, now: number, paint: Paint): string[] {
  if (record === undefined)
    return [group, name, '', goal, '', '', '', unlocked ? '' : 'waits for earlier groups'];
  const { status, since, pid, retries } = record;
  return [
    group,
    name,
    statusText(status, paint),
    goal,
    duration(now - since),
    pid === undefined ? '' : String(pid),
    String(retries),
    next(record, goal, unlocked, now),
  ];
}

/** What will happen by itself, and when. */
function next(record: ShownRecord, goal: ContainerView['goal'], unlocked: boolean, now: number): string {
  const { status, retryAt, killAt, goalDeadlineAt, stableAt, stopReason } = record;
  if (status === 'RECOVERING' && retryAt !== undefined) return `starts in ${duration(retryAt - now)}`;
  if (status === 'STOPPING' && killAt !== undefined) return `is killed in ${duration(killAt - now)}`;
  if (status === 'STOPPED') return stopReason === undefined ? '' : `stopped: ${stopReason}`;
  if (goal === 'UNACHIEVED' && !unlocked) return 'waits for earlier groups';
  if (goal === 'UNACHIEVED' && goalDeadlineAt !== undefined && goalDeadlineAt > now) {
    return `goal times out in ${duration(goalDeadlineAt - now)}`;
  }
  return stableAt !== undefined && stableAt > now ? `stable in ${duration(stableAt - now)}` : '';
}

/** `7s`, `3m 07s`, `2h 05m`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const two = (number: number) => String(number).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}

const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;
