/** One container, INSTALLED … READY … STOPPED (lifecycle §2–§4, §7–§9, §11).
 *
 *  Three regions. `life` is the specification's transition table. `volumes` knows what is mounted. `goal` holds the one
 *  timer that watches the status goal. What everybody may know stands in `context.record`; only `announce` changes its
 *  status, and tells it. One chart, so one file: past the `setup` it is the table of lifecycle §2.2, row by row. */

import {
  type ActorRef,
  assign,
  enqueueActions,
  or,
  raise,
  type Snapshot,
  sendTo,
  setup,
  stateIn,
} from 'xstate';
import type { Beginning } from './domain/adoption.ts';
import type { Fault } from './domain/fault.ts';
import { toFault } from './domain/fault.ts';
import type { ContainerRecord, Intent, Survivor } from './domain/record.ts';
import type { Exit, ProcessFact, Recovery } from './domain/recovery.ts';
import type { Announcement } from './domain/report.ts';
import type { ContainerSpec } from './domain/revision.ts';
import {
  entered,
  exited,
  exitFault,
  firstRecord,
  forgiven,
  judged,
  startRequested,
} from './domain/standing.ts';
import type { Member, Status, StopReason } from './domain/status.ts';
import { unprovidedProcess, unprovidedTask } from './unprovided.ts';

type StopCommand = { type: 'container.stop'; by: 'user' | 'system' };
export type ContainerCommand =
  /** Earlier groups have achieved their goals, or timed out. */
  | { type: 'container.unlock' }
  | { type: 'container.lock' }
  | StopCommand
  | { type: 'container.start' }
  | { type: 'container.restart' }
  /** Do not wait for the stop grace. */
  | { type: 'container.kill' }
  /** The trial of an update is over: from now on a spent retry budget follows the backoff policy. */
  | { type: 'container.settle' };
export type ContainerFact = ProcessFact | { type: 'signal.ready' };
export type ContainerReport =
  | { type: 'container.changed'; name: string; from: Member | undefined; to: Member }
  /** Nothing more will be tried here; what follows is the owner's decision (lifecycle §9.1). */
  | { type: 'container.failed'; name: string; fault: Fault };

/** Between the regions `life` and `volumes`. */
type VolumesEvent =
  | { type: 'volumes.wanted' }
  | { type: 'volumes.unwanted' }
  | { type: 'volumes.mounted' }
  | { type: 'volumes.failed' }
  | { type: 'volumes.released' }
  | { type: 'volumes.stuck' };

export type ContainerOwner = ActorRef<Snapshot<unknown>, ContainerReport>;
/** Makes a change durable, then tells it. */
export type Announcer = ActorRef<Snapshot<unknown>, Announcement>;

export interface ContainerInput {
  readonly spec: ContainerSpec;
  /** The group's timeout: containers have none of their own (lifecycle §4.3). */
  readonly goalTimeoutMs: number;
  /** An update is INPROGRESS or TESTING. */
  readonly trial: boolean;
  readonly beginning: Beginning;
  readonly owner: ContainerOwner;
  readonly announcer: Announcer;
  readonly now: () => number;
}

export interface ContainerContext extends ContainerInput {
  readonly record: ContainerRecord;
  /** As last reported to the owner. */
  readonly member: Member | undefined;
  /** What follows the last exit. */
  readonly verdict: Recovery | undefined;
}

export interface ProcessInput {
  readonly spec: ContainerSpec;
  /** When the start was requested. */
  readonly startedAt: number;
  /** Set when an earlier supervisor started it. */
  readonly survivor: Survivor | undefined;
}
export type ProcessCommand = { type: 'process.halt' } | { type: 'process.kill' };

const wantStop = {
  type: 'want',
  params: ({ event }: { event: StopCommand }) => ({
    intent: event.by === 'user' ? ('stopByUser' as const) : ('stopBySystem' as const),
  }),
} as const;
const announceStarting = { type: 'announce', params: { status: 'STARTING' } } as const;
const wantRestart = { type: 'want', params: { intent: 'restart' } } as const;
/** States the present status again because something else in the record or the goal changed. */
const restate = {
  type: 'announce',
  params: ({ context: { record } }: { context: ContainerContext }) => ({
    status: record.status,
    reason: record.stopReason,
  }),
} as const;
const notePid = {
  type: 'notePid',
  params: ({ event }: { event: { pid: number } }) => ({ pid: event.pid }),
} as const;
const noteFault = {
  type: 'noteFault',
  params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }),
} as const;

export const containerMachine = setup({
  types: {} as {
    input: ContainerInput;
    context: ContainerContext;
    events: ContainerCommand | ContainerFact | VolumesEvent;
  },
  actors: {
    mountVolumes: unprovidedTask<ContainerSpec>(),
    unmountVolumes: unprovidedTask<ContainerSpec>(),
    loadModules: unprovidedTask<ContainerSpec>(),
    containerProcess: unprovidedProcess<ProcessCommand, ProcessInput>(),
  },
  actions: {
    /** Record first, then the announcer, then the owner if what it counts has changed. */
    announce: enqueueActions(
      ({ context, enqueue }, { status, reason }: { status: Status; reason?: StopReason | undefined }) => {
        const { spec, member: before } = context;
        const at = context.now();
        const { record, member } = entered(spec, context.record, { status, reason, at });
        const from = before?.status;
        enqueue.assign({ record, member });
        enqueue.sendTo(context.announcer, {
          type: 'container',
          at,
          group: spec.group,
          from,
          goal: member.goal,
          record,
        });
        if (before?.status === member.status && before.goal === member.goal) return;
        enqueue.sendTo(context.owner, {
          type: 'container.changed',
          name: spec.name,
          from: before,
          to: member,
        });
      },
    ),
    fail: sendTo(
      ({ context }) => context.owner,
      ({ context: { spec, record } }): ContainerReport => ({
        type: 'container.failed',
        name: spec.name,
        fault: record.fault ?? exitFault(spec, record),
      }),
    ),
    want: assign(({ context: { record } }, { intent }: { intent: Intent }) => ({
      record: { ...record, intent },
    })),
    requestStart: assign(({ context: { record, goalTimeoutMs, now } }) => ({
      record: startRequested(record, goalTimeoutMs, now()),
    })),
    forgive: assign(({ context: { record } }) => ({ record: forgiven(record) })),
    notePid: assign(({ context: { record } }, { pid }: { pid: number }) => ({ record: { ...record, pid } })),
    noteSignal: assign(({ context: { record } }) => ({ record: { ...record, signalled: true } })),
    noteExit: assign(({ context: { record } }, { exit }: { exit: Exit }) => ({
      record: exited(record, exit),
    })),
    noteFault: assign(({ context: { record } }, { error }: { error: unknown }) => ({
      record: { ...record, fault: toFault(error) },
    })),
    blameExit: assign(({ context: { spec, record } }) => ({
      record: { ...record, fault: record.fault ?? exitFault(spec, record) },
    })),
    /** Once, so that all guards see the same answer. */
    judge: assign(({ context: { spec, record, trial, now } }) => ({
      verdict: judged(spec, record, trial, now()),
    })),
    grantRetry: assign(({ context: { record, verdict, now } }) =>
      verdict?.kind !== 'retry'
        ? {}
        : { record: { ...record, retries: verdict.retries, retryAt: now() + verdict.delayMs } },
    ),
    /** A timer may fire a hair early: from now on the deadline has passed for certain. */
    expireGoal: assign(({ context: { record, now } }) => ({ record: { ...record, goalDeadlineAt: now() } })),
    settleTrial: assign({ trial: false }),
    mount: raise({ type: 'volumes.wanted' }),
    unmount: raise({ type: 'volumes.unwanted' }),
    halt: sendTo('process', { type: 'process.halt' }),
    kill: sendTo('process', { type: 'process.kill' }),
  },
  guards: {
    begins: ({ context }, { kind }: { kind: Beginning['kind'] }) => context.beginning.kind === kind,
    recordedAs: ({ context }, { status }: { status: Status }) => context.record.status === status,
    recordedSignal: ({ context: { record } }) => record.status === 'STARTING' && record.signalled,
    restsAs: ({ context: { beginning, record } }, { status }: { status: Status }) =>
      beginning.kind === 'resting' && record.status === status,
    restsFor: ({ context }, { reason }: { reason: StopReason }) => context.record.stopReason === reason,
    beginsMounted: ({ context: { beginning, record } }) =>
      beginning.kind === 'alive' || (beginning.kind === 'resting' && record.status === 'MOUNTED'),
    wants: ({ context }, { intent }: { intent: Intent }) => context.record.intent === intent,
    /** Something was announced: the container is not just being adopted. */
    told: ({ context }) => context.member !== undefined,
    untroubled: ({ context }) => context.record.fault === undefined,
    goalMounted: ({ context }) => context.spec.statusGoal === 'MOUNTED',
    goalReady: ({ context }) => context.spec.statusGoal === 'READY',
    /** The goal is READY, and init is still there to be ready. */
    readyCounts: ({ context: { spec, record } }) => spec.statusGoal === 'READY' && record.pid !== undefined,
    retriesNow: ({ context: { verdict } }) => verdict?.kind === 'retry' && verdict.delayMs === 0,
    verdictIs: ({ context }, { kind }: { kind: Recovery['kind'] }) => context.verdict?.kind === kind,
    volumesAway: stateIn({ volumes: 'none' }),
    /** No mount is under way. */
    volumesIdle: or([stateIn({ volumes: 'none' }), stateIn({ volumes: 'stuck' })]),
    goalPending: ({ context: { record, member } }) =>
      record.goalDeadlineAt !== undefined && member?.goal === 'UNACHIEVED',
    /** Reached, missed, or no start is under way any more. */
    goalDecided: ({ context: { record, member } }) =>
      record.goalDeadlineAt === undefined || member?.goal !== 'UNACHIEVED',
  },
  delays: {
    goalRemaining: ({ context }) => remaining(context, context.record.goalDeadlineAt),
    retryRemaining: ({ context }) => remaining(context, context.record.retryAt),
    graceRemaining: ({ context }) => remaining(context, context.record.killAt),
  },
}).createMachine({
  id: 'container',
  type: 'parallel',
  options: { maxIterations: 1000 },
  context: ({ input }) => ({
    ...input,
    record: firstRecord(input.spec, input.beginning, input.now()),
    member: undefined,
    verdict: undefined,
  }),
  on: { 'container.settle': { actions: 'settleTrial' } },
  states: {
    life: {
      initial: 'entering',
      states: {
        entering: {
          always: [
            { guard: { type: 'begins', params: { kind: 'alive' } }, target: 'alive' },
            { guard: { type: 'begins', params: { kind: 'ended' } }, target: 'STOPPED' },
            { guard: { type: 'restsAs', params: { status: 'MOUNTED' } }, target: 'preparing.MOUNTED' },
            { guard: { type: 'restsAs', params: { status: 'RECOVERING' } }, target: 'RECOVERING' },
            { guard: { type: 'restsAs', params: { status: 'STOPPED' } }, target: 'STOPPED.resuming' },
            { target: 'preparing' },
          ],
        },
        /** No process yet. */
        preparing: {
          initial: 'INSTALLED',
          on: {
            'container.stop': [
              { guard: 'volumesAway', target: 'STOPPED', actions: wantStop },
              { actions: [wantStop, restate, 'unmount'] },
            ],
            'volumes.released': 'STOPPED',
            'volumes.failed': [
              { guard: { type: 'wants', params: { intent: 'run' } }, actions: [restate, 'fail'] },
              { target: 'STOPPED' },
            ],
            'volumes.stuck': 'STOPPED.failed',
          },
          states: {
            INSTALLED: {
              tags: 'INSTALLED',
              entry: { type: 'announce', params: { status: 'INSTALLED' } },
              on: {
                'container.unlock': { guard: 'untroubled', actions: 'mount' },
                'container.lock': { guard: 'volumesIdle', target: 'BLOCKED' },
                'volumes.mounted': 'MOUNTED',
              },
            },
            BLOCKED: {
              tags: 'BLOCKED',
              entry: { type: 'announce', params: { status: 'BLOCKED' } },
              on: {
                'container.unlock': { guard: 'untroubled', actions: 'mount' },
                'volumes.mounted': 'MOUNTED',
              },
            },
            MOUNTED: {
              tags: 'MOUNTED',
              entry: { type: 'announce', params: { status: 'MOUNTED' } },
              initial: 'arriving',
              states: {
                arriving: { always: [{ guard: 'goalMounted', target: 'resting' }, { target: 'loading' }] },
                resting: {},
                loading: {
                  invoke: {
                    src: 'loadModules',
                    input: ({ context }) => context.spec,
                    // told before the runtime is asked.
                    onDone: {
                      target: '#container.life.alive',
                      actions: ['requestStart', announceStarting],
                    },
                    onError: { target: 'lacking', actions: [noteFault, restate, 'fail'] },
                  },
                },
                /** A required driver is missing. */
                lacking: {},
                leaving: {},
              },
              on: { 'container.stop': { target: '.leaving', actions: [wantStop, restate, 'unmount'] } },
            },
          },
        },
        /** A process exists, or was asked for. Its exit is followed by the release of the volumes, then by STOPPED. */
        alive: {
          invoke: {
            id: 'process',
            src: 'containerProcess',
            input: ({ context }) => processInput(context),
            onError: {
              actions: [
                {
                  type: 'noteExit',
                  params: ({ event }) => ({ exit: { kind: 'startFailed', fault: toFault(event.error) } }),
                },
                'unmount',
              ],
            },
          },
          initial: 'beginning',
          on: {
            'process.exited': {
              actions: [{ type: 'noteExit', params: ({ event }) => ({ exit: event.exit }) }, 'unmount'],
            },
            'volumes.released': 'STOPPED',
            'volumes.stuck': 'STOPPED.failed',
            'container.stop': { target: '.STOPPING', actions: wantStop },
            'container.restart': { target: '.STOPPING', actions: wantRestart },
          },
          states: {
            /** Recorded as STARTING, or as what an adopted container was. One that is adopted without a record of its
             *  start has its timer from now on. */
            beginning: {
              always: [
                { guard: { type: 'recordedAs', params: { status: 'STARTED' } }, target: 'STARTED' },
                { guard: { type: 'recordedAs', params: { status: 'READY' } }, target: 'READY' },
                { guard: { type: 'recordedAs', params: { status: 'STOPPING' } }, target: 'STOPPING' },
                { guard: 'told', target: 'STARTING' },
                {
                  guard: 'recordedSignal',
                  target: 'STARTING.signalled',
                  actions: announceStarting,
                },
                {
                  guard: { type: 'recordedAs', params: { status: 'STARTING' } },
                  target: 'STARTING',
                  actions: announceStarting,
                },
                { target: 'STARTING', actions: ['requestStart', announceStarting] },
              ],
            },
            STARTING: {
              tags: 'STARTING',
              initial: 'silent',
              states: {
                silent: {
                  on: {
                    'signal.ready': {
                      guard: 'goalReady',
                      target: 'signalled',
                      actions: ['noteSignal', restate],
                    },
                    'process.started': { target: '#container.life.alive.STARTED', actions: notePid },
                  },
                },
                /** L-03: ready before the pid is known. It passes STARTED on its way. */
                signalled: {
                  on: {
                    'process.started': {
                      target: '#container.life.alive.READY',
                      actions: [notePid, { type: 'announce', params: { status: 'STARTED' } }],
                    },
                  },
                },
              },
            },
            STARTED: {
              tags: 'STARTED',
              entry: { type: 'announce', params: { status: 'STARTED' } },
              on: { 'signal.ready': { guard: 'readyCounts', target: 'READY' } },
            },
            READY: {
              tags: 'READY',
              entry: { type: 'announce', params: { status: 'READY' } },
            },
            /** The last command wins (lifecycle §11). A halt before the pid is known waits in the runtime (L-04). */
            STOPPING: {
              tags: 'STOPPING',
              entry: [{ type: 'announce', params: { status: 'STOPPING' } }, 'halt'],
              after: { graceRemaining: { actions: 'kill' } },
              on: {
                'process.started': { actions: [notePid, restate] },
                'container.stop': { actions: [wantStop, restate] },
                'container.start': { actions: [wantRestart, restate] },
                'container.restart': { actions: [wantRestart, restate] },
                'container.kill': { actions: 'kill' },
              },
            },
          },
        },
        RECOVERING: {
          tags: 'RECOVERING',
          entry: { type: 'announce', params: { status: 'RECOVERING' } },
          after: { retryRemaining: 'preparing' },
          on: {
            'container.start': { target: 'preparing', actions: 'forgive' },
            'container.restart': { target: 'preparing', actions: 'forgive' },
            'container.stop': { target: 'STOPPED', actions: wantStop },
          },
        },
        /** Process gone, volumes unmounted. Rows 10–15, 20–22: command, then user stop, then recovery, then failure. */
        STOPPED: {
          tags: 'STOPPED',
          initial: 'deciding',
          states: {
            deciding: {
              entry: 'judge',
              always: [
                {
                  guard: { type: 'wants', params: { intent: 'restart' } },
                  target: '#container.life.preparing',
                  actions: [{ type: 'announce', params: { status: 'STOPPED' } }, 'forgive'],
                },
                { guard: { type: 'wants', params: { intent: 'stopByUser' } }, target: 'byUser' },
                { guard: { type: 'wants', params: { intent: 'stopBySystem' } }, target: 'bySystem' },
                {
                  guard: 'retriesNow',
                  target: '#container.life.preparing',
                  actions: [{ type: 'announce', params: { status: 'STOPPED' } }, 'grantRetry'],
                },
                {
                  guard: { type: 'verdictIs', params: { kind: 'retry' } },
                  target: '#container.life.RECOVERING',
                  actions: [{ type: 'announce', params: { status: 'STOPPED' } }, 'grantRetry'],
                },
                { guard: { type: 'verdictIs', params: { kind: 'gaveUp' } }, target: 'gaveUp' },
                { guard: { type: 'verdictIs', params: { kind: 'finished' } }, target: 'finished' },
                { target: 'failed' },
              ],
            },
            /** After adoption: the reason is on record. */
            resuming: {
              always: [
                { guard: { type: 'restsFor', params: { reason: 'user' } }, target: 'byUser' },
                { guard: { type: 'restsFor', params: { reason: 'gaveUp' } }, target: 'gaveUp' },
                { guard: { type: 'restsFor', params: { reason: 'finished' } }, target: 'finished' },
                { target: 'failed' },
              ],
            },
            byUser: { entry: { type: 'announce', params: { status: 'STOPPED', reason: 'user' } } },
            bySystem: { entry: { type: 'announce', params: { status: 'STOPPED', reason: 'system' } } },
            gaveUp: { entry: { type: 'announce', params: { status: 'STOPPED', reason: 'gaveUp' } } },
            finished: { entry: { type: 'announce', params: { status: 'STOPPED', reason: 'finished' } } },
            failed: {
              entry: [
                'blameExit',
                { type: 'announce', params: { status: 'STOPPED', reason: 'failed' } },
                'fail',
              ],
            },
          },
          on: {
            'container.start': { target: 'preparing', actions: 'forgive' },
            'container.restart': { target: 'preparing', actions: 'forgive' },
            'container.stop': { target: '.deciding', actions: wantStop },
          },
        },
      },
    },
    volumes: {
      initial: 'entering',
      states: {
        entering: { always: [{ guard: 'beginsMounted', target: 'mounted' }, { target: 'none' }] },
        none: { on: { 'volumes.wanted': 'mounting' } },
        mounting: {
          invoke: {
            src: 'mountVolumes',
            input: ({ context }) => context.spec,
            onDone: { target: 'mounted', actions: raise({ type: 'volumes.mounted' }) },
            onError: { target: 'none', actions: [noteFault, raise({ type: 'volumes.failed' })] },
          },
          /** Leaving aborts the mount; its undoing comes before the unmount begins. */
          on: { 'volumes.unwanted': 'unmounting' },
        },
        mounted: { on: { 'volumes.unwanted': 'unmounting' } },
        unmounting: {
          invoke: {
            src: 'unmountVolumes',
            input: ({ context }) => context.spec,
            onDone: { target: 'none', actions: raise({ type: 'volumes.released' }) },
            onError: { target: 'stuck', actions: [noteFault, raise({ type: 'volumes.stuck' })] },
          },
        },
        /** Something still holds a mount. The next start clears it first, a stop before that tries again. */
        stuck: { on: { 'volumes.wanted': 'clearing', 'volumes.unwanted': 'unmounting' } },
        clearing: {
          invoke: {
            src: 'unmountVolumes',
            input: ({ context }) => context.spec,
            onDone: [
              { guard: { type: 'wants', params: { intent: 'run' } }, target: 'mounting' },
              { target: 'none', actions: raise({ type: 'volumes.released' }) },
            ],
            onError: { target: 'stuck', actions: [noteFault, raise({ type: 'volumes.failed' })] },
          },
        },
      },
    },
    goal: {
      initial: 'idle',
      states: {
        idle: { always: { guard: 'goalPending', target: 'pending' } },
        pending: {
          always: { guard: 'goalDecided', target: 'idle' },
          after: { goalRemaining: { target: 'idle', actions: ['expireGoal', restate] } },
        },
      },
    },
  },
});

/** Only the first process of a supervisor's life can be an adopted one. */
function processInput({ spec, record, beginning, member }: ContainerContext): ProcessInput {
  const survivor = beginning.kind === 'alive' && member === undefined ? beginning.survivor : undefined;
  return { spec, startedAt: record.startedAt ?? record.since, survivor };
}

function remaining({ now }: ContainerContext, at: number | undefined): number {
  return at === undefined ? 0 : Math.max(0, at - now());
}
