/** The audit bites: each supervisor here has one fault, and random lives find it. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Mutation, withMutant } from './mutants.ts';
import { plan } from './plan.ts';
import { live } from './runner.ts';

const RUNS = 400;

const MUTATIONS: readonly Mutation[] = [
  {
    fault: 'groups that are always open',
    file: 'machines/revision.ts',
    passage: 'return closing === -1 ? members.length : closing + 1;',
    replacement: 'return members.length + 0 * closing;',
  },
  {
    fault: 'a gate that forgets containers that come back to INSTALLED',
    file: 'machines/group.ts',
    passage: "reinstalled: (_, { to }: { to: Member }) => to.status === 'INSTALLED',",
    replacement: 'reinstalled: (_, { to }: { to: Member }) => to === undefined,',
  },
  {
    fault: 'an unmount that does nothing',
    file: 'actors/mounts.ts',
    passage: 'mounter.unmount(input)',
    replacement: 'Promise.resolve(void input)',
  },
  {
    fault: 'a recovery that never counts',
    file: 'machines/domain/recovery.ts',
    passage: 'retries: retries + 1 };',
    replacement: 'retries };',
  },
  {
    fault: 'a retry budget that is one too large',
    file: 'machines/domain/recovery.ts',
    passage: 'retries < policy.maxRetries',
    replacement: 'retries <= policy.maxRetries',
  },
  {
    fault: 'on-failure that restarts after exit 0',
    file: 'machines/domain/recovery.ts',
    passage: "if (policy.policy === 'on-failure' && exitedWell(exit)) return { kind: 'finished' };",
    replacement: '',
  },
  {
    fault: 'a recovering container that satisfies its goal (L-01)',
    file: 'machines/domain/status.ts',
    passage: "    case 'RECOVERING':\n",
    replacement: "    case 'RECOVERING':\n      return 'ACHIEVED';\n",
  },
  {
    fault: 'a group status that takes the highest laggard (R-05)',
    file: 'machines/domain/status.ts',
    passage: 'STATUSES.find(',
    replacement: 'STATUSES.findLast(',
  },
  {
    fault: 'a goal timer that is never armed',
    file: 'machines/domain/standing.ts',
    passage: 'goalDeadlineAt: at + goalTimeoutMs,',
    replacement: 'goalDeadlineAt: goalTimeoutMs < 0 ? at : undefined,',
  },
  {
    fault: 'a stop that is never followed by a kill (lifecycle §8.1)',
    file: 'machines/container.ts',
    passage: "after: { graceRemaining: { actions: 'kill' } },",
    replacement: '',
  },
  {
    fault: 'a supervisor that starts what still runs (R-08)',
    file: 'machines/domain/adoption.ts',
    passage: 'if (survivor !== undefined) {',
    replacement: 'if (survivor?.pid === 0) {',
  },
  {
    fault: 'a retry that does not outlive the supervisor (R-08)',
    file: 'machines/domain/adoption.ts',
    passage: "    case 'RECOVERING':\n      return { kind: 'resting', record };",
    replacement: "    case 'RECOVERING':\n      return { kind: 'fresh', record };",
  },
  {
    fault: 'an order that is not put on record before it is obeyed',
    file: 'actors/announcer.ts',
    passage: "if (announcement.type === 'container') journal.write(announcement.record);",
    replacement:
      "if (announcement.type === 'container') journal.write({ ...announcement.record, intent: 'run' });",
  },
];

describe('the audit of the simulation', function () {
  this.timeout(120_000);

  it('has nothing against an unharmed copy', () =>
    withMutant(undefined, async (create) => {
      for (const one of fc.sample(plan, { seed: 3, numRuns: 40 })) {
        assert.deepEqual((await live(one, create)).complaints, []);
      }
    }));

  for (const mutation of MUTATIONS) {
    it(`finds ${mutation.fault} within ${RUNS} lives`, () =>
      withMutant(mutation, async (create) => {
        const blameless = fc.asyncProperty(
          plan,
          async (one) => (await live(one, create)).complaints.length === 0,
        );
        const { failed } = await fc.check(blameless, { seed: 3, numRuns: RUNS, endOnFailure: true });
        assert.ok(failed, 'every life passed the audit');
      }));
  }
});
