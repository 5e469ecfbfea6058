/** What announcements say, condensed for assertions. Times are virtual milliseconds. */

import type { ContainerRecord } from '../../machines/domain/record.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import type { GoalState, Status } from '../../machines/domain/status.ts';

type Told = readonly Announcement[];
type ContainerNews = Extract<Announcement, { type: 'container' }>;

export interface Condensed {
  status(container: string): Status | undefined;
  goal(container: string): GoalState | undefined;
  record(container: string): ContainerRecord;
  /** All containers that have been heard of: `{ a: 'STARTED', b: 'BLOCKED' }`. */
  statuses(): Readonly<Record<string, Status>>;
  /** Statuses a container went through, repetitions left out. */
  path(container: string): readonly Status[];
  /** The same with the time each was entered: `['0 INSTALLED', '4000 MOUNTED']`. */
  timeline(container: string): readonly string[];
  /** Status and goal of a group, or of the whole revision without a name: `'BLOCKED UNACHIEVED'`. */
  joint(group?: string): string | undefined;
  /** Statuses the revision went through, repetitions left out. */
  revisionPath(): readonly Status[];
  /** Containers that failed, with the fault's code: `['a EXITED']`. */
  failures(): readonly string[];
}

/** Looks at `told` whenever it is asked, so it stays current. */
export function condense(told: Told): Condensed {
  const news = (container: string): ContainerNews[] =>
    told.filter((one): one is ContainerNews => one.type === 'container' && one.record.name === container);
  return {
    status: (container) => news(container).at(-1)?.record.status,
    goal: (container) => news(container).at(-1)?.goal,
    record: (container) => {
      const last = news(container).at(-1);
      if (last === undefined) throw new Error(`nothing was announced of ${container}`);
      return last.record;
    },
    statuses: () =>
      Object.fromEntries(
        told.flatMap((one) => (one.type === 'container' ? [[one.record.name, one.record.status]] : [])),
      ),
    path: (container) => withoutRepetition(news(container).map(({ record }) => record.status)),
    timeline: (container) =>
      withoutRepetition(news(container).map(({ record }) => `${record.since} ${record.status}`)),
    joint: (group) => {
      const last = told.findLast((one) =>
        group === undefined ? one.type === 'revision' : one.type === 'group' && one.name === group,
      );
      return last?.type === 'group' || last?.type === 'revision' ? `${last.status} ${last.goal}` : undefined;
    },
    revisionPath: () =>
      withoutRepetition(told.flatMap((one) => (one.type === 'revision' ? [one.status] : []))),
    failures: () =>
      told.flatMap((one) => (one.type === 'failure' ? [`${one.container} ${one.fault.code}`] : [])),
  };
}

function withoutRepetition<T>(items: readonly T[]): T[] {
  return items.filter((item, i) => i === 0 || item !== items[i - 1]);
}
