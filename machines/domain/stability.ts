/** What the end of a trial waits for: that every container which asks for stability has it (lifecycle §9.4). */

import type { ContainerRecord } from './record.ts';
import type { ContainerSpec } from './revision.ts';

/** When all of them are stable, as far as that is known: monotonic ms, 0 when nobody asks for it, infinity while one has
 *  yet to reach its goal again. A container that the user stopped, or that has given up or finished, holds nothing up. */
export function stableFrom(
  containers: readonly ContainerSpec[],
  recordOf: (name: string) => ContainerRecord | undefined,
): number {
  return containers.reduce((latest, spec) => Math.max(latest, ownStableFrom(spec, recordOf(spec.name))), 0);
}

function ownStableFrom({ statusGoal, recovery }: ContainerSpec, record: ContainerRecord | undefined): number {
  if (statusGoal === 'MOUNTED' || (recovery?.stableTimeoutMs ?? 0) === 0) return 0;
  const reason = record?.stopReason;
  if (reason === 'user' || reason === 'gaveUp' || reason === 'finished') return 0;
  return record?.stableAt ?? Number.POSITIVE_INFINITY;
}
