/** Many containers: the same behaviour, and work that grows with their number and not with its square. */

import assert from 'node:assert/strict';
import { measureSimulator } from '../bench/simulator.ts';

describe('the simulator at scale', function () {
  this.timeout(120_000);

  for (const { containers, groups } of [
    { containers: 1_000, groups: 10 },
    { containers: 3_000, groups: 30 },
  ]) {
    it(`brings ${containers} containers in ${groups} groups to READY, each told no more often than alone`, async () => {
      const alone = (await measureSimulator(1, 1)).events;
      const { events } = await measureSimulator(containers, groups);
      // Per container its own statuses and BLOCKED; per group and for the whole a handful.
      assert.ok(events <= containers * (alone + 1), `${events} announcements, ${alone} for one container`);
    });
  }
});
