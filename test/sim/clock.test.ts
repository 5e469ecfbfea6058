import assert from 'node:assert/strict';
import { advance, quiesce, settle, VirtualClock } from '../../sim/clock.ts';
import { createRandom } from '../../sim/random.ts';

/** Arms a timer per delay and says in which order they fired, and when. */
function firings(clock: VirtualClock, delaysMs: readonly number[]): string[] {
  const fired: string[] = [];
  for (const [index, delayMs] of delaysMs.entries()) {
    clock.setTimeout(() => fired.push(`${index} at ${clock.now()}`), delayMs);
  }
  return fired;
}

describe('the virtual clock', () => {
  it('jumps from deadline to deadline, in their order', async () => {
    const clock = new VirtualClock();
    const fired = firings(clock, [30, 10, 20, 10]);
    assert.equal(await quiesce(clock), true);
    assert.deepEqual(fired, ['1 at 10', '3 at 10', '2 at 20', '0 at 30']);
  });

  it('fires a chain of timers within one advance, each at its own instant (R-13)', async () => {
    const clock = new VirtualClock({ startAt: 1000 });
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      if (fired.length < 4) clock.setTimeout(again, 7);
    };
    clock.setTimeout(again, 0);
    await advance(clock, 1020);
    assert.deepEqual(fired, [1000, 1007, 1014]);
    assert.equal(clock.now(), 1020);
    assert.equal(clock.pending, 1);
  });

  it('fires a timer that is due exactly at the end of an advance (lifecycle §1.4)', async () => {
    const clock = new VirtualClock();
    const fired = firings(clock, [5000, 5001]);
    await advance(clock, 5000);
    assert.deepEqual(fired, ['0 at 5000']);
  });

  it('forgets a cleared timer, also when it is cleared twice or after it fired', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const first = clock.setTimeout(() => fired.push('first'), 5);
    const second = clock.setTimeout(() => fired.push('second'), 6);
    clock.clearTimeout(second);
    clock.clearTimeout(second);
    await quiesce(clock);
    clock.clearTimeout(first);
    assert.deepEqual(fired, ['first']);
    assert.equal(clock.pending, 0);
    assert.equal(clock.now(), 5, 'a cleared deadline is not visited');
  });

  it('breaks ties by the seed, the same way every time', async () => {
    const run = async (seed: number): Promise<string[]> => {
      const clock = new VirtualClock({ tieBreak: createRandom(seed).next });
      const fired = firings(
        clock,
        Array.from({ length: 20 }, () => 5),
      );
      await quiesce(clock);
      return fired;
    };
    assert.deepEqual(await run(7), await run(7));
    assert.notDeepEqual(await run(7), await run(8));
  });

  it('lets a chain of promises run dry before the next deadline, however long it is', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.setTimeout(() => {
      let chain = Promise.resolve();
      for (let link = 0; link < 100; link++) chain = chain.then(() => undefined);
      void chain.then(() => seen.push('chain'));
    }, 1);
    clock.setTimeout(() => seen.push('next'), 1);
    await quiesce(clock);
    assert.deepEqual(seen, ['chain', 'next']);
  });

  it('settles promises from outside of a microtask too', (done) => {
    setImmediate(() => {
      const seen: string[] = [];
      void Promise.resolve()
        .then(() => undefined)
        .then(() => undefined)
        .then(() => seen.push('end of chain'));
      void settle().then(() => {
        assert.deepEqual(seen, ['end of chain']);
        done();
      });
    });
  });

  it('paces each deadline before it comes', async () => {
    const clock = new VirtualClock();
    const paced: number[] = [];
    firings(clock, [10, 30]);
    await advance(clock, 40, async (at) => {
      paced.push(at);
    });
    assert.deepEqual(paced, [10, 30, 40]);
  });

  it('keeps 100,000 timers in order with every third one cleared', async () => {
    const clock = new VirtualClock();
    const random = createRandom(1);
    let last = -1;
    let fired = 0;
    for (let index = 0; index < 100_000; index++) {
      const handle = clock.setTimeout(
        () => {
          assert.ok(clock.now() >= last);
          last = clock.now();
          fired += 1;
        },
        random.between(0, 1_000_000),
      );
      if (index % 3 === 0) clock.clearTimeout(handle);
    }
    while (clock.step());
    assert.equal(fired, 66_666);
    assert.equal(clock.pending, 0);
  });

  it('refuses a delay that is not a number', () => {
    assert.throws(() => new VirtualClock().setTimeout(() => undefined, Number.NaN), RangeError);
  });
});

describe('a view of the clock', () => {
  it('counts its own timers and takes them along when it closes', async () => {
    const clock = new VirtualClock();
    const view = clock.view();
    const fired: string[] = [];
    view.setTimeout(() => fired.push('view'), 5);
    const cleared = view.setTimeout(() => fired.push('cleared'), 5);
    clock.setTimeout(() => fired.push('clock'), 10);
    view.clearTimeout(cleared);
    assert.deepEqual([view.pending, clock.pending], [1, 2]);

    view.close();
    view.setTimeout(() => fired.push('late'), 1);
    assert.deepEqual([view.pending, clock.pending], [0, 1]);
    await quiesce(clock);
    assert.deepEqual(fired, ['clock']);
  });
});
