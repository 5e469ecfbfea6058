/** One helper process that is kept alive (control API §6.12): it starts again 5 s after each end, until it is stopped.
 *
 *  A stop only sends SIGTERM. A start that comes while the process is still going takes the stop back: the exit is then
 *  followed by the respawn, which is how a restart works. */

import { assign, emit, type SnapshotFrom, sendTo, setup } from 'xstate';
import type { DaemonFact, DaemonView } from './domain/daemon.ts';
import { unprovidedProcess } from './unprovided.ts';

export type DaemonCommand =
  /** The device has begun: what belongs to its init mode starts. */
  | { type: 'daemon.begin' }
  | { type: 'daemon.start' }
  | { type: 'daemon.stop' }
  /** The device stops: SIGTERM, after the grace SIGKILL. */
  | { type: 'daemon.end' };
/** Emitted. That it is over, the end of the chart says. */
export type DaemonReport = { type: 'daemon.failed'; error: unknown };
export type DaemonProcessCommand = { type: 'process.terminate' } | { type: 'process.kill' };

export interface DaemonInput {
  readonly name: string;
  /** It belongs to this init mode. */
  readonly enabled: boolean;
}

export interface DaemonContext extends DaemonInput {
  readonly pid: number | undefined;
}

const RESPAWN_DELAY_MS = 5_000;
/** What containers get, too (lifecycle §8.1). */
const END_GRACE_MS = 5_000;

const notePid = {
  type: 'notePid',
  params: ({ event }: { event: { pid: number } }) => ({ pid: event.pid }),
} as const;

export const daemonMachine = setup({
  types: {} as {
    input: DaemonInput;
    context: DaemonContext;
    events: DaemonCommand | DaemonFact;
    emitted: DaemonReport;
    tags: 'respawns' | 'stopped';
  },
  actors: { daemonProcess: unprovidedProcess<DaemonProcessCommand, string>() },
  actions: {
    notePid: assign((_, { pid }: { pid: number }) => ({ pid })),
    forgetPid: assign({ pid: undefined }),
    terminate: sendTo('process', { type: 'process.terminate' }),
    kill: sendTo('process', { type: 'process.kill' }),
    fail: emit((_, { error }: { error: unknown }): DaemonReport => ({ type: 'daemon.failed', error })),
  },
  guards: { enabled: ({ context }) => context.enabled },
  delays: { respawnDelay: RESPAWN_DELAY_MS, endGrace: END_GRACE_MS },
}).createMachine({
  id: 'daemon',
  context: ({ input }) => ({ ...input, pid: undefined }),
  initial: 'waiting',
  on: { 'daemon.end': '.ended' },
  states: {
    /** Never started: not yet, or not in this init mode. */
    waiting: {
      tags: 'respawns',
      on: {
        'daemon.begin': { guard: 'enabled', target: 'alive' },
        'daemon.start': { guard: 'enabled', target: 'alive' },
        'daemon.stop': 'idle',
      },
    },
    /** Stopped before it ever ran. */
    idle: { on: { 'daemon.start': [{ guard: 'enabled', target: 'alive' }, { target: 'waiting' }] } },
    alive: {
      invoke: {
        id: 'process',
        src: 'daemonProcess',
        input: ({ context }) => context.name,
        onError: {
          target: 'respawning',
          actions: { type: 'fail', params: ({ event }) => ({ error: event.error }) },
        },
      },
      exit: 'forgetPid',
      initial: 'running',
      on: {
        'daemon.started': { actions: notePid },
        'daemon.missing': 'missing',
        'daemon.exited': 'respawning',
        'daemon.end': '.ending',
      },
      states: {
        running: {
          tags: 'respawns',
          on: { 'daemon.stop': { target: 'stopping', actions: 'terminate' } },
        },
        stopping: {
          on: {
            'daemon.start': 'restarting',
            'daemon.stop': { actions: 'terminate' },
            'daemon.exited': '#daemon.stopped',
          },
        },
        /** Told to go, and to come back. */
        restarting: {
          tags: 'respawns',
          on: { 'daemon.stop': { target: 'stopping', actions: 'terminate' } },
        },
        ending: {
          entry: 'terminate',
          after: { endGrace: { actions: 'kill' } },
          on: {
            'daemon.end': { actions: 'kill' },
            'daemon.missing': '#daemon.ended',
            'daemon.exited': '#daemon.ended',
          },
        },
      },
    },
    respawning: {
      tags: 'respawns',
      after: { respawnDelay: 'alive' },
      on: { 'daemon.stop': 'stopped' },
    },
    stopped: { tags: 'stopped', on: { 'daemon.start': 'respawning' } },
    /** Somebody may have put the executable there meanwhile. */
    missing: { on: { 'daemon.start': 'alive' } },
    /** Nothing runs any more, nothing will. */
    ended: { tags: 'stopped', type: 'final' },
  },
});

/** While it waits for its respawn there is no process, and none is shown: the reference shows its sleeping helper,
 *  which nobody should take for the daemon. */
export function daemonView(snapshot: SnapshotFrom<typeof daemonMachine>): DaemonView {
  const { name, pid = snapshot.hasTag('stopped') ? -1 : 0 } = snapshot.context;
  return { name, pid, respawn: snapshot.hasTag('respawns') };
}
