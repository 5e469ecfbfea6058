/** Recovery arithmetic: what follows an exit. Functions of policy and history; they read no clock. */

import type { Fault } from './fault.ts';
import type { RecoveryPolicy } from './revision.ts';

/** How a container's process ended. `unknown`: it died while no supervisor was looking. */
export type Exit =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'unknown' }
  /** The start was asked for and did not come about (lifecycle row 7). */
  | { readonly kind: 'startFailed'; readonly fault: Fault };

/** What a container's process does by itself. */
export type ProcessFact =
  /** Init is alive. */
  | { readonly type: 'process.started'; readonly pid: number }
  /** Init and every other process of the container are gone; nothing of it holds a mount. */
  | { readonly type: 'process.exited'; readonly exit: Exit };

export interface RecoveryHistory {
  /** Retries granted since the counter was last reset. */
  readonly retries: number;
  /** Milliseconds since the last start request. */
  readonly sinceStartMs: number;
  /** An update is INPROGRESS or TESTING: an exhausted budget fails it whatever the backoff policy. */
  readonly trial: boolean;
}

export type Recovery =
  /** `delayMs` 0 goes straight to INSTALLED. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly retries: number }
  /** Backoff policy `never`: stays STOPPED, flagged. */
  | { readonly kind: 'gaveUp' }
  /** Exit 0 under `on-failure`: stays STOPPED, its work done. */
  | { readonly kind: 'finished' }
  /** No recovery, or budget spent under backoff `reboot` or in a trial: the owner decides. */
  | { readonly kind: 'fail'; readonly because: 'no-recovery' | 'retries-exhausted' };

export function exitedWell(exit: Exit): boolean {
  return exit.kind === 'code' && exit.code === 0;
}

/** Delay before retry number `attempt` (first is 1), in ms: retry_delay, then multiplied by
 *  backoff_factor each further time and cut to whole seconds (lifecycle §9.2). */
export function retryDelayMs(policy: RecoveryPolicy, attempt: number): number {
  if (attempt <= 1 || policy.backoffFactor <= 1) return policy.retryDelayMs;
  const seconds = Math.trunc((policy.retryDelayMs / 1000) * policy.backoffFactor ** (attempt - 1));
  return Math.min(seconds, Number.MAX_SAFE_INTEGER / 1000) * 1000;
}

/** Lifecycle §9.1, §9.2 with R-06 (exit status) and L-07 (`unless-stopped` as `always`). */
export function recover(policy: RecoveryPolicy | undefined, history: RecoveryHistory, exit: Exit): Recovery {
  if (policy === undefined || policy.policy === 'no') return { kind: 'fail', because: 'no-recovery' };
  if (policy.policy === 'on-failure' && exitedWell(exit)) return { kind: 'finished' };
  const fresh = policy.resetWindowMs > 0 && history.sinceStartMs > policy.resetWindowMs;
  const retries = fresh ? 0 : history.retries;
  if (policy.maxRetries === 0 || retries < policy.maxRetries) {
    return { kind: 'retry', delayMs: retryDelayMs(policy, retries + 1), retries: retries + 1 };
  }
  if (history.trial) return { kind: 'fail', because: 'retries-exhausted' };
  switch (policy.backoff.kind) {
    case 'reboot':
      return { kind: 'fail', because: 'retries-exhausted' };
    case 'never':
      return { kind: 'gaveUp' };
    case 'wait':
      return { kind: 'retry', delayMs: policy.backoff.delayMs, retries: 0 };
    default:
      return policy.backoff satisfies never;
  }
}

/** Human words for an exit: `exit status 7`, `killed by SIGSEGV`. */
export function describeExit(exit: Exit): string {
  switch (exit.kind) {
    case 'code':
      return `exit status ${exit.code}`;
    case 'signal':
      return `killed by ${exit.signal}`;
    case 'unknown':
      return 'ended while no supervisor was running';
    case 'startFailed':
      return exit.fault.message;
    default:
      return exit satisfies never;
  }
}
