import assert from 'node:assert/strict';
import { parseDuration, parseSpan, showDuration, showTime } from '../../sim/durations.ts';
import { nearest } from '../../sim/nearest.ts';

describe('durations in a scenario', () => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2min', 120_000],
    ['1h', 3_600_000],
    [0, 0],
    ['0s', 0],
    [5, undefined],
    ['5', undefined],
    ['5m', undefined],
    ['-5s', undefined],
    ['five', undefined],
    [null, undefined],
  ] as const) {
    const outcome = ms === undefined ? 'is refused' : `is ${ms} ms`;
    it(`${JSON.stringify(text)} ${outcome}`, () => assert.equal(parseDuration(text), ms));
  }

  it('may be a range, smaller end first', () => {
    assert.deepEqual(parseSpan('5ms..40ms'), { fromMs: 5, toMs: 40 });
    assert.equal(parseSpan('2s'), 2000);
    assert.equal(parseSpan('40ms..5ms'), undefined);
    assert.equal(parseSpan('1s..2s..3s'), undefined);
  });
});

describe('virtual times as shown', () => {
  for (const [ms, shown] of [
    [0, '00:00.000'],
    [65_250, '01:05.250'],
    [3_600_000, '1:00:00.000'],
  ] as const) {
    it(`${ms} ms is ${shown}`, () => assert.equal(showTime(ms), shown));
  }

  for (const [ms, shown] of [
    [0, '0s'],
    [250, '250ms'],
    [1500, '1.5s'],
    [120_000, '2min'],
    [90_000, '90s'],
    [7_200_000, '2h'],
  ] as const) {
    it(`a duration of ${ms} ms is ${shown}`, () => assert.equal(showDuration(ms), shown));
  }
});

describe('the word somebody probably meant', () => {
  for (const [word, meant] of [
    ['container', 'containers'],
    ['TIMELINE', 'timeline'],
    ['expct', 'expect'],
    ['zebra', undefined],
  ] as const) {
    it(`for ${word} is ${meant ?? 'unknown'}`, () => {
      assert.equal(nearest(word, ['containers', 'timeline', 'expect', 'revision']), meant);
    });
  }
});
