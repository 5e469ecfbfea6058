/** The documents that the supervisor sends, as types. They are read as they come: the other side of the socket is the
 *  supervisor, and may be of another version; what is not there is shown as not there. */

import type { Status } from '../../../machines/domain/status.ts';
import type {
  eventDocument,
  explanationDocument,
  statusDocument,
} from '../../../machines/domain/status-document.ts';

export type StatusDocument = ReturnType<typeof statusDocument>;
export type ContainerDocument = StatusDocument['groups'][number]['containers'][number];
export type ClockDocument = StatusDocument['clock'];
export type ExplanationDocument = ReturnType<typeof explanationDocument>;
/** The data of an event, whichever it is. */
export type EventDocument = ReturnType<typeof eventDocument>;
/** The data of events of type `container`. */
export type ContainerEvent = Extract<EventDocument, { from: Status | null }>;

/** One of `GET /containers` (control API §6.1). */
export interface ContainerEntry {
  readonly name: string;
  readonly group: string | null;
  readonly status: Status;
  readonly status_goal: string;
  readonly restart_policy: string;
  readonly roles: readonly string[];
  readonly auto_recovery?: RecoveryEntry & { readonly policy: string; readonly current_retries: number };
  readonly user_stopped?: 'true' | 'false';
}

/** One of `GET /groups` (control API §6.3). */
export interface GroupEntry {
  readonly name: string;
  readonly status: Status;
  readonly status_goal: string;
  readonly restart_policy: string;
  readonly auto_recovery?: RecoveryEntry;
}

interface RecoveryEntry {
  readonly max_retries: number;
  /** Seconds. */
  readonly stable_timeout: number;
  readonly backoff_policy: string;
}

/** One of `GET /drivers` (control API §6.11). */
export interface DriverEntry {
  readonly name: string;
  readonly type: 'REQUIRED' | 'OPTIONAL' | 'MANUAL';
  readonly status: string;
}

/** One of `GET /objects` (control API §6.6). */
export interface ObjectEntry {
  readonly sha256: string;
  /** Bytes, in decimal digits. */
  readonly size: string;
}

/** `.pv/progress` (storage §2); empty where nothing is recorded. */
export interface ProgressDocument {
  readonly status?: string;
  readonly 'status-msg'?: string;
}

/** One of `GET /steps` (control API §6.7). */
export interface StepEntry {
  readonly name: string;
  /** `2026-03-01T09:15:00Z` */
  readonly date: string;
  readonly commitmsg: string;
  readonly progress: ProgressDocument;
}

/** `GET /v1/update`; null when none is under way. */
export interface UpdateDocument {
  readonly clock: ClockDocument;
  readonly update: {
    readonly name: string;
    readonly kind: string | null;
    readonly status: string | null;
    readonly message: string;
    readonly phase: string;
    readonly until_ms: number | null;
    readonly next: string;
  } | null;
}

/** `GET /v1/gc`. */
export interface CollectionDocument {
  /** Bytes. */
  readonly reclaimed: number;
  readonly removed: readonly string[];
  readonly kept: readonly { readonly what: string; readonly because: string }[];
}
