/** The root: runs one revision, stops, reboots or powers off when told to, and reboots when a container has failed
 *  (lifecycle §1, §8.3).
 *
 *  While an update tries the revision, a failure of a container is told and left to the update (`update.ts`); at any other
 *  time it means reboot (lifecycle §9.1). */

import { type ActorRefFrom, assign, type ErrorActorEvent, sendTo, setup } from 'xstate';
import type { Announcer } from './container.ts';
import type { Fault } from './domain/fault.ts';
import type { Announcement, Because, DevicePhase } from './domain/report.ts';
import { type ContainerFailure, type GroupSeed, type RevisionReport, revisionMachine } from './revision.ts';
import { unprovidedProcess, unprovidedTask } from './unprovided.ts';

export type SupervisorEvent =
  | { type: 'device.stop' }
  | { type: 'device.reboot'; because: string }
  | { type: 'device.powerOff'; because: string }
  /** Do not wait for the stop grace. */
  | { type: 'device.force' }
  /** The trial is over: UPDATED or DONE. */
  | { type: 'device.settle' };

export interface SupervisorInput {
  readonly groups: readonly GroupSeed[];
  /** An update is INPROGRESS or TESTING. */
  readonly trial?: boolean;
  readonly obstacle?: ContainerFailure | undefined;
  readonly now: () => number;
}

export interface Departure {
  readonly to: 'reboot' | 'powerOff';
  readonly because: Because;
}

export interface SupervisorContext extends SupervisorInput {
  readonly announcer: Announcer;
  /** What follows once every container has stopped; undefined: the end. The first that is decided counts. */
  readonly departure: Departure | undefined;
  /** The first failure of the trial; one that comes when its end is already being recorded means reboot after it. */
  readonly failure: Fault | undefined;
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
/** Lifecycle §9.1: no update is under way, so the device reboots. */
const rebootForFault = {
  type: 'decide',
  params: ({ event }: { event: { fault: Fault } }): Departure => ({ to: 'reboot', because: event.fault }),
} as const;
const asked = (to: Departure['to']) =>
  ({
    type: 'decide',
    params: ({ event }: { event: { because: string } }): Departure => ({
      to,
      because: { code: 'REQUESTED', message: event.because },
    }),
  }) as const;
const rebootForTrial = {
  type: 'decide',
  params: ({ context }: { context: SupervisorContext }): Departure => ({
    to: 'reboot',
    because: context.failure ?? UNEXPLAINED,
  }),
} as const;
const noteFailure = {
  type: 'noteFailure',
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
    children: {
      announcer: 'announcer';
      revision: 'revision';
      reboot: 'rebootDevice';
      powerOff: 'powerOffDevice';
    };
  },
  actors: {
    announcer: unprovidedProcess<Announcement, undefined>(),
    revision: revisionMachine,
    rebootDevice: unprovidedTask<Because>(),
    powerOffDevice: unprovidedTask<Because>(),
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
    decide: assign(({ context }, departure: Departure) => ({ departure: context.departure ?? departure })),
    stopRevision: sendTo('revision', { type: 'revision.stop' }),
    killRevision: sendTo('revision', { type: 'revision.kill' }),
    noteFailure: assign(({ context }, { fault }: { fault: Fault }) => ({
      failure: context.failure ?? fault,
    })),
    settleRevision: sendTo('revision', { type: 'revision.settle' }),
    endTrial: assign({ trial: false }),
    noteError: assign((_, { error }: { error: unknown }) => ({ error })),
  },
  guards: {
    inTrial: ({ context }) => context.trial === true,
    hasFailed: ({ context }) => context.failure !== undefined,
    departs: ({ context }, { to }: { to: Departure['to'] }) => context.departure?.to === to,
  },
}).createMachine({
  id: 'supervisor',
  initial: 'active',
  options: { maxIterations: 1000 },
  context: ({ input, spawn }) => ({
    ...input,
    announcer: spawn('announcer', { id: 'announcer' }),
    departure: undefined,
    failure: undefined,
    error: undefined,
  }),
  entry: { type: 'announcePhase', params: { phase: 'running' } },
  invoke: {
    id: 'revision',
    src: 'revision',
    input: ({ context: { groups, obstacle, trial, announcer, now }, self }) => ({
      groups,
      obstacle,
      announcer,
      now,
      trial: trial === true,
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
        'revision.stopped': [
          { guard: { type: 'departs', params: { to: 'reboot' } }, target: 'rebooting' },
          { guard: { type: 'departs', params: { to: 'powerOff' } }, target: 'poweringOff' },
          { target: 'stopped' },
        ],
      },
      states: {
        running: {
          on: {
            'device.stop': 'stopping',
            'device.force': 'stopping.forced',
            'device.reboot': { target: 'stopping', actions: asked('reboot') },
            'device.powerOff': { target: 'stopping', actions: asked('powerOff') },
            'container.failed': [
              { guard: 'inTrial', actions: [announceFailure, noteFailure] },
              { target: 'stopping', actions: [announceFailure, rebootForFault] },
            ],
            'device.settle': [
              { guard: 'hasFailed', target: 'stopping', actions: ['endTrial', rebootForTrial] },
              { actions: ['endTrial', 'settleRevision'] },
            ],
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
      invoke: { id: 'reboot', src: 'rebootDevice', input: ({ context }) => reason(context) },
    },
    poweringOff: {
      entry: { type: 'announcePhase', params: { phase: 'poweringOff' } },
      invoke: { id: 'powerOff', src: 'powerOffDevice', input: ({ context }) => reason(context) },
    },
    stopped: { entry: { type: 'announcePhase', params: { phase: 'stopped' } } },
    /** A chart broke: our bug. The process ends with it, and the next supervisor adopts what runs (design §2). */
    broken: {},
  },
});

function reason({ departure }: SupervisorContext): Because {
  return departure?.because ?? UNEXPLAINED;
}

const UNEXPLAINED: Because = { code: 'UNEXPECTED', message: 'nobody gave a reason' };

export type SupervisorActor = ActorRefFrom<typeof supervisorMachine>;
