/** What a device does with the revision that was booted (lifecycle §14.2), as one table: the boot loader's variables and
 *  the progress of the revision concerned in, one decision out. Nothing is written here. */

import { hasFailed, type ProgressStatus } from './progress.ts';

/** The boot loader's variables, and what it booted (lifecycle §14.1). */
export interface Boot {
  /** `pv_rev`, the rollback point. */
  readonly committed: string;
  /** `pv_try`; undefined when empty. */
  readonly trying: string | undefined;
  readonly booted: string;
}

export type BootDecision =
  /** No update is under way. `clearTry`: the marker has nothing to say any more. */
  | { readonly kind: 'plain'; readonly clearTry: boolean }
  /** As `plain`. It was committed, and the power went before that was recorded: it is recorded DONE now. */
  | { readonly kind: 'committed' }
  /** INPROGRESS, `Trying new revision`. */
  | { readonly kind: 'trial' }
  /** It has failed before and must not run: roll back at once. */
  | { readonly kind: 'refuse' }
  /** DONE, `Factory revision`, before any container starts. */
  | { readonly kind: 'factory' }
  /** As `plain`; the tried one is recorded ERROR, `Unexpected rollback`, and the marker cleared. */
  | { readonly kind: 'unexpectedRollback'; readonly tried: string };

export const FACTORY = '0';

/** Whose progress decides: of the tried revision while there is one. */
export function concerned({ trying, booted }: Boot): string {
  return trying ?? booted;
}

/** `progress` is the status of the `concerned` revision; undefined when nothing is recorded. Beyond the reference: the
 *  marker of a revision that is DONE is cleared, a tried revision `0` is one like any other, a rollback point is never
 *  refused, and a commit that the power cut off from its record is recorded. */
export function decideBoot(boot: Boot, progress: ProgressStatus | undefined): BootDecision {
  const { committed, trying, booted } = boot;
  const failed = progress !== undefined && hasFailed(progress);
  if (trying === undefined) {
    if (booted === FACTORY) return progress === 'DONE' || failed ? PLAIN : { kind: 'factory' };
    return booted === committed && progress === 'TESTING' ? { kind: 'committed' } : PLAIN;
  }
  if (progress === 'DONE') return { kind: 'plain', clearTry: true };
  // Tried again as the rollback point that it is, it has nothing to go back to but itself.
  if (trying === booted && (!failed || trying !== committed)) return { kind: failed ? 'refuse' : 'trial' };
  return failed ? { kind: 'plain', clearTry: true } : { kind: 'unexpectedRollback', tried: trying };
}

const PLAIN: BootDecision = { kind: 'plain', clearTry: false };
