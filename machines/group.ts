/** One group: owns its containers, opens and closes their gate, counts where they stand (lifecycle §4.4, §5, §6).
 *
 *  Three regions: `gate` says whether earlier groups let this one start, `goals` how far its members are, `life` whether
 *  it is being stopped. Members are counted, never listed: a change costs the same in a group of two or of a thousand. */

import {
  type ActorRef,
  assign,
  type ErrorActorEvent,
  enqueueActions,
  type Snapshot,
  sendTo,
  setup,
} from 'xstate';
import {
  type Announcer,
  type ContainerCommand,
  type ContainerReport,
  containerMachine,
} from './container.ts';
import type { Beginning } from './domain/adoption.ts';
import type { ContainerSpec } from './domain/revision.ts';
import type { GoalState, Member, Tally } from './domain/status.ts';
import { EMPTY_TALLY, jointGoal, lowestLagging, recount } from './domain/status.ts';

export type GroupCommand =
  | { type: 'group.unlock' }
  | { type: 'group.lock' }
  /** Stops every container, all at once (lifecycle §8.2). */
  | { type: 'group.stop' }
  | { type: 'group.kill' }
  | { type: 'group.settle' };
export type GroupReport =
  | { type: 'group.changed'; name: string; to: Member }
  | { type: 'group.stopped'; name: string }
  | Extract<ContainerReport, { type: 'container.failed' }>
  /** A chart broke: a bug, which only a new supervisor can mend. */
  | { type: 'actor.crashed'; actor: string; error: unknown };

export type GroupOwner = ActorRef<Snapshot<unknown>, GroupReport>;

/** A container and where it stands at the beginning. */
export interface Seed {
  readonly spec: ContainerSpec;
  readonly beginning: Beginning;
}

export interface GroupInput {
  readonly name: string;
  readonly goalTimeoutMs: number;
  /** In the order in which they start (state format §1.2). */
  readonly seeds: readonly Seed[];
  readonly trial: boolean;
  readonly owner: GroupOwner;
  readonly announcer: Announcer;
  readonly now: () => number;
}

export interface GroupContext extends GroupInput {
  readonly tally: Tally;
  /** As last reported; undefined until every container has said where it stands. */
  readonly member: Member | undefined;
}

type Events = GroupCommand | ContainerReport | ErrorActorEvent<unknown, string>;

export const groupMachine = setup({
  types: {} as {
    input: GroupInput;
    context: GroupContext;
    events: Events;
    children: { [name: string]: 'container' };
  },
  actors: { container: containerMachine },
  actions: {
    spawnContainers: assign(({ context, spawn, self }) => {
      const { goalTimeoutMs, trial, announcer, now } = context;
      for (const { spec, beginning } of context.seeds) {
        const input = { spec, beginning, goalTimeoutMs, trial, announcer, now, owner: self };
        spawn('container', { id: spec.name, input });
      }
      return {};
    }),
    /** Counts the change; announces and reports when the group as a whole stands elsewhere. */
    count: enqueueActions(
      ({ context, enqueue }, { from, to }: { from: Member | undefined; to: Member | undefined }) => {
        const tally = recount(context.tally, from, to);
        const member: Member = { status: lowestLagging(tally), goal: jointGoal(tally) };
        const stays = context.member?.status === member.status && context.member.goal === member.goal;
        if (stays || joined(tally) < context.seeds.length) {
          enqueue.assign({ tally });
          return;
        }
        const { name, announcer, owner, now } = context;
        enqueue.assign({ tally, member });
        enqueue.sendTo(announcer, { type: 'group', at: now(), name, ...member });
        enqueue.sendTo(owner, { type: 'group.changed', name, to: member });
      },
    ),
    tellEach: enqueueActions(({ context, enqueue }, { command }: { command: ContainerCommand }) => {
      for (const { spec } of context.seeds) enqueue.sendTo(spec.name, command);
    }),
    tellOne: enqueueActions(
      ({ self, enqueue }, { name, event }: { name: string; event: ContainerCommand }) => {
        if (self.getSnapshot().children[name] !== undefined) enqueue.sendTo(name, event);
      },
    ),
    reportStopped: sendTo(
      ({ context }) => context.owner,
      ({ context }): GroupReport => ({ type: 'group.stopped', name: context.name }),
    ),
    passOn: sendTo(
      ({ context }) => context.owner,
      (_, { report }: { report: GroupReport }) => report,
    ),
  },
  guards: {
    reinstalled: (_, { to }: { to: Member }) => to.status === 'INSTALLED',
    goalIs: ({ context }, { goal }: { goal: GoalState }) => context.member?.goal === goal,
    allStopped: ({ context }) => context.tally.standing.STOPPED === context.seeds.length,
  },
}).createMachine({
  id: 'group',
  type: 'parallel',
  options: { maxIterations: 1000 },
  context: ({ input }) => ({ ...input, tally: EMPTY_TALLY, member: undefined }),
  entry: 'spawnContainers',
  on: {
    'group.settle': { actions: { type: 'tellEach', params: { command: { type: 'container.settle' } } } },
    'container.failed': { actions: { type: 'passOn', params: ({ event }) => ({ report: event }) } },
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
    gate: {
      initial: 'undecided',
      on: {
        'group.unlock': {
          target: '.unlocked',
          actions: { type: 'tellEach', params: { command: { type: 'container.unlock' } } },
        },
        'group.lock': {
          target: '.locked',
          actions: { type: 'tellEach', params: { command: { type: 'container.lock' } } },
        },
      },
      states: {
        undecided: {},
        /** A container that comes back to INSTALLED is gated again (lifecycle §2.2). */
        locked: {
          on: {
            'container.changed': {
              guard: { type: 'reinstalled', params: ({ event }) => ({ to: event.to }) },
              actions: {
                type: 'tellOne',
                params: ({ event }) => ({ name: event.name, event: { type: 'container.lock' } }),
              },
            },
          },
        },
        unlocked: {
          on: {
            'container.changed': {
              guard: { type: 'reinstalled', params: ({ event }) => ({ to: event.to }) },
              actions: {
                type: 'tellOne',
                params: ({ event }) => ({ name: event.name, event: { type: 'container.unlock' } }),
              },
            },
          },
        },
      },
    },
    goals: {
      initial: 'assembling',
      on: {
        'container.changed': {
          actions: { type: 'count', params: ({ event }) => ({ from: event.from, to: event.to }) },
        },
      },
      states: {
        /** Not every container has said where it stands. An empty group is complete at once. */
        assembling: {
          entry: { type: 'count', params: { from: undefined, to: undefined } },
          always: [
            { guard: { type: 'goalIs', params: { goal: 'UNACHIEVED' } }, target: 'climbing' },
            { guard: { type: 'goalIs', params: { goal: 'ACHIEVED' } }, target: 'achieved' },
            { guard: { type: 'goalIs', params: { goal: 'TIMEDOUT' } }, target: 'timedOut' },
          ],
        },
        climbing: {
          always: [
            { guard: { type: 'goalIs', params: { goal: 'ACHIEVED' } }, target: 'achieved' },
            { guard: { type: 'goalIs', params: { goal: 'TIMEDOUT' } }, target: 'timedOut' },
          ],
        },
        achieved: {
          always: [
            { guard: { type: 'goalIs', params: { goal: 'UNACHIEVED' } }, target: 'climbing' },
            { guard: { type: 'goalIs', params: { goal: 'TIMEDOUT' } }, target: 'timedOut' },
          ],
        },
        timedOut: {
          always: [
            { guard: { type: 'goalIs', params: { goal: 'UNACHIEVED' } }, target: 'climbing' },
            { guard: { type: 'goalIs', params: { goal: 'ACHIEVED' } }, target: 'achieved' },
          ],
        },
      },
    },
    life: {
      initial: 'running',
      states: {
        running: {
          on: {
            'group.stop': {
              target: 'stopping',
              actions: {
                type: 'tellEach',
                params: { command: { type: 'container.stop', by: 'system' } },
              },
            },
          },
        },
        stopping: {
          always: { guard: 'allStopped', target: 'stopped' },
          on: {
            'group.kill': {
              actions: { type: 'tellEach', params: { command: { type: 'container.kill' } } },
            },
          },
        },
        stopped: { entry: 'reportStopped' },
      },
    },
  },
});

function joined({ goals }: Tally): number {
  return goals.ACHIEVED + goals.UNACHIEVED + goals.TIMEDOUT;
}
