/** Seconds on the command line. */

import { UsageError } from '../../settings.ts';

/** In ms. @throws UsageError naming the option */
export function secondsOf(option: string, text: string): number {
  const seconds = Number(text);
  // What Node's timers can count.
  if (/^\d+(\.\d+)?$/.test(text) && seconds * 1000 < 2 ** 31) return seconds * 1000;
  throw new UsageError(`${option} takes a number of seconds, 0 or more, not ${JSON.stringify(text)}`);
}
