import assert from 'node:assert/strict';
import { LiveClock, type Wall } from '../../sim/live-clock.ts';

/** Everything that can happen without time passing has happened. */
const turn = () => new Promise(setImmediate);

/** A wall clock that goes on when told to. */
class HandWall implements Wall {
  #nowMs = 0;
  readonly alarms = new Map<symbol, { readonly atMs: number; readonly call: () => void }>();

  elapsedMs(): number {
    return this.#nowMs;
  }

  alarm(atMs: number, call: () => void): () => void {
    const key = Symbol();
    this.alarms.set(key, { atMs, call });
    return () => this.alarms.delete(key);
  }

  async goTo(ms: number): Promise<void> {
    this.#nowMs = ms;
    for (const { atMs, call } of [...this.alarms.values()]) if (atMs <= ms) call();
    await turn();
  }

  get waits(): number[] {
    return [...this.alarms.values()].map(({ atMs }) => atMs);
  }
}

describe('the clock of a served simulation', () => {
  let wall: HandWall;
  let clock: LiveClock;
  let on: boolean;
  const fired: string[] = [];
  const arm = (name: string, delayMs: number) =>
    clock.setTimeout(() => fired.push(`${clock.now()} ${name}`), delayMs);
  beforeEach(() => {
    wall = new HandWall();
    clock = new LiveClock(wall);
    on = true;
    fired.length = 0;
  });
  const run = (untilMs = Number.POSITIVE_INFINITY) => clock.keepStep(untilMs, () => on);

  it('waits for one deadline at a time, with one alarm', async () => {
    arm('late', 500);
    arm('early', 200);
    void run();
    await turn();
    assert.deepEqual(wall.waits, [200]);
    await wall.goTo(200);
    assert.deepEqual([fired, wall.waits], [['200 early'], [500]]);
    await wall.goTo(500);
    assert.deepEqual([fired, wall.waits], [['200 early', '500 late'], [Number.POSITIVE_INFINITY]]);
  });

  it('knows the present while nothing is due', async () => {
    void run();
    await wall.goTo(1234.5);
    assert.equal(clock.now(), 1234);
  });

  it('counts a delay from the present, and waits for what comes earlier', async () => {
    arm('late', 900);
    void run();
    await wall.goTo(300);
    arm('early', 50);
    await turn();
    assert.deepEqual(wall.waits, [350]);
    await wall.goTo(350);
    assert.deepEqual(fired, ['350 early']);
  });

  it('does not pass a deadline that has not been kept', async () => {
    arm('one', 100);
    await wall.goTo(400);
    assert.equal(clock.now(), 100);
    void run();
    await turn();
    assert.deepEqual(fired, ['400 one']);
  });

  it('ends at the time it was asked for, or when it is told to', async () => {
    const ended = run(250);
    await wall.goTo(249);
    assert.deepEqual(wall.waits, [250]);
    await wall.goTo(250);
    await ended;
    assert.equal(clock.now(), 250);
    const stopped = run();
    await turn();
    on = false;
    clock.wake();
    await stopped;
    assert.deepEqual(wall.waits, []);
  });
});
