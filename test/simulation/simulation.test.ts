/** Deterministic simulation: random revisions live through random misfortune in virtual time, under audit.
 *
 *  Replay a failure with the seed and path it prints:
 *    SEED=7 REPLAY=12:0:3 npm run mocha -- test/simulation/simulation.test.ts
 *  Soak for longer, or elsewhere:
 *    RUNS=100000 SEED=42 npm run mocha -- test/simulation/simulation.test.ts */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createSupervisor } from '../../actors/supervisor.ts';
import { countingActors } from './actor-count.ts';
import { plan } from './plan.ts';
import { tellLife } from './retelling.ts';
import { live } from './runner.ts';

const { SEED = '20', RUNS = '2000', REPLAY } = process.env;
const seed = Number(SEED);

describe('a simulated device (lifecycle §2–§11, R-04 to R-09)', function () {
  this.timeout(0);

  it(`keeps its promises through ${RUNS} random lives`, async () => {
    const blameless = fc.asyncProperty(plan, async (one) => (await live(one)).complaints.length === 0);
    const path = REPLAY === undefined ? {} : { path: REPLAY };
    const result = await fc.check(blameless, { seed, numRuns: Number(RUNS), ...path });
    if (!result.failed) return;
    const { counterexample, counterexamplePath, numRuns, numShrinks, errorInstance } = result;
    if (counterexample === null) throw errorInstance;
    const [smallest] = counterexample;
    const account = tellLife(smallest, await live(smallest));
    const replay = `SEED=${seed} REPLAY=${counterexamplePath} npm run mocha -- test/simulation/simulation.test.ts`;
    assert.fail(`after ${numRuns} runs and ${numShrinks} shrinks\n${account}\nreplay: ${replay}`);
  });

  it('tells the same plan the same way twice, byte for byte', async () => {
    const same = fc.asyncProperty(plan, async (one) => {
      const [first, second] = [await live(one), await live(one)];
      assert.equal(JSON.stringify(first.lines), JSON.stringify(second.lines));
    });
    await fc.assert(same, { seed, numRuns: 60 });
  });

  it('leaves no actor behind when it has stopped, and none at all when its supervisor lets go', async () => {
    const tidy = fc.asyncProperty(plan, async (one) => {
      const leaks: string[] = [];
      await live(one, countingActors(createSupervisor, leaks));
      assert.deepEqual(leaks, []);
    });
    await fc.assert(tidy, { seed, numRuns: 100 });
  });
});
