/** The progress record of an update (lifecycle §13.1–§13.3, storage §2): statuses, percentages, messages, and its text. */

export const PROGRESS_STATUSES = [
  'NEW',
  'QUEUED',
  'DOWNLOADING',
  'INPROGRESS',
  'TESTING',
  'UPDATED',
  'DONE',
  'WONTGO',
  'ERROR',
] as const;
export type ProgressStatus = (typeof PROGRESS_STATUSES)[number];

export interface Progress {
  readonly status: ProgressStatus;
  readonly message: string;
  readonly retries: number;
  /** Lines of JSON of level ERROR and FATAL, recorded while the update ran. */
  readonly logs?: string | undefined;
}

const PERCENT: Readonly<Record<ProgressStatus, number>> = {
  NEW: 0,
  QUEUED: 5,
  DOWNLOADING: 25,
  INPROGRESS: 50,
  TESTING: 75,
  UPDATED: 100,
  DONE: 100,
  WONTGO: 100,
  ERROR: 100,
};

/** Literal texts (lifecycle §13.3). */
export const MESSAGES = {
  notInstalled: 'Update not yet installed',
  ready: 'Update ready to be run',
  rebooting: 'Rebooting',
  transitioning: 'Transitioning to new revision without rebooting',
  trying: 'Trying new revision',
  awaitingRollbackPoint: 'Awaiting to set rollback point if update is stable',
  awaitingStable: 'Awaiting to see if update is stable',
  waitingForStable: 'Waiting for all containers to become stable',
  updated: 'Update finished, revision not set as rollback point',
  done: 'Update finished, revision set as rollback point',
  factory: 'Factory revision',
  stateNotFound: 'State JSON not found',
  badFormat: 'State JSON has bad format',
  signatureFailed: 'Signature validation failed',
  notCovered: 'State not fully covered by signatures',
  internal: 'Internal error',
  badObject: 'Object validation went wrong',
  notStarted: 'A container could not be started',
  goalMissed: 'Status goal not reached',
  unexpectedRollback: 'Unexpected rollback',
} as const;

export function isFinal(status: ProgressStatus): boolean {
  return PERCENT[status] === 100;
}

export function hasFailed(status: ProgressStatus): boolean {
  return status === 'WONTGO' || status === 'ERROR';
}

/** As it is kept in `.pv/progress` and served; fields in this order. */
export function progressText({ status, message, retries, logs }: Progress): string {
  const fields = { status, 'status-msg': message, progress: PERCENT[status], retries };
  return JSON.stringify(logs === undefined ? fields : { ...fields, logs });
}

/** Undefined for a text that is no progress record. */
export function parseProgress(text: string): Progress | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { status, retries, logs, 'status-msg': message } = value as Readonly<Record<string, unknown>>;
  const known = PROGRESS_STATUSES.find((candidate) => candidate === status);
  if (known === undefined) return undefined;
  return {
    status: known,
    message: typeof message === 'string' ? message : '',
    retries: typeof retries === 'number' ? retries : 0,
    ...(typeof logs === 'string' ? { logs } : {}),
  };
}
