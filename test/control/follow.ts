/** Follows the device by its own stream of events (`/v1/events`), so that a test can wait for what its request sets off. */

import type { Socket } from 'node:net';
import { dial, type Reach } from './client.ts';

export interface Follower {
  readonly socket: Socket;
  /** How many status changes have been told so far: a place to wait from. */
  readonly mark: number;
  /** Resolves when the container has gone through these statuses, one after the other, others in between or not. */
  went(container: string, statuses: readonly string[], since?: number): Promise<void>;
  close(): void;
}

export function followEvents(reach: Reach): Follower {
  const told: { readonly name: string; readonly status: string }[] = [];
  const waiting = new Set<() => void>();
  const socket: Socket = dial(reach, 'host');
  socket.write('GET /v1/events?since=start HTTP/1.0\r\n\r\n');
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const blocks = `${rest}${text}`.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^event: container\ndata: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) told.push(JSON.parse(data) as { name: string; status: string });
    }
    for (const look of waiting) look();
  });
  // The device goes away before its followers do.
  socket.on('error', () => undefined);
  return {
    socket,
    get mark() {
      return told.length;
    },
    went: (container, statuses, since = 0) =>
      new Promise((resolve) => {
        const look = () => {
          let next = 0;
          for (const { name, status } of told.slice(since)) {
            if (name === container && status === statuses[next]) next += 1;
          }
          if (next < statuses.length) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: () => socket.destroy(),
  };
}
