import assert from 'node:assert/strict';
import type { StatusGoal } from '../../../machines/domain/revision.ts';
import {
  type GoalState,
  goalState,
  jointGoal,
  lowestLagging,
  type Member,
  recount,
  STATUSES,
  type Status,
  type StopReason,
  tallyOf,
} from '../../../machines/domain/status.ts';

interface Past {
  readonly timedOut?: boolean;
  readonly reached?: boolean;
  readonly stopReason?: StopReason;
}

function goalOf(status: Status, statusGoal: StatusGoal, past: Past = {}): GoalState {
  const { timedOut = false, reached = false, stopReason } = past;
  return goalState({ status, statusGoal, timedOut, reached, stopReason });
}

/** A member from `STATUS/GOAL`, optionally with why it stopped. */
function member(written: string, past: Past = {}): Member {
  const [status, goal] = written.split('/') as [Status, StatusGoal];
  return { status, goal: goalOf(status, goal, past) };
}

describe('The goal of a container (lifecycle §4.2, R-04)', () => {
  /** While the goal timer runs, and after it has fired, by goal MOUNTED, STARTED, READY. */
  const matrix: readonly [Status, running: string, fired: string][] = [
    ['INSTALLED', 'U U U', 'U U U'],
    ['MOUNTED', 'A U U', 'A U U'],
    ['BLOCKED', 'U U U', 'U U U'],
    ['STARTING', 'U U U', 'T T T'],
    ['STARTED', 'U A U', 'T A T'],
    ['READY', 'A A A', 'A A A'],
    ['RECOVERING', 'U U U', 'T T T'],
    ['STOPPING', 'U U U', 'T T T'],
    ['STOPPED', 'U U U', 'T T T'],
  ];
  const letters: Readonly<Record<GoalState, string>> = { ACHIEVED: 'A', UNACHIEVED: 'U', TIMEDOUT: 'T' };
  for (const [status, running, fired] of matrix) {
    it(`${status}: ${running} while the timer runs, ${fired} once it has fired`, () => {
      const row = (timedOut: boolean) =>
        (['MOUNTED', 'STARTED', 'READY'] as const)
          .map((goal) => letters[goalOf(status, goal, { timedOut })])
          .join(' ');
      assert.deepEqual([row(false), row(true)], [running, fired]);
    });
  }

  const stopped: readonly { why: string; past: Past; expected: GoalState }[] = [
    {
      why: 'stopped by the user: satisfied',
      past: { stopReason: 'user', timedOut: true },
      expected: 'ACHIEVED',
    },
    { why: 'given up under backoff never: satisfied', past: { stopReason: 'gaveUp' }, expected: 'ACHIEVED' },
    {
      why: 'finished after its goal: satisfied (R-06)',
      past: { stopReason: 'finished', reached: true },
      expected: 'ACHIEVED',
    },
    { why: 'finished before its goal: not (R-06)', past: { stopReason: 'finished' }, expected: 'UNACHIEVED' },
    {
      why: 'finished before its goal, timer fired: timed out',
      past: { stopReason: 'finished', timedOut: true },
      expected: 'TIMEDOUT',
    },
    { why: 'failed: not', past: { stopReason: 'failed', reached: true }, expected: 'UNACHIEVED' },
    {
      why: 'stopped by the system: not',
      past: { stopReason: 'system', reached: true },
      expected: 'UNACHIEVED',
    },
  ];
  for (const { why, past, expected } of stopped) {
    it(`STOPPED, ${why}`, () => assert.equal(goalOf('STOPPED', 'STARTED', past), expected));
  }
});

describe('The status of a group (lifecycle §6.2, R-05)', () => {
  const cases: readonly { members: readonly (string | [string, Past])[]; status: Status; why?: string }[] = [
    { members: [], status: 'READY', why: 'empty' },
    { members: ['STARTED/STARTED', 'STARTED/STARTED'], status: 'READY' },
    { members: ['STARTED/STARTED', 'STARTED/READY'], status: 'STARTED' },
    { members: ['STARTING/STARTED', 'STARTED/READY'], status: 'STARTING' },
    { members: ['MOUNTED/MOUNTED', 'STARTED/STARTED'], status: 'READY' },
    {
      members: ['MOUNTED/STARTED', 'BLOCKED/STARTED'],
      status: 'MOUNTED',
      why: 'BLOCKED ranks above MOUNTED',
    },
    { members: ['BLOCKED/MOUNTED', 'STARTING/STARTED'], status: 'BLOCKED' },
    { members: ['INSTALLED/STARTED', 'READY/READY', 'STOPPED/STARTED'], status: 'INSTALLED' },
    { members: ['READY/READY', 'STOPPED/STARTED'], status: 'STOPPED', why: 'no cap' },
    { members: ['RECOVERING/STARTED'], status: 'RECOVERING', why: 'no cap' },
    { members: ['STOPPING/STARTED', 'STARTED/READY'], status: 'STARTED' },
    { members: [['STOPPED/STARTED', { stopReason: 'user' }], 'STARTING/STARTED'], status: 'STARTING' },
    { members: [['STOPPED/STARTED', { stopReason: 'user' }]], status: 'READY' },
    { members: [['STOPPED/STARTED', { stopReason: 'gaveUp' }], 'RECOVERING/READY'], status: 'RECOVERING' },
  ];
  for (const { members, status, why } of cases) {
    it(`${JSON.stringify(members)} is ${status}${why === undefined ? '' : `: ${why}`}`, () => {
      const parsed = members.map((text) => (typeof text === 'string' ? member(text) : member(...text)));
      assert.equal(lowestLagging(tallyOf(parsed)), status);
    });
  }

  it('orders statuses as R-05 does', () => {
    for (const [rank, status] of STATUSES.entries()) {
      for (const higher of STATUSES.slice(rank)) {
        const members = [higher, status].map((name): Member => ({ status: name, goal: 'UNACHIEVED' }));
        assert.equal(lowestLagging(tallyOf(members)), status);
      }
    }
  });

  it('is the same counted one by one as counted at once', () => {
    const before = member('STARTING/STARTED');
    const after = member('STARTED/STARTED');
    const other = member('BLOCKED/STARTED');
    assert.deepEqual(recount(tallyOf([before, other]), before, after), tallyOf([after, other]));
    assert.deepEqual(recount(tallyOf([after, other]), other, undefined), tallyOf([after]));
  });
});

describe('The joint goal of a group (lifecycle §4.4)', () => {
  const cases: readonly { goals: readonly GoalState[]; joint: GoalState }[] = [
    { goals: [], joint: 'ACHIEVED' },
    { goals: ['ACHIEVED', 'ACHIEVED'], joint: 'ACHIEVED' },
    { goals: ['ACHIEVED', 'UNACHIEVED'], joint: 'UNACHIEVED' },
    { goals: ['UNACHIEVED', 'TIMEDOUT', 'ACHIEVED'], joint: 'TIMEDOUT' },
  ];
  for (const { goals, joint } of cases) {
    it(`of ${goals.join(', ') || 'nobody'} is ${joint}`, () => {
      assert.equal(jointGoal(tallyOf(goals.map((goal) => ({ status: 'STARTED', goal })))), joint);
    });
  }
});

describe('The status of a revision (lifecycle §6.2)', () => {
  const cases: readonly { groups: readonly Status[]; revision: Status }[] = [
    { groups: ['READY', 'READY', 'READY'], revision: 'READY' },
    { groups: ['READY', 'STARTED', 'BLOCKED'], revision: 'BLOCKED' },
    { groups: ['STARTING', 'BLOCKED', 'BLOCKED'], revision: 'BLOCKED' },
    { groups: ['READY', 'MOUNTED', 'BLOCKED'], revision: 'MOUNTED' },
    { groups: ['INSTALLED', 'READY', 'READY'], revision: 'INSTALLED' },
    { groups: [], revision: 'READY' },
  ];
  for (const { groups, revision } of cases) {
    it(`of groups ${groups.join(', ') || '(none)'} is ${revision}`, () => {
      const members = groups.map(
        (status): Member => ({ status, goal: status === 'READY' ? 'ACHIEVED' : 'UNACHIEVED' }),
      );
      assert.equal(lowestLagging(tallyOf(members)), revision);
    });
  }
});
