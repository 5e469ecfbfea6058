import assert from 'node:assert/strict';
import { createEvents } from '../../actors/events.ts';
import type { Announcement } from '../../machines/domain/report.ts';

const revision = (at: number): Announcement => ({
  type: 'revision',
  at,
  status: 'STARTED',
  goal: 'UNACHIEVED',
});

function filled(count: number) {
  const events = createEvents('life');
  for (let at = 1; at <= count; at += 1) events.tell(revision(at));
  return events;
}

describe('the stream of events (R-12)', () => {
  it('numbers what is told, and gives what came after an id', () => {
    const events = filled(3);
    assert.equal(events.last, 'life-3');
    assert.deepEqual(
      events.since('life-1')?.map(({ id, announcement }) => [id, announcement.at]),
      [
        ['life-2', 2],
        ['life-3', 3],
      ],
    );
    assert.deepEqual(events.since('life-3'), []);
  });

  const unknown = ['other-1', 'life-4', 'life-', 'life-1x', 'life--1', 'life-99999999999999999', '', 'start'];
  for (const id of unknown) {
    it(`knows nothing of id ${JSON.stringify(id)}`, () => {
      assert.equal(filled(3).since(id), undefined);
    });
  }

  it('keeps the last 1,024, and says when something is gone', () => {
    const events = filled(3000);
    assert.equal(events.oldest, 'life-1976');
    const kept = events.since(events.oldest) ?? [];
    assert.deepEqual(
      [kept.length, kept[0]?.announcement.at, kept.at(-1)?.announcement.at],
      [1024, 1977, 3000],
    );
    assert.equal(events.since('life-1975'), undefined);
  });

  it('tells listeners until they have heard enough', () => {
    const events = createEvents('life');
    const heard: string[] = [];
    const end = events.subscribe(({ id }) => heard.push(id));
    events.tell(revision(1));
    events.tell(revision(2));
    end();
    events.tell(revision(3));
    assert.deepEqual(heard, ['life-1', 'life-2']);
  });
});
