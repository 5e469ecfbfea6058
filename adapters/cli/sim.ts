/** `statevisor sim`: the same charts on a simulated device, in virtual time. */

import { type Speed, simulate } from '../../sim/main.ts';
import { UsageError } from '../settings.ts';
import type { Terminal } from './output.ts';

export interface SimFlags {
  readonly seed?: string;
  readonly speed?: string;
  readonly json?: boolean;
}

const SPEEDS: readonly Speed[] = ['1', '60', 'max'];

/** 0 every expectation held · 1 one did not · 3 the file cannot be read · 8 the file is no valid scenario or state. @throws UsageError */
export async function sim(
  file: string,
  flags: SimFlags,
  { out, err, environment }: Terminal,
): Promise<number> {
  const speed = SPEEDS.find((candidate) => candidate === (flags.speed ?? 'max'));
  if (speed === undefined) throw new UsageError(`--speed is one of ${SPEEDS.join(', ')}`);
  const seed = flags.seed === undefined ? undefined : Number(flags.seed);
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new UsageError('--seed is a whole number, 0 or more');
  }
  const noColour = (environment['NO_COLOR'] ?? '') !== '';
  return simulate({ file, seed, speed, json: flags.json ?? false, out, err, noColour });
}
