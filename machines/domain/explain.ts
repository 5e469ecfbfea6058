/** Why a container, a group or the revision stands where it stands: since when, what it waits for, until when, and what
 *  happens then. Facts come from the view; the sentences are for people, the fields for programs. */

import type { ContainerRecord } from './record.ts';
import { describeExit } from './recovery.ts';
import type { ContainerView, DevicePhase, GroupView, RevisionView } from './report.ts';
import type { ContainerSpec, Revision } from './revision.ts';
import type { GoalState, Status } from './status.ts';

export interface ExplainInput {
  readonly revision: Pick<Revision, 'containers' | 'groups'>;
  readonly view: RevisionView;
  readonly phase: DevicePhase;
  /** Monotonic ms, the clock of the records. */
  readonly now: number;
}

/** One link of the chain: the nearest thing that is waited for comes first. */
export interface Wait {
  readonly kind: 'group' | 'container' | 'signal' | 'process' | 'volumes' | 'timer' | 'user';
  /** Group or container; the container itself for what happens inside it. */
  readonly name: string;
  readonly status: Status | undefined;
}

export interface Explanation {
  readonly kind: 'container' | 'group' | 'revision';
  readonly name: string;
  readonly status: Status | undefined;
  readonly goal: GoalState;
  /** Monotonic ms; undefined for groups and the revision. */
  readonly since: number | undefined;
  readonly waitsFor: readonly Wait[];
  /** When `next` happens unless something else does before; monotonic ms. */
  readonly until: number | undefined;
  readonly next: string | undefined;
  /** All of it, as a colleague would say it. */
  readonly text: string;
}

/** What a status comes to before it is put into a sentence. */
interface Reason {
  /** Follows the name: `is STARTED, pid 17`. */
  readonly says: string;
  readonly waitsFor?: readonly Wait[];
  readonly until?: number | undefined;
  readonly next?: string;
}

/** Undefined when there is no such container. */
export function explainContainer(input: ExplainInput, name: string): Explanation | undefined {
  const spec = input.revision.containers.find((candidate) => candidate.name === name);
  const groups = input.view.groups;
  const group = groups.find((candidate) => candidate.name === spec?.group);
  const view = group?.containers.find((candidate) => candidate.name === name);
  if (spec === undefined || group === undefined || view === undefined) return undefined;
  return explained(input, { spec, view, gate: gateBefore(groups, group) });
}

/** The revision, then its groups, then its containers, in their orders. Linear in their number. */
export function explainAll(input: ExplainInput): readonly Explanation[] {
  const { revision, view } = input;
  const specs = new Map(revision.containers.map((spec) => [spec.name, spec]));
  const gate = view.groups.find(holdsBack);
  const groups = view.groups.map((group) => explainGroup(input, group, passes(group, gate, view)));
  const containers = view.groups.flatMap((group) =>
    group.containers.flatMap((container) => {
      const spec = specs.get(container.name);
      return spec === undefined
        ? []
        : [explained(input, { spec, view: container, gate: passes(group, gate, view) })];
    }),
  );
  return [explainRevision(input), ...groups, ...containers];
}

/** The group that keeps this one closed; undefined when none does. */
function passes(group: GroupView, gate: GroupView | undefined, { groups }: RevisionView) {
  return gate !== undefined && groups.indexOf(gate) < groups.indexOf(group) ? gate : undefined;
}

function gateBefore(groups: readonly GroupView[], group: GroupView): GroupView | undefined {
  return groups.slice(0, groups.indexOf(group)).find(holdsBack);
}

/** Lifecycle §5: the next group starts when this one has achieved its goals or timed out. */
function holdsBack({ goal }: GroupView): boolean {
  return goal === 'UNACHIEVED';
}

function laggards({ containers }: GroupView): readonly ContainerView[] {
  return containers.filter(({ goal }) => goal !== 'ACHIEVED');
}

export function explainRevision({ view, phase }: ExplainInput): Explanation {
  const { status, goal, groups } = view;
  const lagging = groups.filter((group) => group.goal !== 'ACHIEVED');
  const first = lagging[0];
  const base = { kind: 'revision', name: '', status, goal, since: undefined, until: undefined } as const;
  if (phase !== 'running') {
    return {
      ...base,
      waitsFor: [],
      next: undefined,
      text: `The device is ${PHASES[phase]}; nothing new is started.`,
    };
  }
  if (first === undefined) {
    return { ...base, waitsFor: [], next: undefined, text: 'All groups have reached their goals.' };
  }
  const waitsFor = lagging.map((group): Wait => ({ kind: 'group', name: group.name, status: group.status }));
  const text = `The revision is ${status}: ${listed(lagging.map(({ name }) => name))} ${
    lagging.length === 1 ? 'has' : 'have'
  } not reached ${lagging.length === 1 ? 'its goal' : 'their goals'}. ${explainMembers(first)}.`;
  return { ...base, waitsFor, next: undefined, text };
}

const PHASES: Readonly<Record<Exclude<DevicePhase, 'running'>, string>> = {
  stopping: 'stopping',
  stopped: 'stopped',
  rebooting: 'rebooting',
  poweringOff: 'powering off',
};

function explainGroup(input: ExplainInput, group: GroupView, gate: GroupView | undefined): Explanation {
  const { name, status, goal } = group;
  const base = { kind: 'group', name, status, goal, since: undefined } as const;
  const lagging = laggards(group);
  if (goal === 'ACHIEVED' || lagging.length === 0) {
    const text = `Group ${name} has reached its goals${group.containers.length === 0 ? ': it has no containers' : ''}.`;
    return { ...base, waitsFor: [], until: undefined, next: undefined, text };
  }
  if (gate !== undefined && input.phase === 'running') {
    const text = `Group ${name} waits for group ${gate.name}. ${explainMembers(gate)}.`;
    return { ...base, waitsFor: waitsOf(gate), ...gateOpens(gate), text };
  }
  const text = `Group ${name} is ${status}. ${explainMembers(group)}.`;
  return { ...base, waitsFor: lagging.map(waitFor), until: undefined, next: undefined, text };
}

function waitsOf(gate: GroupView): readonly Wait[] {
  return [{ kind: 'group', name: gate.name, status: gate.status }, ...laggards(gate).map(waitFor)];
}

function waitFor({ name, record }: ContainerView): Wait {
  return { kind: 'container', name, status: record?.status };
}

/** Lifecycle §4.4: a group counts as timed out with the first of its members. */
function gateOpens(gate: GroupView): Pick<Explanation, 'until' | 'next'> {
  const deadlines = laggards(gate).flatMap(({ record }) => record?.goalDeadlineAt ?? []);
  if (deadlines.length === 0) return { until: undefined, next: undefined };
  const until = deadlines.reduce((first, deadline) => Math.min(first, deadline));
  return {
    until,
    next: `group ${gate.name} counts as timed out, and the groups after it start all the same`,
  };
}

const NAMED_AT_MOST = 5;

/** `In it, net is STARTING and dns is RECOVERING, short of their goals`. */
function explainMembers(group: GroupView): string {
  const lagging = laggards(group);
  const shown = lagging
    .slice(0, NAMED_AT_MOST)
    .map(({ name, record }) => `${name} is ${record?.status ?? 'not there yet'}`);
  const more = lagging.length - shown.length;
  const said = listed(more === 0 ? shown : [...shown, `${more} more wait`]);
  return `In group ${group.name}, ${said}, short of ${lagging.length === 1 ? 'its goal' : 'their goals'}`;
}

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

interface Subject {
  readonly spec: ContainerSpec;
  readonly view: ContainerView;
  readonly gate: GroupView | undefined;
}

function explained(input: ExplainInput, subject: Subject): Explanation {
  const { name, goal, record } = subject.view;
  const {
    says,
    waitsFor = [],
    until,
    next,
  } = record === undefined
    ? { says: 'is not there yet: the supervisor is only starting' }
    : reasonOf(record, subject, input);
  const time =
    until === undefined ? '' : until <= input.now ? 'Any moment now, ' : `In ${spoken(until - input.now)}, `;
  const tail =
    next === undefined ? '' : ` ${time === '' ? next.charAt(0).toUpperCase() + next.slice(1) : time + next}.`;
  return {
    kind: 'container',
    name,
    status: record?.status,
    goal,
    since: record?.since,
    waitsFor,
    until,
    next,
    text: `${name} ${says}.${tail}`,
  };
}

function reasonOf(record: ContainerRecord, subject: Subject, input: ExplainInput): Reason {
  const { spec, gate } = subject;
  const { name } = spec;
  const ago = `for ${spoken(input.now - record.since)}`;
  const own = (kind: Wait['kind']): readonly Wait[] => [{ kind, name, status: record.status }];
  switch (record.status) {
    case 'INSTALLED':
    case 'BLOCKED':
      if (gate !== undefined) {
        const opens = gateOpens(gate);
        return {
          says: `has been ${record.status} ${ago}: it waits for group ${gate.name}. ${explainMembers(gate)}`,
          waitsFor: waitsOf(gate),
          until: opens.until,
          ...(opens.next === undefined ? {} : { next: opens.next }),
        };
      }
      if (record.status === 'BLOCKED') return { says: `has been BLOCKED ${ago}: it is about to start` };
      return { says: `has been INSTALLED ${ago}: its volumes are being mounted`, waitsFor: own('volumes') };
    case 'MOUNTED':
      return spec.statusGoal === 'MOUNTED'
        ? { says: `has been MOUNTED ${ago}, which is all it has to be` }
        : {
            says: `has been MOUNTED ${ago}: it starts once its drivers are loaded`,
            waitsFor: own('process'),
          };
    case 'STARTING':
      return {
        says: `has been STARTING ${ago}: its init has been asked for`,
        waitsFor: own('process'),
        ...goalTimer(record, subject),
      };
    case 'STARTED':
      if (spec.statusGoal === 'READY') {
        const says = `has been STARTED ${ago}, pid ${record.pid}: it has not signalled that it is ready`;
        return { says, waitsFor: own('signal'), ...goalTimer(record, subject) };
      }
      return {
        says: `has been STARTED ${ago}, pid ${record.pid}, which is its goal`,
        ...stability(record, input.now),
      };
    case 'READY':
      return {
        says: `has been READY ${ago}, pid ${record.pid}: it has signalled so`,
        ...stability(record, input.now),
      };
    case 'RECOVERING': {
      const says = `has been RECOVERING ${ago}: ${ending(record)}`;
      const limit = spec.recovery?.maxRetries ?? 0;
      const count = limit === 0 ? `retry ${record.retries}` : `retry ${record.retries} of ${limit}`;
      return { says, waitsFor: own('timer'), until: record.retryAt, next: `it starts again, ${count}` };
    }
    case 'STOPPING':
      return {
        says: `has been STOPPING ${ago}: its init has been asked to end`,
        waitsFor: own('process'),
        until: record.killAt,
        next: `it is killed unless it has ended, and ${AFTERWARDS[record.intent]}`,
      };
    case 'STOPPED':
      return stopped(record, ago, own('user'));
    default:
      return record.status satisfies never;
  }
}

const AFTERWARDS: Readonly<Record<ContainerRecord['intent'], string>> = {
  run: 'what follows is for its recovery policy to say',
  restart: 'it starts again',
  stopByUser: 'it stays stopped until somebody starts it',
  stopBySystem: 'it stays stopped',
};

/** Lifecycle §4.3: at boot a missed goal only lets the groups behind it start. */
function goalTimer(
  { goalDeadlineAt }: ContainerRecord,
  { spec, view }: Subject,
): Pick<Reason, 'until' | 'next'> {
  if (view.goal === 'TIMEDOUT')
    return { next: `its time for ${spec.statusGoal} is over, and nobody waits for it any longer` };
  if (goalDeadlineAt === undefined) return {};
  return {
    until: goalDeadlineAt,
    next: `its time for ${spec.statusGoal} is over, and the groups after ${spec.group} start all the same`,
  };
}

function stability({ stableAt }: ContainerRecord, now: number): Pick<Reason, 'until' | 'next'> {
  return stableAt === undefined || stableAt <= now ? {} : { until: stableAt, next: 'it counts as stable' };
}

function stopped(record: ContainerRecord, ago: string, user: readonly Wait[]): Reason {
  switch (record.stopReason) {
    case 'user':
      return {
        says: `has been STOPPED ${ago}: a user stopped it`,
        waitsFor: user,
        next: 'it stays stopped until somebody starts it',
      };
    case 'gaveUp':
      return {
        says: `has been STOPPED ${ago}: its retries are spent, ${ending(record)}, and its backoff policy is never`,
        waitsFor: user,
        next: 'it stays stopped until somebody starts it',
      };
    case 'finished':
      return { says: `has been STOPPED ${ago}: ${ending(record)}, and its work is done` };
    case 'failed':
      return { says: `has been STOPPED ${ago}: ${record.fault?.message ?? ending(record)}` };
    case 'system':
      return { says: `has been STOPPED ${ago}: the device stopped it` };
    case undefined:
      return { says: `has been STOPPED ${ago}: ${ending(record)}` };
    default:
      return record.stopReason satisfies never;
  }
}

/** A clause of its own: `it was killed by SIGSEGV`. */
function ending({ lastExit }: ContainerRecord): string {
  switch (lastExit?.kind) {
    case undefined:
      return 'nobody saw how it ended';
    case 'code':
      return `it ended with ${describeExit(lastExit)}`;
    case 'signal':
      return `it was ${describeExit(lastExit)}`;
    case 'unknown':
      return `it ${describeExit(lastExit)}`;
    case 'startFailed':
      return `it could not be started: ${describeExit(lastExit)}`;
    default:
      return lastExit satisfies never;
  }
}

/** `0.4 s`, `12 s`, `3 min 7 s`, `2 h 5 min`. */
export function spoken(ms: number): string {
  const clamped = Math.max(0, ms);
  if (clamped < 10_000) return `${(Math.round(clamped / 100) / 10).toString()} s`;
  const seconds = Math.round(clamped / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
