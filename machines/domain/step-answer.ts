/** What a client that installs a revision is answered (control API §6.7): one table from faults to the exact texts. */

import type { Fault } from './fault.ts';
import { MESSAGES } from './progress.ts';

export type StepAnswer =
  | { readonly status: 200 }
  | { readonly status: 400 | 409 | 422 | 507; readonly error: string }
  | { readonly status: 503; readonly error: string; readonly retryAfterSeconds: number };

/** The spelling is the reference's. */
export const BAD_STEP_NAME = 'Request has bas step name';
export const NO_SPACE = 'Not enough disk space available';

/** By the literal text of the fault. */
const REFUSALS: Readonly<Record<string, string>> = {
  [MESSAGES.notCovered]: `Secureboot: ${MESSAGES.notCovered}`,
  [MESSAGES.signatureFailed]: `Secureboot: ${MESSAGES.signatureFailed}`,
  [MESSAGES.internal]: `Secureboot: ${MESSAGES.internal}`,
  [MESSAGES.badFormat]: `Parser: ${MESSAGES.badFormat}`,
};

/** Of a state that was not accepted. */
export function refusalOf(fault: Fault): StepAnswer {
  if (isNoSpace(fault)) return { status: 507, error: NO_SPACE };
  const known = REFUSALS[fault.message];
  if (known !== undefined) return { status: 422, error: known };
  // Whatever else the check of signatures says is its own trouble; the rest is the store's.
  const error =
    fault.code === 'STORE_FAILED' ? 'Storage: Cannot read state JSON' : `Secureboot: ${MESSAGES.internal}`;
  return { status: 422, error };
}

/** The device runs it, or goes back to it: another state under its name would leave nothing to go back to. */
export function inUseAnswer(name: string, because: string): StepAnswer {
  return { status: 409, error: `Cannot replace revision ${name}: ${because}. Choose another name` };
}

/** As commands are told (control API §6.5 row 4). */
export const UPDATE_ONGOING: StepAnswer = {
  status: 503,
  error: 'Cannot do this operation while update is ongoing',
  retryAfterSeconds: 600,
};

/** The disk, the quota or the largest file is full. */
export function isNoSpace({ code, errno }: Fault): boolean {
  return code === 'STORE_FAILED' && (errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG');
}
