/** Deterministic simulation: random revisions live through random misfortune in virtual time, under audit.
 *
 *  Replay a failure with the seed and path it prints:  SEED=7 REPLAY=12:0:3 npm run mocha -- test/simulation/simulation.test.ts
 *  Soak for longer, or elsewhere:  RUNS=100000 SEED=42 npm run mocha -- test/simulation/simulation.test.ts */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { tellLife } from './account.ts';
import { type Plan, plan } from './plan.ts';
import { type Create, live } from './runner.ts';

const { SEED = '20', RUNS = '2500', REPLAY } = process.env;

async function prove(runs: number, create?: Create): Promise<void> {
  const property = fc.asyncProperty(plan, async (one) => (await live(one, create)).complaints.length === 0);
  const result = await fc.check(property, {
    seed: Number(SEED),
    numRuns: runs,
    ...(REPLAY === undefined ? {} : { path: REPLAY }),
  });
  if (!result.failed) return;
  const [worst] = result.counterexample ?? [];
  assert.ok(worst !== undefined, String(result.errorInstance));
  const account = tellLife(worst, await live(worst, create));
  const replay = `SEED=${result.seed} REPLAY=${result.counterexamplePath} npm run mocha -- test/simulation/simulation.test.ts`;
  assert.fail(`after ${result.numRuns} runs and ${result.numShrinks} shrinks\n${account}\nreplay: ${replay}`);
}

describe('a simulated device (lifecycle §2–§11, R-04 to R-08)', function () {
  this.timeout(600_000);

  it(`keeps its promises through ${RUNS} random lives`, () => prove(Number(RUNS)));

  it('tells the same plan the same way twice, byte for byte', async () => {
    const property = fc.asyncProperty(plan, async (one: Plan) => {
      const [first, second] = [await live(one), await live(one)];
      assert.equal(JSON.stringify(first.lines), JSON.stringify(second.lines));
    });
    await fc.assert(property, { seed: Number(SEED), numRuns: 60 });
  });
});
