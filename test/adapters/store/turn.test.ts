import assert from 'node:assert/strict';
import { createTurn, eachOf } from '../../../adapters/store/turn.ts';

describe('taking turns', () => {
  it('does one thing after the other, in the order asked, whatever fails', async () => {
    const turn = createTurn();
    const done: string[] = [];
    const work = (name: string, fails: boolean) =>
      turn(async () => {
        done.push(`${name} begins`);
        await Promise.resolve();
        done.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const [a, b] = await Promise.allSettled([work('a', true), work('b', false)]);
    assert.deepEqual(done, ['a begins', 'a ends', 'b begins', 'b ends']);
    assert.equal(a?.status, 'rejected');
    assert.deepEqual(b, { status: 'fulfilled', value: 'b' });
  });

  it('does several things at once, and answers in their order', async () => {
    let atWork = 0;
    let most = 0;
    const squares = await eachOf([1, 2, 3, 4, 5], 2, async (item) => {
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise(setImmediate);
      atWork -= 1;
      return item * item;
    });
    assert.deepEqual(squares, [1, 4, 9, 16, 25]);
    assert.equal(most, 2);
  });

  it('begins nothing more after a failure, and throws that of the earliest', async () => {
    const begun: number[] = [];
    const work = eachOf([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) await new Promise(setImmediate);
      throw new Error(String(item));
    });
    await assert.rejects(work, /^Error: 1$/);
    assert.deepEqual(begun, [1, 2]);
  });
});
