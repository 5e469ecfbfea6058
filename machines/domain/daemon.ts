/** Helper processes that the supervisor keeps alive (control API §6.12): which there are, and how they are shown. */

import type { Fault } from './fault.ts';

export interface DaemonView {
  readonly name: string;
  /** 0 never started, waiting to be started again, or no executable; -1 stopped through the API. */
  readonly pid: number;
  readonly respawn: boolean;
}

export type DaemonFact =
  | { readonly type: 'daemon.started'; readonly pid: number }
  /** There is no executable: trying again is of no use. */
  | { readonly type: 'daemon.missing' }
  /** Also of a start that failed for another reason. */
  | { readonly type: 'daemon.exited'; readonly fault?: Fault };

export type InitMode = 'embedded' | 'standalone' | 'appengine';

export interface DaemonSpec {
  readonly name: string;
  /** In other modes it is listed, and never started. */
  readonly modes: readonly InitMode[];
  /** Executable and its arguments. */
  readonly command: readonly [string, ...string[]];
}

const ALL: readonly InitMode[] = ['embedded', 'standalone', 'appengine'];

/** In the order of `GET /daemons`. An operating system without one of them simply has no executable of that name. */
export const DAEMONS: readonly DaemonSpec[] = [
  { name: 'hwrngd', modes: ['embedded', 'standalone'], command: ['rngd', '-f'] },
  { name: 'pv-xconnect', modes: ALL, command: ['pv-xconnect'] },
  { name: 'pv-dbus', modes: ALL, command: ['pv-dbus'] },
];
