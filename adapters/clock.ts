/** The device's clock: CLOCK_MONOTONIC in milliseconds, the same line of time for every process of one boot, so
 *  that a deadline in a record means the same to the supervisor that adopts it. It stands still in suspend. */

import type { Clock } from '../actors/ports.ts';

/** The longest delay that Node's timers accept; a longer one fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

interface Alarm {
  timer: NodeJS.Timeout | undefined;
  immediate: NodeJS.Immediate | undefined;
}

/** Milliseconds since the machine booted, to the microsecond. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + Math.floor(nanoseconds / 1000) / 1000;
}

/** A timer fires at its deadline or after it, never before; one of 0 fires in this turn of the loop. */
export function createClock(): Clock {
  const wait = (alarm: Alarm, call: () => void, deadline: number): void => {
    const remaining = deadline - monotonicMs();
    if (remaining <= 0) {
      alarm.immediate = setImmediate(call);
      return;
    }
    // Node counts whole milliseconds from a loop time it rounds down, so a timer may come early: look again.
    const again = () => (monotonicMs() >= deadline ? call() : wait(alarm, call, deadline));
    alarm.timer = setTimeout(again, Math.min(Math.ceil(remaining), LONGEST_MS));
  };
  return {
    now: monotonicMs,
    setTimeout: (call, delayMs) => {
      const alarm: Alarm = { timer: undefined, immediate: undefined };
      wait(alarm, call, monotonicMs() + delayMs);
      return alarm;
    },
    clearTimeout: (handle) => {
      const { timer, immediate } = handle as Alarm;
      clearTimeout(timer);
      if (immediate !== undefined) clearImmediate(immediate);
    },
  };
}
