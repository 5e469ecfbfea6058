/** The charts of an update as drawings: whatever they ask for may fail, and every failure is answered (lifecycle §13.3). */

import assert from 'node:assert/strict';
import type { AnyStateNode } from 'xstate';
import { PROGRESS_STATUSES } from '../../machines/domain/progress.ts';
import { trialMachine } from '../../machines/trial.ts';
import { updateMachine } from '../../machines/update.ts';

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

describe('the charts of an update', () => {
  for (const machine of [updateMachine, trialMachine]) {
    it(`${machine.id}: every deed that fails is heard`, () => {
      const invoking = nodesOf(machine.root).filter(({ invoke }) => invoke.length > 0);
      assert.ok(invoking.length >= 3);
      for (const { id, invoke } of invoking) {
        for (const { onError } of invoke) assert.notEqual(onError, undefined, id);
      }
    });

    it(`${machine.id}: its tags and its names in capitals are statuses of the progress record`, () => {
      for (const { key, tags } of nodesOf(machine.root)) {
        for (const tag of tags)
          assert.ok(
            PROGRESS_STATUSES.some((status) => status === tag),
            tag,
          );
        if (key === key.toUpperCase())
          assert.ok(
            PROGRESS_STATUSES.some((status) => status === key),
            key,
          );
      }
    });

    it(`${machine.id}: what records a status does nothing else`, () => {
      for (const { key, invoke } of nodesOf(machine.root)) {
        const writes = invoke.some(({ src }) => src === 'writeProgress');
        assert.equal(writes, (key.startsWith('record') && key !== 'recorded') || key === 'refusing', key);
      }
    });
  }
});
