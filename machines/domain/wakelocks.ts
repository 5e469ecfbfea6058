/** What keeps the device awake (logs and metadata §12, control API §6.14): scopes that are held, each of which counts
 *  once, however often it is taken. */

import type { Announcement } from './report.ts';

export type WakelockMode = 'disabled' | 'locks' | 'managed';
export const WAKELOCK_SCOPES = [
  'boot',
  'update',
  'update_check',
  'devmeta',
  'usrmeta',
  'shutdown',
  'debug_shell',
  'poll',
] as const;
export type WakelockScope = (typeof WAKELOCK_SCOPES)[number];

export interface WakelockView {
  /** The active mode, not the configured one. */
  readonly mode: WakelockMode;
  readonly count: number;
  readonly degraded: boolean;
  readonly autosleep: boolean;
  readonly settling: boolean;
  readonly polling: boolean;
  readonly run_window: boolean;
  readonly held: Readonly<Record<WakelockScope, boolean>>;
}

/** No autosleep without mode `managed`: the last four flags of the view belong to it. */
export function wakelockView(
  mode: WakelockMode,
  held: ReadonlySet<WakelockScope>,
  degraded: boolean,
): WakelockView {
  return {
    mode,
    count: held.size,
    degraded,
    autosleep: false,
    settling: false,
    polling: false,
    run_window: false,
    held: {
      boot: held.has('boot'),
      update: held.has('update'),
      update_check: held.has('update_check'),
      devmeta: held.has('devmeta'),
      usrmeta: held.has('usrmeta'),
      shutdown: held.has('shutdown'),
      debug_shell: held.has('debug_shell'),
      poll: held.has('poll'),
    },
  };
}

/** What an announcement takes and gives back. `boot` ends with the first steady state, which is when the revision's
 *  goals are first reached or timed out; `shutdown` begins with the stop and is held to the end of the process. */
export function wakelockChange(announcement: Announcement): {
  readonly hold?: WakelockScope;
  readonly release?: WakelockScope;
} {
  switch (announcement.type) {
    case 'revision':
      return announcement.goal === 'UNACHIEVED' ? {} : { release: 'boot' };
    case 'device':
      return announcement.phase === 'running' ? {} : { hold: 'shutdown' };
    default:
      return {};
  }
}
