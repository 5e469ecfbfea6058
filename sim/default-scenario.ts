/** What a plain state JSON is simulated as: one boot on a host where everything goes well, at a device's pace. */

import type { Revision } from '../machines/domain/revision.ts';
import type { Scenario } from './scenario.ts';

/** Measured on a small computer: mounts of one container, a start of LXC until init is alive, a service's own start. */
const MOUNT_MS = 4;
const START_MS = 33;
const READY_AFTER_MS = 2_000;

/** `text` is the state JSON of the revision. */
export function bootOf(revision: Revision, text: string, title: string): Scenario {
  return {
    title,
    lesson: `One boot of ${revision.containers.length} containers on a host where everything goes well.`,
    revision,
    text,
    storage: undefined,
    defaultGoalTimeoutMs: 120_000,
    conduct: {
      everyContainer: { mount: MOUNT_MS, start: START_MS },
      containers: new Map(
        revision.containers
          .filter(({ statusGoal }) => statusGoal === 'READY')
          .map(({ name }) => [name, { readyAfter: READY_AFTER_MS }]),
      ),
    },
    device: {},
    timeline: [],
    expect: [{ order: [], revision: { status: 'READY', goal: 'ACHIEVED' } }],
    untilMs: undefined,
  };
}
