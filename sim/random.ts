/** Chance with a seed: the same seed gives the same numbers on every computer. */

export interface Random {
  /** A whole number of 32 bits, 0 included. */
  next(): number;
  /** A whole number, both ends included. */
  between(low: number, high: number): number;
}

/** mulberry32: 32 bits of state, passes the usual batteries, ample for latencies and tie-breaks. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { next, between: (low, high) => low + Math.floor((next() / 0x1_0000_0000) * (high - low + 1)) };
}

/** Choices read from a list of numbers. An exhausted tape reads 0, the choice for "nothing special", so that a
 *  shorter or smaller tape always means fewer things going wrong: that is what lets a failing run be shrunk. */
export interface ChoiceTape {
  next(): number;
  /** How many choices were asked for, beyond the end included. */
  readonly used: number;
}

export function createTape(choices: readonly number[]): ChoiceTape {
  let used = 0;
  return {
    next: () => choices[used++] ?? 0,
    get used() {
      return used;
    },
  };
}
