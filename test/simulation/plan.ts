/** What one simulated life is made of, as plain data that fast-check can draw and shrink: a revision, a choice tape for
 *  the host, and a script of what people, power and bad luck do. `runner.ts` plays it. */

import fc from 'fast-check';
import type { GroupSpec, RecoveryPolicy, Revision, StatusGoal } from '../../machines/domain/revision.ts';
import { containerSpec, revisionOf } from '../support/revision.ts';

export interface ContainerSketch {
  readonly goal: StatusGoal;
  readonly controllable: boolean;
  readonly recovery: RecoveryPolicy | undefined;
  readonly drivers: 'none' | 'required' | 'optional' | 'optional absent' | 'required absent';
}

export interface GroupSketch {
  /** Undefined: the default of the device. */
  readonly timeoutMs: number | undefined;
  readonly containers: readonly ContainerSketch[];
}

export type Deed =
  /** `target` counts through the containers, round and round. */
  | { readonly kind: 'stop' | 'start' | 'restart' | 'ready'; readonly target: number }
  | { readonly kind: 'crash'; readonly target: number; readonly code: number }
  | { readonly kind: 'device.stop' | 'device.force' }
  /** `kill -9`, and the next supervisor `downMs` later. `afterWords` 0: now, between two events. Otherwise as soon as
   *  so many more announcements have become durable, in the midst of whatever is going on. */
  | { readonly kind: 'kill'; readonly afterWords: number; readonly downMs: number };

export interface Happening {
  /** Since the happening before. */
  readonly afterMs: number;
  readonly deed: Deed;
}

export interface Plan {
  readonly groups: readonly GroupSketch[];
  readonly tape: readonly number[];
  readonly script: readonly Happening[];
}

/** `PV_UPDATER_GOALS_TIMEOUT` of the simulated device. */
export const DEFAULT_TIMEOUT_MS = 20_000;

export function nameOf(group: number, place: number): string {
  return `g${group}c${place}`;
}

const DRIVERS = {
  none: { required: [], optional: [], manual: [] },
  required: { required: ['can'], optional: [], manual: [] },
  optional: { required: [], optional: ['can', 'leds'], manual: ['gps'] },
  'optional absent': { required: [], optional: ['gps'], manual: [] },
  'required absent': { required: ['gps'], optional: [], manual: [] },
} as const;

export function revisionFor({ groups }: Pick<Plan, 'groups'>): Revision {
  const { groups: specs } = revisionOf(
    Object.fromEntries(
      groups.map(({ timeoutMs }, i) => {
        const spec: Pick<GroupSpec, 'goalTimeoutMs'> = { goalTimeoutMs: timeoutMs };
        return [`g${i}`, { ...spec, containers: {} }];
      }),
    ),
  );
  const containers = groups.flatMap((group, i) =>
    group.containers.map(({ goal, controllable, recovery, drivers }, k) =>
      containerSpec(nameOf(i, k), `g${i}`, {
        statusGoal: goal,
        restartPolicy: controllable ? 'container' : 'system',
        recovery,
        drivers: DRIVERS[drivers],
      }),
    ),
  );
  const can = { scope: 'all', match: '', aliases: new Map([['can', ['can_dev', 'can_raw']]]) } as const;
  const leds = { scope: 'all', match: '', aliases: new Map([['leds', ['leds_gpio']]]) } as const;
  return { ...revisionOf({}), groups: specs, containers, driverSections: [can, leds] };
}

const recoveryPolicy: fc.Arbitrary<RecoveryPolicy> = fc.record({
  policy: fc.constantFrom('on-failure', 'always', 'unless-stopped', 'no'),
  maxRetries: fc.constantFrom(0, 1, 2, 3),
  retryDelayMs: fc.constantFrom(0, 1_000, 4_000),
  backoffFactor: fc.constantFrom(1, 2, 1.5),
  resetWindowMs: fc.constantFrom(0, 2_000, 30_000),
  stableTimeoutMs: fc.constantFrom(0, 3_000),
  backoff: fc.constantFrom<RecoveryPolicy['backoff'][]>(
    { kind: 'never' },
    { kind: 'wait', delayMs: 5_000 },
    { kind: 'wait', delayMs: 0 },
    { kind: 'reboot' },
  ),
});

const container: fc.Arbitrary<ContainerSketch> = fc.record({
  goal: fc.constantFrom('STARTED', 'READY', 'MOUNTED'),
  controllable: fc.constantFrom(true, true, true, false),
  recovery: fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 5, arbitrary: recoveryPolicy },
  ),
  drivers: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    { weight: 6, arbitrary: fc.constantFrom('required', 'optional', 'optional absent') },
    { weight: 1, arbitrary: fc.constant('required absent' as const) },
  ),
});

const group: fc.Arbitrary<GroupSketch> = fc.record({
  timeoutMs: fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 8_000 }) },
  ),
  containers: fc.oneof(
    { weight: 3, arbitrary: fc.array(container, { maxLength: 2 }) },
    { weight: 1, arbitrary: fc.array(container, { maxLength: 6 }) },
  ),
});

/** Choices as `decideFromTape` reads them: trouble in the low four bits, time above. */
function choice(troubles: readonly number[]): fc.Arbitrary<number> {
  return fc
    .tuple(fc.constantFrom(...troubles), fc.oneof(fc.constant(0), fc.nat(499)))
    .map(([trouble, ms]) => ms * 16 + trouble);
}

const CALM = [0];
const EXITS = [11, 12, 13];
const ALL = [11, 12, 13, 14, 15];

/** Lives in which little goes wrong go on for long; lives in which much does soon end in a reboot. Both are wanted. */
const tape: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(
    fc.oneof(
      { weight: 12, arbitrary: choice(CALM) },
      { weight: 5, arbitrary: choice(EXITS) },
      { weight: 1, arbitrary: choice(ALL) },
    ),
    { maxLength: 80 },
  ),
  fc.array(fc.oneof({ weight: 30, arbitrary: choice(CALM) }, { weight: 1, arbitrary: choice(ALL) }), {
    maxLength: 80,
  }),
);

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('stop', 'start', 'restart', 'ready'),
      target: fc.nat(29),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      target: fc.nat(29),
      code: fc.constantFrom(0, 7),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('kill' as const),
      afterWords: fc.oneof(fc.constant(0), fc.nat(25)),
      downMs: fc.constantFrom(0, 1, 300, 6_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('device.stop', 'device.stop', 'device.force') }),
  },
);

const happening: fc.Arbitrary<Happening> = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(9_000)),
  deed,
});

export const plan: fc.Arbitrary<Plan> = fc.record({
  groups: fc.array(group, { minLength: 1, maxLength: 5 }),
  tape,
  script: fc.array(happening, { maxLength: 14 }),
});
