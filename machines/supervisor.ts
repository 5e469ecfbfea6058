/** The root: runs one revision, answers commands, stops, and reboots when a container has failed (lifecycle §1, §8.3).
 *
 *  Changing to another revision is not here yet to decide: a failure of a container means reboot (lifecycle §9.1). */

import { type ActorRefFrom, assign, type ErrorActorEvent, sendTo, setup } from 'xstate';
import type { Announcer } from './container.ts';
import type { Fault } from './domain/fault.ts';
import type { Announcement, DevicePhase } from './domain/report.ts';
import { type ContainerFailure, type GroupSeed, type RevisionReport, revisionMachine } from './revision.ts';
import { unprovidedProcess, unprovidedTask } from './unprovided.ts';

export type SupervisorEvent =
  | { type: 'device.stop' }
  /** Do not wait for the stop grace. */
  | { type: 'device.force' };

export interface SupervisorInput {
  readonly groups: readonly GroupSeed[];
  readonly obstacle?: ContainerFailure | undefined;
  readonly now: () => number;
}

export interface SupervisorContext extends SupervisorInput {
  readonly announcer: Announcer;
  /** The first failure; why the device reboots. */
  readonly fault: Fault | undefined;
  /** What broke a chart. */
  readonly error: unknown;
}

const announceFailure = {
  type: 'announceFailure',
  params: ({ event }: { event: { name: string; fault: Fault } }) => ({
    name: event.name,
    fault: event.fault,
  }),
} as const;
const noteFault = {
  type: 'noteFault',
  params: ({ event }: { event: { fault: Fault } }) => ({ fault: event.fault }),
} as const;
const noteError = {
  type: 'noteError',
  params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }),
} as const;

export const supervisorMachine = setup({
  types: {} as {
    input: SupervisorInput;
    context: SupervisorContext;
    events: SupervisorEvent | RevisionReport | ErrorActorEvent<unknown, string>;
    children: { announcer: 'announcer'; revision: 'revision'; reboot: 'rebootDevice' };
  },
  actors: {
    announcer: unprovidedProcess<Announcement, undefined>(),
    revision: revisionMachine,
    rebootDevice: unprovidedTask<Fault>(),
  },
  actions: {
    announcePhase: sendTo(
      ({ context }) => context.announcer,
      ({ context }, { phase }: { phase: DevicePhase }): Announcement => ({
        type: 'device',
        at: context.now(),
        phase,
      }),
    ),
    announceFailure: sendTo(
      ({ context }) => context.announcer,
      ({ context }, { name, fault }: { name: string; fault: Fault }): Announcement => ({
        type: 'failure',
        at: context.now(),
        container: name,
        fault,
      }),
    ),
    noteFault: assign(({ context }, { fault }: { fault: Fault }) => ({ fault: context.fault ?? fault })),
    stopRevision: sendTo('revision', { type: 'revision.stop' }),
    killRevision: sendTo('revision', { type: 'revision.kill' }),
    noteError: assign((_, { error }: { error: unknown }) => ({ error })),
  },
  guards: { hasFailed: ({ context }) => context.fault !== undefined },
}).createMachine({
  id: 'supervisor',
  initial: 'active',
  options: { maxIterations: 1000 },
  context: ({ input, spawn }) => ({
    ...input,
    announcer: spawn('announcer', { id: 'announcer' }),
    fault: undefined,
    error: undefined,
  }),
  entry: { type: 'announcePhase', params: { phase: 'running' } },
  invoke: {
    id: 'revision',
    src: 'revision',
    input: ({ context: { groups, obstacle, announcer, now }, self }) => ({
      groups,
      obstacle,
      announcer,
      now,
      trial: false,
      owner: self,
    }),
  },
  on: {
    /** Told whatever the phase: the last container to stop may be the one that fails. */
    'container.failed': { actions: announceFailure },
    'actor.crashed': { target: '.broken', actions: noteError },
    'xstate.error.actor.*': { target: '.broken', actions: noteError },
  },
  states: {
    active: {
      initial: 'running',
      on: {
        'revision.stopped': [{ guard: 'hasFailed', target: 'rebooting' }, { target: 'stopped' }],
      },
      states: {
        running: {
          on: {
            'device.stop': 'stopping',
            'device.force': 'stopping.forced',
            /** Lifecycle §9.1: no update is under way, so the device reboots. */
            'container.failed': { target: 'stopping', actions: [announceFailure, noteFault] },
          },
        },
        stopping: {
          entry: [{ type: 'announcePhase', params: { phase: 'stopping' } }, 'stopRevision'],
          initial: 'graceful',
          states: {
            graceful: { on: { 'device.force': 'forced' } },
            forced: { entry: 'killRevision' },
          },
        },
      },
    },
    rebooting: {
      entry: { type: 'announcePhase', params: { phase: 'rebooting' } },
      invoke: {
        id: 'reboot',
        src: 'rebootDevice',
        input: ({ context }) => context.fault ?? { code: 'UNEXPECTED', message: 'reboot without a reason' },
      },
    },
    stopped: { entry: { type: 'announcePhase', params: { phase: 'stopped' } } },
    /** A chart broke: our bug. The process ends with it, and the next supervisor adopts what runs (design §2). */
    broken: {},
  },
});

export type SupervisorActor = ActorRefFrom<typeof supervisorMachine>;
