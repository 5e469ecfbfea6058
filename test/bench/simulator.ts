/** How fast the simulator is: many containers from nothing to READY, on fakes that answer at once. */

import { createSupervisor } from '../../actors/supervisor.ts';
import { quiesce, VirtualClock } from '../../sim/clock.ts';
import { createFakeHost } from '../../sim/host.ts';
import { containerSpec, revisionOf } from '../support/revision.ts';

export interface SimulatorFigure {
  /** Wall-clock time from an empty device to all READY, in ms. */
  readonly ms: number;
  /** Announcements told on the way. */
  readonly events: number;
}

/** Boots `containers` in `groups` equal groups, goal READY. @throws Error when the revision does not become READY */
export async function measureSimulator(containers: number, groups: number): Promise<SimulatorFigure> {
  const names = Array.from({ length: groups }, (_, i) => `g${i}`);
  const { groups: specs } = revisionOf(Object.fromEntries(names.map((name) => [name, { containers: {} }])));
  const revision = {
    ...revisionOf({}),
    groups: specs,
    containers: Array.from({ length: containers }, (_, i) =>
      containerSpec(`c${i}`, `g${Math.floor((i * groups) / containers)}`, { statusGoal: 'READY' }),
    ),
  };
  const clock = new VirtualClock();
  const host = createFakeHost({
    clock,
    decide: (operation) => (operation === 'start' ? { latencyMs: 33, readyAfterMs: 100 } : {}),
  });
  let events = 0;
  const crashes: unknown[] = [];
  const begun = performance.now();
  const { ports } = host.attach((name) => supervisor.send({ type: 'signal.ready', name }));
  const supervisor = await createSupervisor(ports, {
    revision,
    defaultGoalTimeoutMs: 120_000,
    listen: () => {
      events += 1;
    },
    crashed: (error) => crashes.push(error),
  });
  supervisor.start();
  await quiesce(clock);
  const ms = performance.now() - begun;
  const { status, goal } = supervisor.view();
  if (status !== 'READY' || goal !== 'ACHIEVED' || crashes.length > 0 || host.alive.length !== containers) {
    throw new Error(`${containers} containers in ${groups} groups end ${status}, goal ${goal}`, {
      cause: crashes[0],
    });
  }
  return { ms, events };
}
