/** `GET /v1/events`: every announcement as a server-sent event, with its id. A client that comes back names the
 *  last id it has, in `Last-Event-ID` or `?since=`, and gets what it missed; when that is gone, an event `gap` first.
 *  `?since=start` asks for all that is kept.
 *
 *  Nothing is queued for a slow client: it is handed what it missed from the stream's own ring when it reads again. */

import { Readable } from 'node:stream';
import type { DeviceEvent, Events } from '../../../actors/control-ports.ts';
import { eventDocument } from '../../../machines/domain/status-document.ts';
import type { Call, Reply, Route } from '../route.ts';

export const eventRoutes: readonly Route[] = [{ method: 'GET', path: '/v1/events', handle: follow }];

function follow({ control, request, query }: Call): Reply {
  const header = request.headers['last-event-id'];
  const asked = query.get('since') ?? (typeof header === 'string' ? header : undefined);
  return { status: 200, type: 'text/event-stream', body: new EventText(control.events, asked) };
}

class EventText extends Readable {
  readonly #events: Events;
  readonly #unsubscribe: () => void;
  /** Id of the last event that was written, or that the client has. */
  #sent: string;
  /** The client has taken all that was written. */
  #wanted = false;

  constructor(events: Events, asked: string | undefined) {
    super({ highWaterMark: 64 * 1024 });
    this.#events = events;
    this.#sent = asked === 'start' ? events.oldest : (asked ?? events.last);
    this.#unsubscribe = events.subscribe(() => this.#write());
    // The head goes out at once, whether or not anything happens.
    this.push(': events of the device\n\n');
  }

  override _read(): void {
    this.#wanted = true;
    this.#write();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#unsubscribe();
    done(error);
  }

  #write(): void {
    if (!this.#wanted) return;
    const missed = this.#events.since(this.#sent);
    if (missed === undefined) {
      this.#sent = this.#events.last;
      this.#wanted = this.push(gapText(this.#sent));
      return;
    }
    const newest = missed.at(-1);
    if (newest === undefined) return;
    this.#sent = newest.id;
    this.#wanted = this.push(missed.map(eventText).join(''));
  }
}

function eventText({ id, announcement }: DeviceEvent): string {
  return `id: ${id}\nevent: ${announcement.type}\ndata: ${JSON.stringify(eventDocument(announcement))}\n\n`;
}

/** Read `/v1/status` anew: what happened up to `last` is not told. */
function gapText(last: string): string {
  return `id: ${last}\nevent: gap\ndata: ${JSON.stringify({ last_event_id: last })}\n\n`;
}
