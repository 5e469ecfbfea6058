/** Callback actor: what the containers of the revision on trial tell the update, beginning with how they stand. */

import { fromCallback } from 'xstate';
import type { TrialFact } from '../machines/trial.ts';
import type { Stage } from './stage.ts';

export function watchTrial(stage: Stage) {
  return fromCallback<{ type: 'none' }, undefined>(({ sendBack }) => {
    const tell = (fact: TrialFact): void => sendBack(fact);
    const told: { stableFrom?: number; due?: boolean } = {};
    const tellStability = (): void => {
      const { stableFrom: from } = stage.scene();
      if (from === told.stableFrom) return;
      told.stableFrom = from;
      tell({ type: 'stability.changed', from });
    };
    /** Once for all that is announced together: it looks at every container. */
    const look = (): void => {
      if (told.due === true) return;
      told.due = true;
      queueMicrotask(() => {
        told.due = false;
        tellStability();
      });
    };
    const { failure, goal } = stage.scene();
    tellStability();
    if (failure !== undefined) tell({ type: 'container.failed', fault: failure });
    tell({ type: 'goals.changed', goal });
    return stage.watch((announcement) => {
      switch (announcement.type) {
        case 'container':
          look();
          return;
        case 'revision':
          tell({ type: 'goals.changed', goal: announcement.goal });
          return;
        case 'failure':
          tell({ type: 'container.failed', fault: announcement.fault });
          return;
        default:
      }
    });
  });
}
