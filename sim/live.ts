/** Plays a scenario in step with the wall clock while clients call, and goes on when its timeline is over. What clients do
 *  changes what happens, so what the scenario expects is not looked at; what holds after every run is. */

import type { Departure } from './life.ts';
import { LiveClock, type Wall } from './live-clock.ts';
import { createRandom } from './random.ts';
import { type RunOptions, type RunResult, storeParts } from './run.ts';
import type { Scenario } from './scenario.ts';
import { emptyStorage } from './scenario-revisions.ts';
import { createSurroundings, type OpenDoors } from './served.ts';
import { Stage } from './stage.ts';
import { Trace } from './trace.ts';

export interface LiveOptions extends Omit<RunOptions, 'pace'> {
  readonly wall: Wall;
  readonly openDoors: OpenDoors;
  /** Of this program. */
  readonly version: string;
  /** Milliseconds since 1970, now. */
  readonly begunAt: number;
  /** Ends the run; so does a device that switches itself off. */
  readonly until: AbortSignal;
}

/** A reboot plays as a power cycle. Rejects when a door of the host cannot be opened. */
export async function runLive(given: Scenario, options: LiveOptions): Promise<RunResult> {
  // Clients may bring revisions to any device.
  const { storage = emptyStorage(given.defaultGoalTimeoutMs) } = given;
  const scenario: Scenario = { ...given, storage };
  const { seed, tell, wall, until } = options;
  const random = createRandom(seed ?? 0);
  const clock = new LiveClock(wall, seed === undefined ? {} : { tieBreak: random.next });
  const trace = new Trace(tell);
  const departure: { way?: Departure } = {};
  const departed = (way: Departure): void => {
    departure.way = way;
    clock.wake();
  };
  const surroundings = createSurroundings({ ...options, scenario, clock, trace });
  const stage = new Stage({
    scenario,
    clock,
    trace,
    random,
    surroundings,
    departed,
    ...(await storeParts(scenario)),
  });

  const over = () => until.aborted || departure.way === 'powerOff';
  const passTo = async (atMs: number): Promise<void> => {
    for (;;) {
      await clock.keepStep(atMs, () => !until.aborted && departure.way === undefined);
      if (departure.way === undefined || until.aborted) return;
      // Whoever asked for it gets the answer first.
      await clock.turn();
      if (departure.way === 'powerOff') return;
      delete departure.way;
      await stage.powerCycle();
    }
  };
  const stop = () => clock.wake();
  until.addEventListener('abort', stop);
  try {
    await stage.powerUp();
    for (const happening of scenario.timeline) {
      if (happening.atMs > (scenario.untilMs ?? Number.POSITIVE_INFINITY)) break;
      await passTo(happening.atMs);
      if (over()) break;
      await stage.perform(happening);
    }
    if (!over()) await passTo(Number.POSITIVE_INFINITY);
  } finally {
    until.removeEventListener('abort', stop);
    await stage.close();
  }
  const { host } = stage;
  const checks = stage.checks.filter(({ atMs }) => atMs === undefined);
  return {
    passed: checks.every(({ ok }) => ok),
    checks,
    trace: trace.entries,
    host,
    endedAtMs: clock.now(),
  };
}
