/** Runs a scenario: the real charts on a fake host in virtual time. The same seed gives the same trace.
 *
 *  At one instant, first what is due comes about, then the scenario's happenings in the order of the file, each with
 *  all that follows from it at once, then the expectations are looked at. */

import { advance, type Pace, quiesce, VirtualClock } from './clock.ts';
import type { Check } from './expect.ts';
import type { FakeHost } from './host.ts';
import type { Departure } from './life.ts';
import { createRandom } from './random.ts';
import type { Scenario } from './scenario.ts';
import { Stage, type StageInput } from './stage.ts';
import { Trace, type TraceEntry } from './trace.ts';

/** How long a scenario without `until` may go on after its last happening; it ends earlier when all is at rest. */
export const LONGEST_REST_MS = 600_000;

/** From the moment a device is asked to reboot, or without power, until the next supervisor begins. */
export const BOOT_MS = 2_000;

export interface RunOptions {
  /** Breaks ties between timers of one instant and draws from ranges. Undefined: ties in arming order. */
  readonly seed?: number | undefined;
  /** Waits for the wall clock; as fast as possible unless given. */
  readonly pace?: Pace | undefined;
  readonly tell?: (entry: TraceEntry) => void;
}

export interface RunResult {
  /** Every check holds, reality was respected, and no chart broke. */
  readonly passed: boolean;
  readonly checks: readonly Check[];
  readonly trace: readonly TraceEntry[];
  readonly host: FakeHost;
  readonly endedAtMs: number;
}

export async function runScenario(
  scenario: Scenario,
  { seed, pace, tell }: RunOptions = {},
): Promise<RunResult> {
  const random = createRandom(seed ?? 0);
  const clock = new VirtualClock(seed === undefined ? {} : { tieBreak: random.next });
  const trace = new Trace(tell);
  const stage: Stage = new Stage({
    scenario,
    clock,
    trace,
    random,
    ...(await storeParts(scenario)),
    // Without a store, a scenario ends with the reboot that it is about.
    ...(scenario.storage !== undefined && { departed: (way) => bootAgain(stage, clock, way) }),
  });
  await stage.powerUp();
  for (const atMs of instants(scenario)) {
    await advance(clock, atMs, pace);
    for (const happening of scenario.timeline) {
      if (happening.atMs !== atMs) continue;
      await stage.perform(happening);
      await advance(clock, atMs);
    }
    for (const expectation of scenario.expect) if (expectation.at === atMs) stage.check(expectation);
  }
  if (scenario.untilMs === undefined) await quiesce(clock, clock.now() + LONGEST_REST_MS, pace);
  for (const expectation of scenario.expect) if (expectation.at === undefined) stage.check(expectation);
  await stage.close();
  const { checks, host } = stage;
  return {
    passed: checks.every(({ ok }) => ok),
    checks,
    trace: trace.entries,
    host,
    endedAtMs: clock.now(),
  };
}

/** As a boot loader would. Whoever asks for it is in the middle of something. */
function bootAgain(stage: Stage, clock: VirtualClock, way: Departure): void {
  if (way === 'powerOff') return;
  const { boots } = stage;
  const later = (work: () => Promise<void>, delayMs: number) =>
    clock.setTimeout(() => {
      if (stage.boots === boots) work().catch(stage.bug);
    }, delayMs);
  if (way === 'powerLoss') later(() => stage.powerDown(), 0);
  later(() => stage.powerCycle(), BOOT_MS);
}

/** Most scenarios need no store. */
export async function storeParts({ storage }: Scenario): Promise<Pick<StageInput, 'createRevisionDevice'>> {
  if (storage === undefined) return {};
  const { RevisionDevice } = await import('./revision-device.ts');
  return { createRevisionDevice: (options) => new RevisionDevice(options) };
}

/** The times at which a run must pause to do or to look, in order; nothing later than `until`. */
function instants({ timeline, expect, untilMs }: Scenario): number[] {
  const wanted = [...timeline.map(({ atMs }) => atMs), ...expect.flatMap(({ at }) => at ?? []), untilMs ?? 0];
  const last = untilMs ?? Number.POSITIVE_INFINITY;
  return [...new Set(wanted)].filter((at) => at <= last).toSorted((one, other) => one - other);
}
