import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  hasFailed,
  isFinal,
  MESSAGES,
  PROGRESS_STATUSES,
  parseProgress,
  progressText,
} from '../../../machines/domain/progress.ts';

describe('the progress record (lifecycle §13, storage §2)', () => {
  it('has its fields in the order in which clients know them', () => {
    assert.equal(
      progressText({ status: 'TESTING', message: MESSAGES.awaitingStable, retries: 0 }),
      '{"status":"TESTING","status-msg":"Awaiting to see if update is stable","progress":75,"retries":0}',
    );
    assert.equal(
      progressText({ status: 'ERROR', message: MESSAGES.goalMissed, retries: 1, logs: '{"tsec":1}\n' }),
      '{"status":"ERROR","status-msg":"Status goal not reached","progress":100,"retries":1,"logs":"{\\"tsec\\":1}\\n"}',
    );
  });

  const rows = [
    ['NEW', 0, false, false],
    ['QUEUED', 5, false, false],
    ['DOWNLOADING', 25, false, false],
    ['INPROGRESS', 50, false, false],
    ['TESTING', 75, false, false],
    ['UPDATED', 100, true, false],
    ['DONE', 100, true, false],
    ['WONTGO', 100, true, true],
    ['ERROR', 100, true, true],
  ] as const;
  for (const [status, percent, final, failed] of rows) {
    it(`${status} is ${percent} %${final ? ', final' : ''}${failed ? ', failed' : ''}`, () => {
      const text = progressText({ status, message: '', retries: 0 });
      assert.equal((JSON.parse(text) as { progress: number }).progress, percent);
      assert.deepEqual([isFinal(status), hasFailed(status)], [final, failed]);
    });
  }

  it('reads what it has written', () => {
    const progress = fc.record(
      {
        status: fc.constantFrom(...PROGRESS_STATUSES),
        message: fc.string(),
        retries: fc.nat(),
        logs: fc.string(),
      },
      { requiredKeys: ['status', 'message', 'retries'] },
    );
    fc.assert(fc.property(progress, (one) => assert.deepEqual(parseProgress(progressText(one)), { ...one })));
  });

  for (const text of ['', '{', 'null', '[]', '7', '{}', '{"status":"GONE"}', '{"status":7}']) {
    it(`takes ${JSON.stringify(text)} for no record`, () => {
      assert.equal(parseProgress(text), undefined);
    });
  }

  it('passes over fields of the wrong type', () => {
    const text = '{"status":"NEW","status-msg":1,"retries":"2","logs":[]}';
    assert.deepEqual(parseProgress(text), { status: 'NEW', message: '', retries: 0 });
  });
});
