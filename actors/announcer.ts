/** Callback actor: makes a change durable, then tells it. The one place where both happen, in this order. */

import { fromCallback } from 'xstate';
import type { Announcement } from '../machines/domain/report.ts';
import type { Journal } from './ports.ts';

export function announcer(journal: Journal, listen: (announcement: Announcement) => void) {
  return fromCallback<Announcement, undefined>(({ receive, sendBack }) => {
    let durable = true;
    receive((announcement) => {
      if (!durable) return;
      try {
        if (announcement.type === 'container') journal.write(announcement.record);
        listen(announcement);
      } catch (error) {
        // What is not durable must not be told, nor what comes after it: the supervisor ends, the next one adopts.
        durable = false;
        sendBack({ type: 'actor.crashed', actor: 'announcer', error });
      }
    });
  });
}
