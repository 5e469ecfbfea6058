/** When all containers are stable (lifecycle §9.4). */

import assert from 'node:assert/strict';
import { blankRecord } from '../../../machines/domain/adoption.ts';
import type { ContainerRecord } from '../../../machines/domain/record.ts';
import type { ContainerSpec } from '../../../machines/domain/revision.ts';
import { stableFrom } from '../../../machines/domain/stability.ts';
import { containerSpec, recovery } from '../../support/revision.ts';

const asking: Partial<ContainerSpec> = { recovery: recovery({ stableTimeoutMs: 30_000 }) };
const ROWS: readonly {
  readonly why: string;
  readonly spec?: Partial<ContainerSpec>;
  readonly record?: Partial<ContainerRecord>;
  readonly from: number;
}[] = [
  { why: 'asks for none', spec: { recovery: recovery() }, from: 0 },
  { why: 'has no recovery', spec: { recovery: undefined }, from: 0 },
  { why: 'has reached its goal', record: { status: 'STARTED', stableAt: 31_000 }, from: 31_000 },
  { why: 'is on its way to its goal', record: { status: 'STARTING' }, from: Number.POSITIVE_INFINITY },
  { why: 'recovers', record: { status: 'RECOVERING' }, from: Number.POSITIVE_INFINITY },
  { why: 'was stopped by the user', record: { status: 'STOPPED', stopReason: 'user' }, from: 0 },
  { why: 'has given up', record: { status: 'STOPPED', stopReason: 'gaveUp' }, from: 0 },
  { why: 'has finished (R-06)', record: { status: 'STOPPED', stopReason: 'finished' }, from: 0 },
  { why: 'is only mounted (L-09)', spec: { ...asking, statusGoal: 'MOUNTED' }, from: 0 },
];

describe('stability of a revision (lifecycle §9.4)', () => {
  for (const { why, spec = asking, record, from } of ROWS) {
    it(`a container that ${why}`, () => {
      const known = record && { ...blankRecord('a', 0), ...record };
      assert.equal(
        stableFrom([containerSpec('a', 'app', spec)], () => known),
        from,
      );
    });
  }

  it('comes with the latest of all', () => {
    const at: Readonly<Record<string, number>> = { a: 31_000, b: 40_000, c: 35_000 };
    const specs = Object.keys(at).map((name) => containerSpec(name, 'app', asking));
    assert.equal(
      stableFrom(specs, (name) => ({ ...blankRecord(name, 0), stableAt: at[name] })),
      40_000,
    );
  });
});
