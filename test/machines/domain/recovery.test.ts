import assert from 'node:assert/strict';
import {
  describeExit,
  type Exit,
  type Recovery,
  type RecoveryHistory,
  recover,
  retryDelayMs,
} from '../../../machines/domain/recovery.ts';
import type { RecoveryPolicy } from '../../../machines/domain/revision.ts';

const POLICY: RecoveryPolicy = {
  policy: 'on-failure',
  maxRetries: 2,
  retryDelayMs: 4000,
  backoffFactor: 2,
  resetWindowMs: 0,
  stableTimeoutMs: 0,
  backoff: { kind: 'wait', delayMs: 20_000 },
};
const CRASH: Exit = { kind: 'code', code: 1 };
const FRESH: RecoveryHistory = { retries: 0, sinceStartMs: 0, trial: false };

function decision(
  policy: Partial<RecoveryPolicy>,
  history: Partial<RecoveryHistory> = {},
  exit: Exit = CRASH,
): Recovery {
  return recover({ ...POLICY, ...policy }, { ...FRESH, ...history }, exit);
}

describe('Recovery after an exit (lifecycle §9)', () => {
  describe('by policy and exit (§9.1, R-06, L-07)', () => {
    const startFailed: Exit = { kind: 'startFailed', fault: { code: 'START_FAILED', message: 'no' } };
    const exits: readonly { why: string; exit: Exit }[] = [
      { why: 'exit 0', exit: { kind: 'code', code: 0 } },
      { why: 'exit 7', exit: { kind: 'code', code: 7 } },
      { why: 'a signal', exit: { kind: 'signal', signal: 'SIGSEGV' } },
      { why: 'an unknown end', exit: { kind: 'unknown' } },
      { why: 'a failed start', exit: startFailed },
    ];
    const table: readonly [RecoveryPolicy['policy'], readonly Recovery['kind'][]][] = [
      ['no', ['fail', 'fail', 'fail', 'fail', 'fail']],
      ['on-failure', ['finished', 'retry', 'retry', 'retry', 'retry']],
      ['always', ['retry', 'retry', 'retry', 'retry', 'retry']],
      ['unless-stopped', ['retry', 'retry', 'retry', 'retry', 'retry']],
    ];
    for (const [policy, kinds] of table) {
      for (const [index, { why, exit }] of exits.entries()) {
        it(`${policy}: ${why} leads to ${kinds[index]}`, () =>
          assert.equal(decision({ policy }, {}, exit).kind, kinds[index]));
      }
    }
    it('none at all: failure', () => {
      assert.deepEqual(recover(undefined, FRESH, CRASH), { kind: 'fail', because: 'no-recovery' });
    });
  });

  it('32: grants delays 4, 8, then the backoff, with the counter at 0 again (§9.2)', () => {
    const steps: Recovery[] = [];
    let retries = 0;
    for (let exit = 0; exit < 4; exit += 1) {
      const step = decision({}, { retries });
      steps.push(step);
      retries = step.kind === 'retry' ? step.retries : Number.NaN;
    }
    assert.deepEqual(steps, [
      { kind: 'retry', delayMs: 4000, retries: 1 },
      { kind: 'retry', delayMs: 8000, retries: 2 },
      { kind: 'retry', delayMs: 20_000, retries: 0 },
      { kind: 'retry', delayMs: 4000, retries: 1 },
    ]);
  });

  const spent = { retries: 2 };
  const endings: readonly { why: string; actual: Recovery; expected: Recovery }[] = [
    {
      why: '33: backoff never stays stopped',
      actual: decision({ backoff: { kind: 'never' } }, spent),
      expected: { kind: 'gaveUp' },
    },
    {
      why: '35: backoff reboot fails',
      actual: decision({ backoff: { kind: 'reboot' } }, spent),
      expected: { kind: 'fail', because: 'retries-exhausted' },
    },
    {
      why: '35: backoff never fails in a trial',
      actual: decision({ backoff: { kind: 'never' } }, { ...spent, trial: true }),
      expected: { kind: 'fail', because: 'retries-exhausted' },
    },
    {
      why: 'a duration fails in a trial',
      actual: decision({}, { ...spent, trial: true }),
      expected: { kind: 'fail', because: 'retries-exhausted' },
    },
    {
      why: 'a trial grants what is left',
      actual: decision({}, { retries: 1, trial: true }),
      expected: { kind: 'retry', delayMs: 8000, retries: 2 },
    },
    {
      why: '36: max_retries 0 never ends',
      actual: decision({ maxRetries: 0, backoffFactor: 1 }, { retries: 99 }),
      expected: { kind: 'retry', delayMs: 4000, retries: 100 },
    },
    {
      why: '37: 61 s of uptime reset a window of 60',
      actual: decision({ resetWindowMs: 60_000 }, { retries: 1, sinceStartMs: 61_000 }),
      expected: { kind: 'retry', delayMs: 4000, retries: 1 },
    },
    {
      why: '37: 60 s of uptime do not',
      actual: decision({ resetWindowMs: 60_000 }, { retries: 1, sinceStartMs: 60_000 }),
      expected: { kind: 'retry', delayMs: 8000, retries: 2 },
    },
    {
      why: '38: retry_delay 0 restarts at once',
      actual: decision({ retryDelayMs: 0 }),
      expected: { kind: 'retry', delayMs: 0, retries: 1 },
    },
  ];
  for (const { why, actual, expected } of endings) it(why, () => assert.deepEqual(actual, expected));

  const delays: readonly { policy: Partial<RecoveryPolicy>; seconds: readonly number[] }[] = [
    { policy: { retryDelayMs: 5000, backoffFactor: 2 }, seconds: [5, 10, 20, 40] },
    { policy: { retryDelayMs: 5000, backoffFactor: 1.5 }, seconds: [5, 7, 11, 16] },
    { policy: { retryDelayMs: 5000, backoffFactor: 1 }, seconds: [5, 5, 5] },
    { policy: { retryDelayMs: 5000, backoffFactor: 0.5 }, seconds: [5, 5, 5] },
    { policy: { retryDelayMs: 0, backoffFactor: 2 }, seconds: [0, 0] },
  ];
  for (const { policy, seconds } of delays) {
    it(`delays of ${policy.retryDelayMs} ms, factor ${policy.backoffFactor}: ${seconds.join(', ')} s, cut to seconds`, () => {
      assert.deepEqual(
        seconds.map((_, index) => retryDelayMs({ ...POLICY, ...policy }, index + 1) / 1000),
        seconds,
      );
    });
  }
  it('keeps a finite delay after any number of retries', () => {
    assert.ok(Number.isSafeInteger(retryDelayMs(POLICY, 5000)));
  });

  it('says how a container ended', () => {
    assert.equal(describeExit(CRASH), 'exit status 1');
    assert.equal(describeExit({ kind: 'signal', signal: 'SIGKILL' }), 'killed by SIGKILL');
  });
});
