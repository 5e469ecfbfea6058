import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createClock } from '../../adapters/clock.ts';

describe('the clock of the device (R-13)', () => {
  const clock = createClock();
  const passed = (delayMs: number) =>
    new Promise<number>((resolve) => clock.setTimeout(() => resolve(clock.now()), delayMs));

  it('counts from the boot of the machine, the same for every process', () => {
    const before = clock.now();
    const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
    // Equal but for suspend, which only uptime counts, and for the hundredths that it is printed in.
    assert.ok(before <= uptimeMs + 10, `${before} is after ${uptimeMs}`);
  });

  it('never fires before the deadline', async () => {
    const start = clock.now();
    const delays = Array.from({ length: 60 }, (_, index) => index * 0.37);
    const fired = await Promise.all(delays.map(async (delayMs) => [delayMs, await passed(delayMs)] as const));
    for (const [delayMs, at] of fired)
      assert.ok(at >= start + delayMs, `${delayMs} ms fired at ${at - start} ms`);
  });

  it('waits for a delay that Node would turn into none', async () => {
    let fired = false;
    const handle = clock.setTimeout(
      () => {
        fired = true;
      },
      2 ** 31 + 1000,
    );
    await passed(20);
    clock.clearTimeout(handle);
    assert.equal(fired, false);
  });

  it('fires in the order of the deadlines', async () => {
    const order: number[] = [];
    await Promise.all([9, 3, 6, 0].map((delayMs) => passed(delayMs).then(() => order.push(delayMs))));
    assert.deepEqual(order, [0, 3, 6, 9]);
  });

  for (const delayMs of [0, 3]) {
    it(`does not fire a timer of ${delayMs} ms that was cleared`, async () => {
      let fired = false;
      clock.clearTimeout(
        clock.setTimeout(() => {
          fired = true;
        }, delayMs),
      );
      await passed(delayMs + 5);
      assert.equal(fired, false);
    });
  }
});
