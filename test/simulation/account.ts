/** The audit's own account of one container: what it has been told, seen and concluded. Only `audit.ts` writes in it. */

import type { ContainerRecord } from '../../machines/domain/record.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import type { Sequel } from './tables.ts';

export type Told = Extract<Announcement, { type: 'container' }>;

/** What is wanted of a container, by the last order that was accepted. */
export type Wish = 'run' | 'restart' | 'stop' | 'system';

/** Wishes as they stand on record. */
export const WISHES = { run: 'run', restart: 'restart', stopByUser: 'stop', stopBySystem: 'system' } as const;

/** The audit's own account of one container. */
export interface Account {
  readonly spec: ContainerSpec;
  readonly group: number;
  readonly timeoutMs: number;
  /** As the present supervisor announced it last; undefined before it has. */
  told: Told | undefined;
  /** As any supervisor announced it last: what is durable. */
  durable: ContainerRecord | undefined;
  wish: Wish;
  /** A user's order begins it anew, here and now. */
  anew: boolean;
  /** It came back to INSTALLED, and has not been started since. */
  mayStart: boolean;
  retries: number;
  startedAt: number | undefined;
  deadline: number | undefined;
  reached: boolean;
  signalled: boolean;
  pid: number | undefined;
  endedWell: boolean;
  /** What must follow the STOPPED that was announced. */
  sequel: Sequel | undefined;
  /** Until when its volumes are being worked on. */
  volumesBusyUntil: number;
  /** An unmount has failed since the last attempt. */
  stuck: boolean;
  startHangs: boolean;
  failed: boolean;
}

/** Before anything was heard. */
export function account(spec: ContainerSpec, group: number, timeoutMs: number): Account {
  return {
    spec,
    group,
    timeoutMs,
    told: undefined,
    durable: undefined,
    wish: 'run',
    anew: false,
    mayStart: false,
    retries: 0,
    startedAt: undefined,
    deadline: undefined,
    reached: false,
    signalled: false,
    pid: undefined,
    endedWell: false,
    sequel: undefined,
    volumesBusyUntil: 0,
    stuck: false,
    startHangs: false,
    failed: false,
  };
}
