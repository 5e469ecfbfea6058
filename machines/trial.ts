/** The trial of a revision that runs: goals, commit delay, stability (lifecycle §13.6). It ends with the trial and says how;
 *  what follows is the update's decision. Its tags are the statuses on record. */

import { assign, setup } from 'xstate';
import { type Fault, toFault } from './domain/fault.ts';
import { MESSAGES } from './domain/progress.ts';
import type { GoalState } from './domain/status.ts';
import { messageOf, type ProgressStep, type UpdateKind } from './domain/update.ts';
import { unprovidedProcess, unprovidedTask } from './unprovided.ts';

/** What the containers of the revision on trial tell. */
export type TrialFact =
  | { type: 'goals.changed'; goal: GoalState }
  /** When all containers that ask for it are stable; infinity while that is unknown (`domain/stability.ts`). */
  | { type: 'stability.changed'; from: number }
  | { type: 'container.failed'; fault: Fault };

export interface TrialInput {
  readonly name: string;
  readonly kind: UpdateKind | undefined;
  readonly now: () => number;
  readonly commitDelayMs: () => number;
}

/** Why it failed, as the progress record says it, and what is behind that. */
export interface Blame {
  readonly message: string;
  readonly fault: Fault | undefined;
}
/** Undefined: it is good. */
export type TrialOutput = Blame | undefined;

export interface TrialContext extends TrialInput {
  readonly goal: GoalState;
  readonly stableFrom: number;
  /** When the commit delay is over. */
  readonly testedAt: number;
  readonly blame: Blame | undefined;
}

const blame = {
  type: 'blame',
  params: ({ event }: { event: { error: unknown } }): Blame => {
    const fault = toFault(event.error);
    return { message: messageOf(fault), fault };
  },
} as const;
const record = (message: (context: TrialContext) => string) => ({
  src: 'writeProgress' as const,
  input: ({ context }: { context: TrialContext }): ProgressStep => ({
    name: context.name,
    status: 'TESTING',
    message: message(context),
    final: false,
  }),
  onError: { target: '#trial.failed', actions: blame },
});
const noteStability = {
  type: 'noteStability',
  params: ({ event }: { event: { from: number } }) => ({ from: event.from }),
} as const;

export const trialMachine = setup({
  types: {} as { input: TrialInput; context: TrialContext; events: TrialFact; output: TrialOutput },
  actors: {
    /** Its first facts say how the containers stand. */
    watchTrial: unprovidedProcess<{ type: 'none' }, undefined>(),
    writeProgress: unprovidedTask<ProgressStep>(),
  },
  actions: {
    noteGoal: assign((_, { goal }: { goal: GoalState }) => ({ goal })),
    noteStability: assign((_, { from }: { from: number }) => ({ stableFrom: from })),
    armCommit: assign(({ context }) => ({ testedAt: context.now() + context.commitDelayMs() })),
    blame: assign((_, blame: Blame) => ({ blame })),
  },
  guards: {
    goalIs: ({ context }, { goal }: { goal: GoalState }) => context.goal === goal,
    isStable: ({ context }) => context.now() >= context.stableFrom,
    stabilityKnown: ({ context }) => Number.isFinite(context.stableFrom),
  },
  delays: {
    commitRemaining: ({ context }) => Math.max(0, context.testedAt - context.now()),
    stabilityRemaining: ({ context }) => Math.max(0, context.stableFrom - context.now()),
  },
}).createMachine({
  id: 'trial',
  initial: 'INPROGRESS',
  options: { maxIterations: 1000 },
  context: ({ input }) => ({
    ...input,
    goal: 'UNACHIEVED',
    stableFrom: 0,
    testedAt: 0,
    blame: undefined,
  }),
  invoke: { src: 'watchTrial', onError: { target: '.failed', actions: blame } },
  on: {
    'goals.changed': { actions: { type: 'noteGoal', params: ({ event }) => ({ goal: event.goal }) } },
    'stability.changed': { actions: noteStability },
    'container.failed': {
      target: '.failed',
      actions: {
        type: 'blame',
        params: ({ event }) => ({ message: MESSAGES.notStarted, fault: event.fault }),
      },
    },
  },
  states: {
    INPROGRESS: {
      tags: 'INPROGRESS',
      always: [
        {
          guard: { type: 'goalIs', params: { goal: 'TIMEDOUT' } },
          target: 'failed',
          actions: { type: 'blame', params: { message: MESSAGES.goalMissed, fault: undefined } },
        },
        {
          guard: { type: 'goalIs', params: { goal: 'ACHIEVED' } },
          target: 'recordTesting',
          actions: 'armCommit',
        },
      ],
    },
    recordTesting: {
      tags: 'INPROGRESS',
      invoke: {
        ...record(({ kind }) => (kind === 'live' ? MESSAGES.awaitingStable : MESSAGES.awaitingRollbackPoint)),
        onDone: 'TESTING',
      },
    },
    /** Goals count no more, failures do. The delay runs from the goals on, whatever restarts meanwhile. */
    TESTING: { tags: 'TESTING', after: { commitRemaining: 'tested' } },
    tested: {
      tags: 'TESTING',
      always: [{ guard: 'isStable', target: 'passed' }, { target: 'recordStability' }],
    },
    recordStability: {
      tags: 'TESTING',
      invoke: { ...record(() => MESSAGES.waitingForStable), onDone: 'unstable' },
    },
    /** A container on its way to its goal has no time to wait for yet. */
    unstable: {
      tags: 'TESTING',
      always: [
        { guard: 'isStable', target: 'passed' },
        { guard: 'stabilityKnown', target: 'stabilising' },
      ],
    },
    /** One timer, to the latest. */
    stabilising: {
      tags: 'TESTING',
      after: { stabilityRemaining: 'passed' },
      on: { 'stability.changed': { target: 'unstable', actions: noteStability } },
    },
    passed: { type: 'final' },
    failed: { type: 'final' },
  },
  output: ({ context }) => context.blame,
});
