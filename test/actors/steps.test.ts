import assert from 'node:assert/strict';
import { createSteps } from '../../actors/steps.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { Progress } from '../../machines/domain/progress.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import { refusalOf } from '../../machines/domain/step-answer.ts';
import { Diary } from '../../sim/diary.ts';
import { createFakeStore } from '../../sim/fake-store.ts';
import { stateOf } from '../support/update-world.ts';

const FIRST = stateOf({ a: 1 });
const SECOND = stateOf({ a: 2 });
const DONE: Progress = { status: 'DONE', message: 'was run', retries: 1 };
const NEW = 'NEW Update ready to be run';

/** The write with this number fails, those after it do not. */
function world({
  failsAt = Number.POSITIVE_INFINITY,
  errno = 'ENOSPC',
  roots = new Map<string, string>(),
} = {}) {
  const complaints: Fault[] = [];
  const writes: string[] = [];
  const store = createFakeStore({
    diary: new Diary(() => 0, undefined),
    gate: async (step) => {
      writes.push(step);
      if (writes.length - 1 === failsAt)
        throw new SupervisorError('STORE_FAILED', `${step} failed`, { errno });
    },
  });
  const steps = createSteps({
    store: store.revisions,
    signatures: { check: async () => undefined },
    parse: (text) => parseState(text),
    running: () => undefined,
    updatingTo: () => undefined,
    roots: async () => roots,
    complain: (fault) => complaints.push(fault),
  });
  return { steps, store, writes, complaints };
}

describe('installing a step (control API §6.7, R-09)', () => {
  it('says that it is ready when it is', async () => {
    const { steps, writes } = world();
    assert.deepEqual(await steps.put('locals/a', FIRST), { status: 200 });
    assert.deepEqual(writes, [
      'progress locals/a NEW Update not yet installed',
      'state locals/a',
      'progress locals/a NEW Update ready to be run',
    ]);
  });

  for (const failsAt of [0, 1, 2]) {
    it(`leaves nothing of a new one when write ${failsAt} fails`, async () => {
      const { steps, store, complaints } = world({ failsAt });
      assert.equal((await steps.put('locals/a', FIRST)).status, 507);
      assert.deepEqual(store.names(), []);
      assert.equal(complaints.length, 1);
    });

    it(`leaves one that is there as it was, or as it should be, when write ${failsAt} fails`, async () => {
      const { steps, store } = world({ failsAt });
      store.addRevision('locals/a', FIRST, DONE);
      assert.equal((await steps.put('locals/a', SECOND)).status, 507);
      const state = await steps.state('locals/a');
      assert.equal(state, failsAt === 2 ? SECOND : FIRST);
      const told = failsAt === 2 ? 'NEW Update not yet installed' : 'DONE was run';
      assert.equal(store.told('locals/a'), told);
    });
  }

  it('touches nothing that is needed, and takes the same again', async () => {
    const { steps, store, writes } = world({ roots: new Map([['locals/a', 'it is the rollback point']]) });
    store.addRevision('locals/a', FIRST, DONE);
    assert.deepEqual(await steps.put('locals/a', SECOND), {
      status: 409,
      error: 'Cannot replace revision locals/a: it is the rollback point. Choose another name',
    });
    assert.deepEqual(await steps.put('locals/a', FIRST), { status: 200 });
    assert.deepEqual(writes, []);
    assert.deepEqual(await steps.put('locals/b', SECOND), { status: 200 });
    assert.equal(store.told('locals/b'), NEW);
  });

  it('goes on after one that failed', async () => {
    const { steps } = world({ failsAt: 0 });
    const answers = await Promise.all([steps.put('locals/a', FIRST), steps.put('locals/b', FIRST)]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [507, 200],
    );
  });
});

describe('what speaks against a step, as clients are told (control API §6.7)', () => {
  const rows: readonly (readonly [fault: Fault, status: number, error: string])[] = [
    [{ code: 'REFUSED', message: 'State JSON has bad format' }, 422, 'Parser: State JSON has bad format'],
    [
      { code: 'REFUSED', message: 'Signature validation failed' },
      422,
      'Secureboot: Signature validation failed',
    ],
    [
      { code: 'REFUSED', message: 'State not fully covered by signatures' },
      422,
      'Secureboot: State not fully covered by signatures',
    ],
    [{ code: 'REFUSED', message: 'Internal error' }, 422, 'Secureboot: Internal error'],
    [{ code: 'NOT_FOUND', message: 'no trust store' }, 422, 'Secureboot: Internal error'],
    [{ code: 'STORE_FAILED', message: 'm', errno: 'EIO' }, 422, 'Storage: Cannot read state JSON'],
    [{ code: 'STORE_FAILED', message: 'm', errno: 'ENOSPC' }, 507, 'Not enough disk space available'],
    [{ code: 'STORE_FAILED', message: 'm', errno: 'EDQUOT' }, 507, 'Not enough disk space available'],
  ];
  for (const [fault, status, error] of rows) {
    it(`${fault.code} ${fault.errno ?? fault.message}: ${status}`, () =>
      assert.deepEqual(refusalOf(fault), { status, error }));
  }
});
