/** Reads off the chart of an update what it is doing, for those who wait for it. */

import type { SnapshotFrom } from 'xstate';
import type { UpdateFacts, UpdatePhase } from '../machines/domain/update-view.ts';
import type { trialMachine } from '../machines/trial.ts';
import type { updateMachine } from '../machines/update.ts';

type Update = SnapshotFrom<typeof updateMachine>;
type Trial = SnapshotFrom<typeof trialMachine>;

/** @param goalsUntil when the last group that waits has to have reached its goal; monotonic ms */
export function factsOf(update: Update, goalsUntil: () => number | undefined): UpdateFacts {
  const { name, kind } = update.context;
  const trial = Object.values(update.children)
    .map((child) => child?.getSnapshot() as Trial | undefined)
    .find((snapshot) => snapshot?.machine?.id === 'trial');
  const phase = update.matches('trial') && trial !== undefined ? phaseOfTrial(trial) : phaseOf(update);
  return { name, kind, phase, until: untilOf(phase, trial, goalsUntil) };
}

function phaseOf(update: Update): UpdatePhase {
  if (update.matches({ INPROGRESS: 'rebooting' }) || update.matches('left')) return 'rebooting';
  if (update.matches('INPROGRESS')) return 'moving';
  if (update.matches('trial')) return 'starting';
  if (update.matches('accepting')) return 'accepting';
  return update.matches('failed') || update.matches('refusing') ? 'failing' : 'preparing';
}

function phaseOfTrial(trial: Trial): UpdatePhase {
  if (trial.matches('INPROGRESS') || trial.matches('recordTesting')) return 'starting';
  if (trial.matches('TESTING')) return 'testing';
  return trial.matches('passed') ? 'accepting' : 'stabilising';
}

function untilOf(
  phase: UpdatePhase,
  trial: Trial | undefined,
  goalsUntil: () => number | undefined,
): number | undefined {
  if (phase === 'starting') return goalsUntil();
  if (trial === undefined) return undefined;
  if (phase === 'testing') return trial.context.testedAt;
  const { stableFrom } = trial.context;
  return phase === 'stabilising' && Number.isFinite(stableFrom) ? stableFrom : undefined;
}
