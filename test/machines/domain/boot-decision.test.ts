/** The table of lifecycle §14.2, row by row. */

import assert from 'node:assert/strict';
import {
  type Boot,
  type BootDecision,
  concerned,
  decideBoot,
} from '../../../machines/domain/boot-decision.ts';
import { PROGRESS_STATUSES, type ProgressStatus } from '../../../machines/domain/progress.ts';

type Recorded = ProgressStatus | undefined;
const ALL: readonly Recorded[] = [...PROGRESS_STATUSES, undefined];
const FAILED: readonly Recorded[] = ['WONTGO', 'ERROR'];
const except = (...left: readonly Recorded[]) => ALL.filter((status) => !left.includes(status));

const ROWS: readonly {
  readonly why: string;
  readonly boot: Boot;
  readonly recorded: readonly Recorded[];
  readonly decision: BootDecision;
}[] = [
  {
    why: 'no try, a committed revision',
    boot: { committed: '7', trying: undefined, booted: '7' },
    recorded: except('TESTING'),
    decision: { kind: 'plain', clearTry: false },
  },
  {
    why: 'no try, committed while it was being tested: the power went before that was recorded',
    boot: { committed: '7', trying: undefined, booted: '7' },
    recorded: ['TESTING'],
    decision: { kind: 'committed' },
  },
  {
    why: 'no try, another revision than the rollback point was booted by hand',
    boot: { committed: '7', trying: undefined, booted: '8' },
    recorded: ALL,
    decision: { kind: 'plain', clearTry: false },
  },
  {
    why: 'no try, the factory revision, settled',
    boot: { committed: '0', trying: undefined, booted: '0' },
    recorded: ['DONE', ...FAILED],
    decision: { kind: 'plain', clearTry: false },
  },
  {
    why: 'no try, the factory revision for the first time',
    boot: { committed: '0', trying: undefined, booted: '0' },
    recorded: except('DONE', ...FAILED),
    decision: { kind: 'factory' },
  },
  {
    why: 'tried, and it has failed before',
    boot: { committed: '0', trying: '7', booted: '7' },
    recorded: FAILED,
    decision: { kind: 'refuse' },
  },
  {
    why: 'tried, and it is good already',
    boot: { committed: '0', trying: '7', booted: '7' },
    recorded: ['DONE'],
    decision: { kind: 'plain', clearTry: true },
  },
  {
    why: 'tried, UPDATED included',
    boot: { committed: '0', trying: '7', booted: '7' },
    recorded: except('DONE', ...FAILED),
    decision: { kind: 'trial' },
  },
  {
    why: 'the rollback point was tried again and has failed: there is nothing else to go back to',
    boot: { committed: '7', trying: '7', booted: '7' },
    recorded: FAILED,
    decision: { kind: 'plain', clearTry: true },
  },
  {
    why: 'the rollback point is tried again',
    boot: { committed: '7', trying: '7', booted: '7' },
    recorded: except('DONE', ...FAILED),
    decision: { kind: 'trial' },
  },
  {
    why: 'fallen back, and the failure is on record',
    boot: { committed: '0', trying: '7', booted: '0' },
    recorded: FAILED,
    decision: { kind: 'plain', clearTry: true },
  },
  {
    why: 'not tried, although it is good',
    boot: { committed: '0', trying: '7', booted: '0' },
    recorded: ['DONE'],
    decision: { kind: 'plain', clearTry: true },
  },
  {
    why: 'fallen back, and nobody knows why',
    boot: { committed: '0', trying: '7', booted: '0' },
    recorded: except('DONE', ...FAILED),
    decision: { kind: 'unexpectedRollback', tried: '7' },
  },
  {
    why: 'fallen back from a new factory revision, which is tried like any other',
    boot: { committed: '7', trying: '0', booted: '7' },
    recorded: except('DONE', ...FAILED),
    decision: { kind: 'unexpectedRollback', tried: '0' },
  },
  {
    why: 'a new factory revision on trial',
    boot: { committed: '7', trying: '0', booted: '0' },
    recorded: except('DONE', ...FAILED),
    decision: { kind: 'trial' },
  },
];

describe('what a device does with what was booted (lifecycle §14.2)', () => {
  for (const { why, boot, recorded, decision } of ROWS) {
    for (const status of recorded) {
      it(`${why}: ${status ?? 'nothing recorded'} → ${decision.kind}`, () => {
        assert.deepEqual(decideBoot(boot, status), decision);
      });
    }
  }

  it('looks at the progress of the tried revision while there is one', () => {
    assert.equal(concerned({ committed: '0', trying: '7', booted: '0' }), '7');
    assert.equal(concerned({ committed: '0', trying: undefined, booted: '0' }), '0');
  });
});
