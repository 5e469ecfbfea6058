import assert from 'node:assert/strict';
import { openMetadata } from '../../actors/metadata.ts';
import { Diary } from '../../sim/diary.ts';
import { createFakeMetadata } from '../../sim/fake-metadata.ts';

describe('metadata of the fake device', () => {
  it('outlives a supervisor, in its order', async () => {
    const diary = new Diary(() => 0, undefined);
    const files = createFakeMetadata(diary, 'user-meta', { old: '1', new: '2' });
    const complain = () => undefined;
    const first = await openMetadata({ files, complain });
    await first.put('newest', '3');
    await first.put('old', '4');
    await first.delete('new');
    const second = await openMetadata({ files, complain });
    assert.deepEqual(second.entries(), [
      ['newest', '3'],
      ['old', '4'],
    ]);
    assert.deepEqual(diary.lines('call'), [
      'store user-meta newest=3',
      'store user-meta old=4',
      'remove user-meta new',
    ]);
  });
});
