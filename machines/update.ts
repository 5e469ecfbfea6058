/** One update, from its take-up to its final status (lifecycle §13, §14.4, §14.6, R-07).
 *
 *  The tags of the states are the statuses on record. Each is written before its state is entered, and before anything
 *  follows from it: a state named `record…` does nothing else. The chart knows no disk, no boot loader and no
 *  containers; it asks for each deed and hears how it ended. The trial itself is a chart of its own (`trial.ts`). It is
 *  longer than most because every deed is a state: each is a place where the power may go. */

import { assign, setup } from 'xstate';
import { type Fault, toFault } from './domain/fault.ts';
import { MESSAGES, type ProgressStatus } from './domain/progress.ts';
import {
  type Candidate,
  contentMessageOf,
  contextOf,
  type Move,
  messageOf,
  moveOf,
  nextOf,
  type ProgressStep,
  planned,
  restingPlaceOf,
  type UpdateContext,
  type UpdateOrigin,
  type UpdateRules,
  wayBackOf,
} from './domain/update.ts';
import { type Blame, type TrialOutput, trialMachine } from './trial.ts';
import { unprovidedTask } from './unprovided.ts';

/** The device stops, reboots or powers off, whoever asked for it. What follows is the next boot's to decide. */
export type UpdateEvent = { type: 'device.left' };

export interface Unmarking {
  readonly failed: string;
  /** What runs on without a reboot; undefined when the device goes back to the rollback point. */
  readonly resting: string | undefined;
}

type Scope = { context: UpdateContext };
type Failure = { event: { error: unknown } };

const name = ({ context }: Scope) => context.name;
const next = ({ context }: Scope) => nextOf(context);
const recordAs = (status: ProgressStatus, message: string, final = false) => ({
  src: 'writeProgress' as const,
  input: ({ context }: Scope): ProgressStep => ({ name: context.name, status, message, final }),
});
const recordFailure = (status: 'WONTGO' | 'ERROR') => ({
  src: 'writeProgress' as const,
  input: ({ context }: Scope): ProgressStep => ({
    name: context.name,
    status,
    message: context.message,
    final: true,
  }),
});
const withText = (textOf: (fault: Fault) => string) =>
  ({
    type: 'blame',
    params: ({ event }: Failure): Blame => {
      const fault = toFault(event.error);
      return { message: textOf(fault), fault };
    },
  }) as const;
const refuse = { target: '#update.refusing', actions: withText(messageOf) } as const;
/** `Internal error`, unless it is one with a text of its own. */
const fail = { target: '#update.failed', actions: withText(messageOf) } as const;
const failContent = { target: '#update.failed', actions: withText(contentMessageOf) } as const;
const complain = {
  type: 'complain',
  params: ({ event }: Failure) => ({ fault: toFault(event.error) }),
} as const;

export const updateMachine = setup({
  types: {} as {
    input: { readonly rules: UpdateRules; readonly origin: UpdateOrigin };
    context: UpdateContext;
    events: UpdateEvent;
  },
  actors: {
    takeUp: unprovidedTask<string>(),
    loadUpdate: unprovidedTask<string, Candidate>(),
    installUpdate: unprovidedTask<Candidate>(),
    verifyUpdate: unprovidedTask<Candidate>(),
    /** Hooks, and the try marker of the boot record. */
    markTry: unprovidedTask<string>(),
    /** The marker as if it had not been tried. */
    unmarkTry: unprovidedTask<Unmarking>(),
    writeProgress: unprovidedTask<ProgressStep>(),
    moveContainers: unprovidedTask<Move>(),
    moveBack: unprovidedTask<Omit<Move, 'plan'>>(),
    trial: trialMachine,
    commitBoot: unprovidedTask<string>(),
    markDone: unprovidedTask<string>(),
    leaveDevice: unprovidedTask<string>(),
  },
  actions: {
    plan: assign(({ context }, { found }: { found: Candidate }) => planned(context, found)),
    noteMove: assign({ moved: true }),
    blame: assign((_, { message, fault }: Blame) => ({ message, fault })),
    /** Provided: tells the log. */
    complain: (_, _params: { fault: Fault | undefined }) => {},
  },
  guards: {
    begins: ({ context }, { as }: { as: UpdateOrigin['begins'] }) => context.begins === as,
    passed: (_, { blame }: { blame: TrialOutput }) => blame === undefined,
    isLive: ({ context }) => context.kind === 'live',
    hasStayed: ({ context }) => !context.moved,
    /** the containers go back as they came. */
    goesBack: ({ context }) => restingPlaceOf(context) !== undefined,
    /** The boot loader chose it. */
    isBooted: ({ context }) => context.kind === 'reboot' && context.moved,
  },
}).createMachine({
  id: 'update',
  initial: 'entering',
  options: { maxIterations: 1000 },
  context: ({ input }) => contextOf(input),
  on: { 'device.left': '.left' },
  states: {
    entering: {
      always: [
        { guard: { type: 'begins', params: { as: 'taken' } }, target: 'NEW' },
        { guard: { type: 'begins', params: { as: 'trying' } }, target: 'trial' },
        { target: 'failed.recorded' },
      ],
    },
    /** Nothing of it has run. */
    NEW: {
      tags: 'NEW',
      initial: 'takingUp',
      states: {
        takingUp: { invoke: { src: 'takeUp', input: name, onDone: 'loading', onError: refuse } },
        loading: {
          invoke: {
            src: 'loadUpdate',
            input: name,
            onDone: {
              target: 'installing',
              actions: { type: 'plan', params: ({ event }) => ({ found: event.output }) },
            },
            onError: refuse,
          },
        },
        installing: {
          invoke: { src: 'installUpdate', input: next, onDone: 'verifying', onError: failContent },
        },
        /** Before anything stops: what is broken costs no downtime. */
        verifying: {
          invoke: { src: 'verifyUpdate', input: next, onDone: 'marking', onError: failContent },
        },
        marking: {
          invoke: {
            src: 'markTry',
            input: name,
            onDone: [{ guard: 'isLive', target: 'recordTransition' }, { target: 'recordReboot' }],
            onError: fail,
          },
        },
        recordTransition: {
          invoke: {
            ...recordAs('INPROGRESS', MESSAGES.transitioning),
            onDone: '#update.INPROGRESS.moving',
            onError: fail,
          },
        },
        recordReboot: {
          invoke: {
            ...recordAs('INPROGRESS', MESSAGES.rebooting),
            onDone: '#update.INPROGRESS.rebooting',
            onError: fail,
          },
        },
      },
    },
    INPROGRESS: {
      tags: 'INPROGRESS',
      initial: 'moving',
      states: {
        /** The next boot is the trial. */
        rebooting: {
          invoke: {
            src: 'leaveDevice',
            input: ({ context }) => `an update to revision ${context.name} is installed`,
            onError: fail,
          },
        },
        moving: {
          entry: 'noteMove',
          invoke: {
            src: 'moveContainers',
            input: ({ context }) => moveOf(context),
            onDone: 'recordTrying',
            onError: fail,
          },
        },
        recordTrying: {
          invoke: {
            ...recordAs('INPROGRESS', MESSAGES.trying),
            onDone: '#update.trial',
            onError: fail,
          },
        },
      },
    },
    trial: {
      invoke: {
        src: 'trial',
        input: ({ context: { name, kind, now, commitDelayMs } }) => ({ name, kind, now, commitDelayMs }),
        onDone: [
          {
            guard: { type: 'passed', params: ({ event }) => ({ blame: event.output }) },
            target: 'accepting',
          },
          {
            target: 'failed',
            actions: { type: 'blame', params: ({ event }) => blameOf(event.output) },
          },
        ],
        onError: fail,
      },
    },
    /** From here on a failure is one of the new revision: the device reboots into it (lifecycle §14.6). */
    accepting: {
      tags: 'TESTING',
      initial: 'choosing',
      states: {
        choosing: {
          always: [{ guard: 'isLive', target: 'recordUpdated' }, { target: 'committing' }],
        },
        recordUpdated: {
          invoke: {
            ...recordAs('UPDATED', MESSAGES.updated, true),
            onDone: '#update.UPDATED',
            onError: fail,
          },
        },
        /** L-24: the boot loader first. */
        committing: { invoke: { src: 'commitBoot', input: name, onDone: 'recordDone', onError: fail } },
        /** It is the rollback point. What cannot be recorded of that now is recorded by the next boot. */
        recordDone: {
          invoke: {
            ...recordAs('DONE', MESSAGES.done, true),
            onDone: 'marking',
            onError: { target: 'marking', actions: complain },
          },
        },
        marking: {
          tags: 'DONE',
          invoke: {
            src: 'markDone',
            input: name,
            onDone: '#update.DONE',
            onError: { target: '#update.DONE', actions: complain },
          },
        },
      },
    },
    refusing: {
      tags: 'NEW',
      entry: { type: 'complain', params: ({ context }) => ({ fault: context.fault }) },
      invoke: {
        ...recordFailure('WONTGO'),
        onDone: 'WONTGO',
        onError: { target: 'WONTGO', actions: complain },
      },
    },
    /** A record that cannot be written keeps nothing from going back. */
    failed: {
      initial: 'recordError',
      states: {
        recordError: {
          entry: { type: 'complain', params: ({ context }) => ({ fault: context.fault }) },
          invoke: {
            ...recordFailure('ERROR'),
            onDone: 'recorded',
            onError: { target: 'recorded', actions: complain },
          },
        },
        /** Lifecycle §14.4: the trial of a boot leaves the marker; the boot loader and the next boot need it. */
        recorded: {
          tags: 'ERROR',
          always: [{ guard: 'isBooted', target: 'leaving' }, { target: 'unmarking' }],
        },
        unmarking: {
          tags: 'ERROR',
          invoke: {
            src: 'unmarkTry',
            input: ({ context }) => ({ failed: context.name, resting: restingPlaceOf(context)?.name }),
            onDone: 'unmarked',
            onError: { target: 'unmarked', actions: complain },
          },
        },
        unmarked: {
          tags: 'ERROR',
          always: [
            { guard: 'hasStayed', target: '#update.ERROR' },
            { guard: 'goesBack', target: 'returning' },
            { target: 'leaving' },
          ],
        },
        returning: {
          tags: 'ERROR',
          invoke: {
            src: 'moveBack',
            input: ({ context }) => wayBackOf(context),
            onDone: '#update.ERROR',
            onError: { target: 'leaving', actions: complain },
          },
        },
        leaving: {
          tags: 'ERROR',
          invoke: {
            src: 'leaveDevice',
            input: ({ context }) => `revision ${context.name} failed: ${context.message}`,
            onError: { actions: complain },
          },
        },
      },
    },
    left: {},
    UPDATED: { tags: 'UPDATED', type: 'final' },
    DONE: { tags: 'DONE', type: 'final' },
    WONTGO: { tags: 'WONTGO', type: 'final' },
    ERROR: { tags: 'ERROR', type: 'final' },
  },
});

function blameOf(output: TrialOutput): Blame {
  return output ?? { message: MESSAGES.internal, fault: undefined };
}
