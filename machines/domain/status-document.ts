/** Documents of our own for user interfaces and programs, served below `/v1/`. Names are in snake case, as in the
 *  reference's documents; times are monotonic milliseconds, and each document says what time it is on that clock. */

import type { ExplainInput, Explanation } from './explain.ts';
import { explainAll } from './explain.ts';
import type { Fault } from './fault.ts';
import type { ContainerRecord } from './record.ts';
import { describeExit } from './recovery.ts';
import type { Announcement, ContainerView } from './report.ts';
import type { ContainerSpec } from './revision.ts';

export interface DocumentClock {
  /** Monotonic ms. */
  readonly now: number;
  /** The same moment for people, ISO 8601. */
  readonly time: string;
}

export function clockDocument({ now, time }: DocumentClock) {
  return { monotonic_ms: ms(now), time };
}

export interface StatusInput extends ExplainInput {
  readonly revisionName: string;
  /** Id of the newest event: what comes later is not in the document. */
  readonly lastEventId: string;
}

/** All that a page shows: device, revision, groups in order, their containers. */
export function statusDocument(input: StatusInput, clock: DocumentClock) {
  const { revision, view, phase, revisionName, lastEventId } = input;
  const specs = new Map(revision.containers.map((spec) => [spec.name, spec]));
  const groupSpecs = new Map(revision.groups.map((spec) => [spec.name, spec]));
  const explanations = explainAll(input);
  const said = (kind: Explanation['kind'], name: string) => texts.get(`${kind} ${name}`) ?? '';
  const texts = new Map(explanations.map(({ kind, name, text }) => [`${kind} ${name}`, text]));
  return {
    clock: clockDocument(clock),
    last_event_id: lastEventId,
    phase,
    revision: { name: revisionName, status: view.status, goal: view.goal, text: said('revision', '') },
    groups: view.groups.map(({ name, status, goal, unlocked, containers }) => {
      const spec = groupSpecs.get(name);
      return {
        name,
        status,
        goal,
        status_goal: spec?.statusGoal ?? null,
        restart_policy: spec?.restartPolicy ?? null,
        unlocked,
        text: said('group', name),
        containers: containers.map((container) =>
          containerDocument(container, specs.get(container.name), said('container', container.name)),
        ),
      };
    }),
  };
}

function containerDocument(
  { name, group, goal, record }: ContainerView,
  spec: ContainerSpec | undefined,
  text: string,
) {
  return {
    name,
    group,
    goal,
    status_goal: spec?.statusGoal ?? null,
    restart_policy: spec?.restartPolicy ?? null,
    roles: spec?.roles ?? [],
    max_retries: spec?.recovery?.maxRetries ?? null,
    ...recordDocument(record),
    text,
  };
}

function recordDocument(record: ContainerRecord | undefined) {
  return {
    status: record?.status ?? null,
    since_ms: ms(record?.since),
    pid: record?.pid ?? null,
    retries: record?.retries ?? 0,
    started_at_ms: ms(record?.startedAt),
    goal_deadline_at_ms: ms(record?.goalDeadlineAt),
    stable_at_ms: ms(record?.stableAt),
    retry_at_ms: ms(record?.retryAt),
    kill_at_ms: ms(record?.killAt),
    stop_reason: record?.stopReason ?? null,
    last_exit: record?.lastExit === undefined ? null : describeExit(record.lastExit),
    fault: record?.fault === undefined ? null : faultDocument(record.fault),
  };
}

function faultDocument({ code, message, subject, errno, fix }: Fault) {
  return { code, message, subject: subject ?? null, errno: errno ?? null, fix: fix ?? null };
}

/** The data of one server-sent event. */
export function eventDocument(announcement: Announcement) {
  const at_ms = ms(announcement.at);
  switch (announcement.type) {
    case 'container': {
      const { group, from, goal, record } = announcement;
      return { at_ms, name: record.name, group, from: from ?? null, goal, ...recordDocument(record) };
    }
    case 'group': {
      const { name, status, goal } = announcement;
      return { at_ms, name, status, goal };
    }
    case 'revision':
      return { at_ms, status: announcement.status, goal: announcement.goal };
    case 'failure':
      return { at_ms, name: announcement.container, fault: faultDocument(announcement.fault) };
    case 'device':
      return { at_ms, phase: announcement.phase };
    default:
      return announcement satisfies never;
  }
}

export function explanationDocument({
  kind,
  name,
  status,
  goal,
  since,
  waitsFor,
  until,
  next,
  text,
}: Explanation) {
  return {
    kind,
    name,
    status: status ?? null,
    goal,
    since_ms: ms(since),
    waits_for: waitsFor.map((wait) => ({ kind: wait.kind, name: wait.name, status: wait.status ?? null })),
    until_ms: ms(until),
    next: next ?? null,
    text,
  };
}

/** Whole microseconds are as fine as the clock is. */
function ms(value: number): number;
function ms(value: number | undefined): number | null;
function ms(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1000) / 1000;
}
