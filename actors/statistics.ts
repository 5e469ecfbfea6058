/** What is counted over a supervisor's life, for the metrics: starts, exits, how long the boot took. */

import type { Announcement } from '../machines/domain/report.ts';
import type { Status } from '../machines/domain/status.ts';
import type { ContainerCounts, Statistics } from './control-ports.ts';

export interface StatisticsKeeper extends Statistics {
  tell(announcement: Announcement): void;
}

/** @param begunAt when the supervisor began, monotonic ms */
export function createStatistics(begunAt: number): StatisticsKeeper {
  const containers = new Map<string, ContainerCounts>();
  const state: { bootMs: number | undefined } = { bootMs: undefined };
  const add = (name: string, { starts, exits }: ContainerCounts) => {
    const before = containers.get(name) ?? { starts: 0, exits: 0 };
    containers.set(name, { starts: before.starts + starts, exits: before.exits + exits });
  };
  return {
    containers,
    get bootMs() {
      return state.bootMs;
    },
    tell(announcement) {
      if (announcement.type === 'revision' && announcement.goal !== 'UNACHIEVED') {
        state.bootMs ??= announcement.at - begunAt;
      }
      if (announcement.type !== 'container' || announcement.from === announcement.record.status) return;
      const { name, status } = announcement.record;
      if (status === 'STARTING') add(name, { starts: 1, exits: 0 });
      if (hasProcess(announcement.from) && !hasProcess(status)) add(name, { starts: 0, exits: 1 });
    },
  };
}

function hasProcess(status: Status | undefined): boolean {
  return status !== undefined && ['STARTING', 'STARTED', 'READY', 'STOPPING'].includes(status);
}
