/** One revision: owns its groups, unlocks them in order, reports the status of the whole (lifecycle §4.4, §5, §6).
 *
 *  A group is open while no group before it is UNACHIEVED. On an ordinary boot a group that timed out gives way; during
 *  the trial of an update it never does (L-14), and what the time-out means there is the owner's decision. */

import {
  type ActorRef,
  assign,
  type ErrorActorEvent,
  enqueueActions,
  type Snapshot,
  sendTo,
  setup,
} from 'xstate';
import type { Announcer } from './container.ts';
import type { Member } from './domain/status.ts';
import { jointGoal, lowestLagging, tallyOf } from './domain/status.ts';
import type { GroupReport, Seed } from './group.ts';
import { groupMachine } from './group.ts';

export type RevisionCommand =
  | { type: 'revision.stop' }
  /** Kills what a stop has not ended yet. */
  | { type: 'revision.kill' }
  /** The trial of an update is over. */
  | { type: 'revision.settle' };
export type RevisionReport =
  | { type: 'revision.changed'; to: Member }
  | { type: 'revision.stopped' }
  | Exclude<GroupReport, { type: 'group.changed' } | { type: 'group.stopped' }>;

export type ContainerFailure = Extract<GroupReport, { type: 'container.failed' }>;
export type RevisionOwner = ActorRef<Snapshot<unknown>, RevisionReport>;

export interface GroupSeed {
  readonly name: string;
  readonly goalTimeoutMs: number;
  readonly seeds: readonly Seed[];
}

export interface RevisionInput {
  /** In the order in which they start. */
  readonly groups: readonly GroupSeed[];
  /** Why the revision as a whole cannot run: it is reported, and no group is ever unlocked (state format §17.1). */
  readonly obstacle?: ContainerFailure | undefined;
  readonly trial: boolean;
  readonly owner: RevisionOwner;
  readonly announcer: Announcer;
  readonly now: () => number;
}

export interface RevisionContext extends RevisionInput {
  /** Where the groups stand, in their order; undefined until a group has assembled. */
  readonly members: readonly (Member | undefined)[];
  /** Groups before this index are open. */
  readonly open: number;
  readonly member: Member | undefined;
  readonly stopped: number;
}

export const revisionMachine = setup({
  types: {} as {
    input: RevisionInput;
    context: RevisionContext;
    events: RevisionCommand | GroupReport | ErrorActorEvent<unknown, string>;
    children: { [name: string]: 'group' };
  },
  actors: { group: groupMachine },
  actions: {
    spawnGroups: assign(({ context, spawn, self }) => {
      const { trial, announcer, now } = context;
      for (const group of context.groups) {
        spawn('group', { id: group.name, input: { ...group, trial, announcer, now, owner: self } });
      }
      return {};
    }),
    /** Notes where a group stands, moves the gates, and announces the whole once all groups have assembled. */
    survey: enqueueActions(
      ({ context, enqueue }, { name, to }: { name: string | undefined; to: Member | undefined }) => {
        const members = context.members.map((member, i) => (context.groups[i]?.name === name ? to : member));
        if (!members.every((member) => member !== undefined)) {
          enqueue.assign({ members });
          return;
        }
        const { announcer, owner, groups, now } = context;
        const tally = tallyOf(members);
        const member: Member = { status: lowestLagging(tally), goal: jointGoal(tally) };
        const open = context.obstacle === undefined ? openGroups(members, context.trial) : 0;
        enqueue.assign({ members, member, open });
        if (context.member?.status !== member.status || context.member.goal !== member.goal) {
          enqueue.sendTo(announcer, { type: 'revision', at: now(), ...member });
          enqueue.sendTo(owner, { type: 'revision.changed', to: member });
        }
        const decided = context.member !== undefined;
        groups.forEach((group, i) => {
          const before = decided && i < context.open;
          if (i < open && !before) enqueue.sendTo(group.name, { type: 'group.unlock' });
          if (i >= open && (before || !decided)) enqueue.sendTo(group.name, { type: 'group.lock' });
        });
      },
    ),
    tellGroups: enqueueActions(
      ({ context, enqueue }, { command }: { command: 'group.stop' | 'group.kill' | 'group.settle' }) => {
        for (const { name } of context.groups) enqueue.sendTo(name, { type: command });
      },
    ),
    reportObstacle: enqueueActions(({ context: { obstacle, owner }, enqueue }) => {
      if (obstacle !== undefined) enqueue.sendTo(owner, obstacle);
    }),
    settleTrial: assign({ trial: false }),
    countStopped: assign({ stopped: ({ context }) => context.stopped + 1 }),
    reportStopped: sendTo(
      ({ context }) => context.owner,
      (): RevisionReport => ({ type: 'revision.stopped' }),
    ),
    passOn: sendTo(
      ({ context }) => context.owner,
      (_, { report }: { report: RevisionReport }) => report,
    ),
  },
  guards: {
    allStopped: ({ context }) => context.stopped === context.groups.length,
  },
}).createMachine({
  id: 'revision',
  initial: 'running',
  options: { maxIterations: 1000 },
  context: ({ input }) => ({
    ...input,
    members: input.groups.map(() => undefined),
    open: 0,
    member: undefined,
    stopped: 0,
  }),
  entry: ['spawnGroups', { type: 'survey', params: { name: undefined, to: undefined } }, 'reportObstacle'],
  on: {
    'group.changed': {
      actions: { type: 'survey', params: ({ event }) => ({ name: event.name, to: event.to }) },
    },
    'revision.settle': {
      actions: [
        'settleTrial',
        { type: 'tellGroups', params: { command: 'group.settle' } },
        { type: 'survey', params: { name: undefined, to: undefined } },
      ],
    },
    'container.failed': { actions: { type: 'passOn', params: ({ event }) => ({ report: event }) } },
    'actor.crashed': { actions: { type: 'passOn', params: ({ event }) => ({ report: event }) } },
    'xstate.error.actor.*': {
      actions: {
        type: 'passOn',
        params: ({ event }) => ({
          report: { type: 'actor.crashed', actor: event.actorId, error: event.error },
        }),
      },
    },
  },
  states: {
    running: {
      on: {
        'revision.stop': {
          target: 'stopping',
          actions: { type: 'tellGroups', params: { command: 'group.stop' } },
        },
      },
    },
    stopping: {
      always: { guard: 'allStopped', target: 'stopped' },
      on: {
        'group.stopped': { actions: 'countStopped' },
        'revision.kill': { actions: { type: 'tellGroups', params: { command: 'group.kill' } } },
      },
    },
    stopped: { entry: 'reportStopped' },
  },
});

/** How many leading groups are open: the first always, each further one while all before it let it (lifecycle §5). */
export function openGroups(members: readonly (Member | undefined)[], trial: boolean): number {
  const closing = members.findIndex(
    (member) => member?.goal === 'UNACHIEVED' || (trial && member?.goal === 'TIMEDOUT'),
  );
  return closing === -1 ? members.length : closing + 1;
}
