/** One stream of announcements out of the lives of many supervisors: a container that runs on is not told anew, and where
 *  it did change meanwhile the change is told from what was told last. */

import type { ContainerRecord } from '../machines/domain/record.ts';
import type { Announcement } from '../machines/domain/report.ts';

export interface Retelling {
  tell(announcement: Announcement): void;
}

export function createRetelling(listen: (announcement: Announcement) => void): Retelling {
  const containers = new Map<string, ContainerRecord>();
  const joint = new Map<string, string>();
  /** False when it says what was said last. */
  const isNews = (key: string, said: string): boolean => {
    const repeated = joint.get(key) === said;
    joint.set(key, said);
    return !repeated;
  };
  return {
    tell: (announcement) => {
      switch (announcement.type) {
        case 'container': {
          const { record, from } = announcement;
          const last = containers.get(record.name);
          containers.set(record.name, record);
          if (from !== undefined || last === undefined) listen(announcement);
          else if (JSON.stringify(last) !== JSON.stringify(record))
            listen({ ...announcement, from: last.status });
          return;
        }
        case 'group':
          if (isNews(`group ${announcement.name}`, `${announcement.status} ${announcement.goal}`))
            listen(announcement);
          return;
        case 'revision':
          if (isNews('revision', `${announcement.status} ${announcement.goal}`)) listen(announcement);
          return;
        case 'device':
          if (isNews('device', announcement.phase)) listen(announcement);
          return;
        case 'failure':
          listen(announcement);
          return;
        default:
          announcement satisfies never;
      }
    },
  };
}
