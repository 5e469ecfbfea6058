/** The stream of announcements with their numbers: the last ones are kept, so that who was away can catch up. */

import type { Announcement } from '../machines/domain/report.ts';
import type { DeviceEvent, Events } from './control-ports.ts';

/** Kept for those who come back; older ones are gone, and `since` says so. */
const KEPT = 1024;

export interface EventStream extends Events {
  tell(announcement: Announcement): void;
}

/** @param life names this supervisor's life: the numbers of another one mean nothing here */
export function createEvents(life: string): EventStream {
  /** A ring: number `n` stands at `n % KEPT`. */
  const ring: DeviceEvent[] = [];
  const listeners = new Set<(event: DeviceEvent) => void>();
  let count = 0;
  return {
    get last() {
      return `${life}-${count}`;
    },
    get oldest() {
      return `${life}-${Math.max(0, count - KEPT)}`;
    },
    since(id) {
      const number = numberOf(id, life);
      if (number === undefined || number > count || number < count - KEPT) return undefined;
      const events: DeviceEvent[] = [];
      for (let next = number + 1; next <= count; next += 1) {
        const event = ring[next % KEPT];
        if (event !== undefined) events.push(event);
      }
      return events;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(announcement) {
      count += 1;
      const event = { id: `${life}-${count}`, announcement };
      ring[count % KEPT] = event;
      for (const listener of listeners) listener(event);
    },
  };
}

function numberOf(id: string, life: string): number | undefined {
  const digits = id.startsWith(`${life}-`) ? id.slice(life.length + 1) : '';
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}
