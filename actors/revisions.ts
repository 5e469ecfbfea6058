/** What the control API can do with stored revisions, put together from the store and the updates. */

import { updateView } from '../machines/domain/update-view.ts';
import type { RevisionCommands } from './commands.ts';
import type { Revisions } from './control-ports.ts';
import { createSteps, type StepsPorts } from './steps.ts';
import type { ObjectStore } from './update-ports.ts';
import type { Updates } from './updates.ts';

/** For `POST /commands` and for the routes. */
export type RevisionControl = RevisionCommands & Revisions;

export interface RevisionControlPorts
  extends Pick<StepsPorts, 'store' | 'signatures' | 'parse' | 'complain'> {
  readonly objects: ObjectStore;
  readonly updates: Updates;
}

export function createRevisionControl(ports: RevisionControlPorts): RevisionControl {
  const { updates, objects, store } = ports;
  return {
    get updating() {
      return updates.updating;
    },
    carryOut: updates.carryOut,
    objects,
    steps: createSteps({
      ...ports,
      running: () => updates.running?.name,
      updatingTo: () => updates.facts()?.name,
      roots: updates.roots,
    }),
    collect: updates.collect,
    async update() {
      const facts = updates.facts();
      return facts === undefined ? undefined : updateView(facts, await store.progress(facts.name));
    },
  };
}
