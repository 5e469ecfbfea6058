/** Virtual time in step with the wall clock, for a device that clients talk to. Whoever asks for the time, or arms a timer,
 *  finds the present; what is due fires when its time has come. Between two deadlines one real timer waits for the next. */

import { type ClockView, settle, VirtualClock, type VirtualClockOptions } from './clock.ts';

/** The wall clock, as fast as virtual time is to pass. */
export interface Wall {
  /** Milliseconds of virtual time that are over by now. */
  elapsedMs(): number;
  /** Calls back at that time or earlier, but not at once; `Infinity` is possible. Returns what takes it back. */
  alarm(atMs: number, call: () => void): () => void;
}

export class LiveClock extends VirtualClock {
  readonly #wall: Wall;
  /** What `keepStep` sleeps until. */
  #awaited = Number.NEGATIVE_INFINITY;
  #wake: () => void = () => undefined;

  constructor(wall: Wall, options?: VirtualClockOptions) {
    super(options);
    this.#wall = wall;
  }

  /** The present, or the next deadline as long as it has not been kept. */
  override now(): number {
    const present = Math.min(Math.floor(this.#wall.elapsedMs()), this.nextAt ?? Number.POSITIVE_INFINITY);
    if (present > super.now()) this.passTo(present);
    return super.now();
  }

  override arm(owner: ClockView, call: () => void, delayMs: number) {
    // The delay counts from the present.
    this.now();
    const timer = super.arm(owner, call, delayMs);
    if (timer.at < this.#awaited) this.#wake();
    return timer;
  }

  /** Has `keepStep` look anew whether it is to go on. */
  wake(): void {
    this.#wake();
  }

  /** Fires what is due when it is due, until `untilMs` or as long as `goesOn` says. */
  async keepStep(untilMs: number, goesOn: () => boolean): Promise<void> {
    for (await settle(); goesOn(); await settle()) {
      const { nextAt = Number.POSITIVE_INFINITY } = this;
      const goal = Math.min(nextAt, untilMs);
      if (goal > this.#wall.elapsedMs()) await this.#sleep(goal);
      else if (nextAt <= untilMs) this.step();
      else return this.passTo(untilMs);
    }
  }

  /** Lets the event loop turn at least once, so that clients are served however busy the device is. */
  turn(): Promise<void> {
    return this.#sleep(Number.NEGATIVE_INFINITY);
  }

  async #sleep(untilMs: number): Promise<void> {
    let takeBack: () => void = () => undefined;
    await new Promise<void>((resolve) => {
      this.#awaited = untilMs;
      this.#wake = resolve;
      takeBack = this.#wall.alarm(untilMs, resolve);
    });
    takeBack();
    this.#awaited = Number.NEGATIVE_INFINITY;
    this.#wake = () => undefined;
  }
}
