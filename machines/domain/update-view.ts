/** Where an update stands, for people who wait for it: its record, how long the present phase may last, and what comes
 *  then (lifecycle §13). Facts come from the chart; the sentences are made here. */

import type { ProgressStatus } from './progress.ts';
import type { UpdateKind } from './update.ts';

/** What the chart does at the moment. */
export type UpdatePhase =
  | 'preparing'
  | 'moving'
  | 'rebooting'
  | 'starting'
  | 'testing'
  | 'stabilising'
  | 'accepting'
  | 'failing';

export interface UpdateFacts {
  readonly name: string;
  /** Undefined until it is decided. */
  readonly kind: UpdateKind | undefined;
  readonly phase: UpdatePhase;
  /** When the phase ends unless something else ends it before; monotonic ms. */
  readonly until: number | undefined;
}

export interface UpdateView extends UpdateFacts {
  /** As recorded, which is what a power cut now would leave. */
  readonly status: ProgressStatus | undefined;
  readonly message: string;
  readonly next: string;
}

export function updateView(
  facts: UpdateFacts,
  record: { readonly status: ProgressStatus; readonly message: string } | undefined,
): UpdateView {
  return { ...facts, status: record?.status, message: record?.message ?? '', next: nextOf(facts) };
}

function nextOf({ phase, kind }: UpdateFacts): string {
  switch (phase) {
    case 'preparing':
      return 'Its files are installed and checked; then what it changes is stopped, or the device reboots';
    case 'moving':
      return 'What it changes is stopped, then its containers start';
    case 'rebooting':
      return 'The device reboots into it';
    case 'starting':
      return 'Its groups reach their goals, or it fails';
    case 'testing':
      return 'It has to run without a failure until then';
    case 'stabilising':
      return 'Its containers have to become stable';
    case 'accepting':
      return kind === 'live' ? 'It is recorded as UPDATED' : 'It becomes the rollback point';
    case 'failing':
      return 'The revision before it comes back';
    default:
      return phase satisfies never;
  }
}

/** For `GET /v1/update`: fields in this order, null for what is not known. */
export function updateDocument({ name, kind, status, message, phase, until, next }: UpdateView): object {
  return { name, kind: kind ?? null, status: status ?? null, message, phase, until_ms: until ?? null, next };
}
