import assert from 'node:assert/strict';
import { decideBy, decideFromTape, type Operation } from '../../sim/conduct.ts';
import { createRandom, createTape } from '../../sim/random.ts';

const OPERATIONS: readonly Operation[] = [
  'mount',
  'unmount',
  'load',
  'unload',
  'start',
  'halt',
  'kill',
  'record',
];

describe('decisions from a choice tape', () => {
  it('are plain success at once when the tape is exhausted, so that shrinking takes trouble away', () => {
    const decide = decideFromTape(createTape([]));
    for (const operation of OPERATIONS) {
      const { latencyMs = 0, fault, hangs = false, exit } = decide(operation, 'web');
      assert.deepEqual(
        { latencyMs, fault, hangs, exit },
        { latencyMs: 0, fault: undefined, hangs: false, exit: undefined },
      );
    }
  });

  it('read one choice per operation and none for the journal', () => {
    const tape = createTape([14, 14]);
    const decide = decideFromTape(tape);
    assert.deepEqual(decide('record', 'web'), {});
    assert.equal(decide('mount', 'web').fault?.code, 'MOUNT_FAILED');
    assert.equal(decide('start', 'web').fault?.code, 'START_FAILED');
    assert.equal(tape.used, 2);
  });

  it('never let a kill fail', () => {
    for (let choice = 0; choice < 16; choice++) {
      assert.equal(decideFromTape(createTape([choice]))('kill', 'web').fault, undefined);
    }
  });
});

describe('decisions from a table', () => {
  it("replace single keys of what holds for every container by the container's own", () => {
    const decide = decideBy(
      { everyContainer: { mount: 5, start: 30 }, containers: new Map([['web', { start: 70 }]]) },
      createRandom(1),
    );
    assert.deepEqual(decide('mount', 'web'), { latencyMs: 5 });
    assert.deepEqual(decide('start', 'web'), { latencyMs: 70 });
    assert.deepEqual(decide('start', 'db'), { latencyMs: 30 });
  });

  it('draw from a range by the seed, ends included', () => {
    const draws = (seed: number): number[] => {
      const decide = decideBy({ everyContainer: { mount: { fromMs: 5, toMs: 8 } } }, createRandom(seed));
      return Array.from({ length: 200 }, () => decide('mount', 'web').latencyMs ?? Number.NaN);
    };
    assert.deepEqual(draws(3), draws(3));
    assert.notDeepEqual(draws(3), draws(4));
    assert.deepEqual([...new Set(draws(3))].toSorted(), [5, 6, 7, 8]);
  });
});
