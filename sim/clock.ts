/** Virtual time. The clock jumps from deadline to deadline; nothing here waits for the wall clock.
 *
 *  Timers of one instant fire in arming order, or in the order of a seeded tie-break. A `ClockView` is the clock of
 *  one supervisor: closing it forgets that supervisor's timers, as the death of its process would.
 *  `advance` and `quiesce` drive the clock and let promises continue in between. */

import type { Clock } from '../actors/ports.ts';

interface Timer {
  readonly at: number;
  readonly tie: number;
  readonly sequence: number;
  readonly call: () => void;
  readonly owner: ClockView;
  live: boolean;
}

export interface VirtualClockOptions {
  /** What `now()` says first, in ms. */
  readonly startAt?: number;
  /** A number per timer; the lower one fires first when two are due together. */
  readonly tieBreak?: () => number;
}

export class VirtualClock implements Clock {
  readonly #heap: Timer[] = [];
  readonly #tieBreak: (() => number) | undefined;
  readonly #own: ClockView;
  #sequence = 0;
  #now: number;
  #pending = 0;

  constructor({ startAt = 0, tieBreak }: VirtualClockOptions = {}) {
    this.#now = startAt;
    this.#tieBreak = tieBreak;
    this.#own = new ClockView(this);
  }

  now(): number {
    return this.#now;
  }

  /** Timers that would still fire, over all views. */
  get pending(): number {
    return this.#pending;
  }

  /** The next deadline, undefined when nothing is armed. */
  get nextAt(): number | undefined {
    let first = this.#heap[0];
    while (first !== undefined && !(first.live && first.owner.open)) {
      pop(this.#heap);
      first = this.#heap[0];
    }
    return first?.at;
  }

  view(): ClockView {
    return new ClockView(this);
  }

  setTimeout(call: () => void, delayMs: number): unknown {
    return this.#own.setTimeout(call, delayMs);
  }

  clearTimeout(handle: unknown): void {
    this.#own.clearTimeout(handle);
  }

  /** Jumps to the next deadline and fires that one timer; false when there is none. */
  step(): boolean {
    if (this.nextAt === undefined) return false;
    const timer = pop(this.#heap);
    this.forget(timer);
    this.#now = timer.at;
    timer.call();
    return true;
  }

  /** Lets time pass without firing anything. @throws RangeError when a timer is due before `at` */
  passTo(at: number): void {
    const nextAt = this.nextAt;
    if (nextAt !== undefined && nextAt < at)
      throw new RangeError(`a timer is due at ${nextAt}, before ${at}`);
    this.#now = Math.max(this.#now, at);
  }

  /** For views only. */
  arm(owner: ClockView, call: () => void, delayMs: number): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError('a timer needs a delay in milliseconds, not NaN');
    const at = this.#now + Math.max(0, delayMs);
    const timer: Timer = {
      at,
      tie: this.#tieBreak?.() ?? 0,
      sequence: this.#sequence++,
      call,
      owner,
      live: true,
    };
    push(this.#heap, timer);
    this.#pending += 1;
    owner.pending += 1;
    return timer;
  }

  /** For views only. Takes a timer out of the counts; the heap drops it when its turn comes. */
  forget(timer: Timer): void {
    if (!timer.live || !timer.owner.open) return;
    timer.live = false;
    timer.owner.pending -= 1;
    this.#pending -= 1;
  }

  /** For views only. */
  forgetAll(owner: ClockView): void {
    this.#pending -= owner.pending;
    owner.pending = 0;
  }
}

/** A clock of its own on the same time. */
export class ClockView implements Clock {
  readonly #clock: VirtualClock;
  /** Timers armed here that would still fire. */
  pending = 0;
  open = true;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  setTimeout(call: () => void, delayMs: number): unknown {
    return this.open ? this.#clock.arm(this, call, delayMs) : undefined;
  }

  clearTimeout(handle: unknown): void {
    if (handle !== undefined && handle !== null) this.#clock.forget(handle as Timer);
  }

  /** None of its timers fires any more, and none can be armed. */
  close(): void {
    if (!this.open) return;
    this.#clock.forgetAll(this);
    this.open = false;
  }
}

/** Waits on the wall clock until virtual time `at` may come. */
export type Pace = (at: number) => Promise<void>;

/** Lets every promise go as far as it can. The tick queue is served only when no microtask is left, however long
 *  the chains are; the first `await` makes sure that it is entered from a microtask. No turn of the event loop. */
export async function settle(): Promise<void> {
  await null;
  await new Promise<void>((resolve) => process.nextTick(resolve));
}

/** Fires everything due up to and including `untilMs` and leaves the clock there. */
export async function advance(clock: VirtualClock, untilMs: number, pace?: Pace): Promise<void> {
  await fire(clock, untilMs, pace);
  if (pace !== undefined && Number.isFinite(untilMs)) await pace(untilMs);
  if (Number.isFinite(untilMs)) clock.passTo(untilMs);
}

/** Goes on until nothing is armed or the next deadline lies after `limitMs`; true when nothing is armed. */
export async function quiesce(
  clock: VirtualClock,
  limitMs = Number.POSITIVE_INFINITY,
  pace?: Pace,
): Promise<boolean> {
  await fire(clock, limitMs, pace);
  return clock.pending === 0;
}

async function fire(clock: VirtualClock, limitMs: number, pace: Pace | undefined): Promise<void> {
  await settle();
  for (let nextAt = clock.nextAt; nextAt !== undefined && nextAt <= limitMs; nextAt = clock.nextAt) {
    if (pace !== undefined) await pace(nextAt);
    clock.step();
    await settle();
  }
}

function before(one: Timer, other: Timer): boolean {
  if (one.at !== other.at) return one.at < other.at;
  return one.tie !== other.tie ? one.tie < other.tie : one.sequence < other.sequence;
}

function push(heap: Timer[], timer: Timer): void {
  let hole = heap.push(timer) - 1;
  while (hole > 0) {
    const parentAt = (hole - 1) >> 1;
    const parent = heap[parentAt] as Timer;
    if (!before(timer, parent)) break;
    heap[hole] = parent;
    hole = parentAt;
  }
  heap[hole] = timer;
}

/** Of a heap that is not empty. */
function pop(heap: Timer[]): Timer {
  const first = heap[0] as Timer;
  const last = heap.pop() as Timer;
  if (heap.length === 0) return first;
  let hole = 0;
  for (;;) {
    let childAt = 2 * hole + 1;
    let child = heap[childAt];
    if (child === undefined) break;
    const right = heap[childAt + 1];
    if (right !== undefined && before(right, child)) {
      child = right;
      childAt += 1;
    }
    if (!before(child, last)) break;
    heap[hole] = child;
    hole = childAt;
  }
  heap[hole] = last;
  return first;
}
