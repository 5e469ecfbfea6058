/** One event of the stream as a line: when, what, its name, what became of it. */

import type { Paint } from '../output.ts';
import { duration } from '../table.ts';
import type { ClockDocument, ContainerEvent, EventDocument } from './documents.ts';

/** With its newline; empty for what moves nothing that people read. `clock` tells what time the events' clock shows. */
export function eventLine(type: string, document: EventDocument, clock: ClockDocument, paint: Paint): string {
  const text = textOf(document, paint);
  if (text === undefined) return '';
  const at = new Date(Date.parse(clock.time) + document.at_ms - clock.monotonic_ms);
  return `${paint('dim', at.toISOString())}  ${type.padEnd(9)}  ${text}\n`;
}

function textOf(document: EventDocument, paint: Paint): string | undefined {
  if ('from' in document) return containerText(document, paint);
  if ('fault' in document) return paint('red', `${document.name}: ${faultText(document.fault)}`);
  if ('phase' in document) return paint('bold', document.phase);
  const { status, goal } = document;
  return 'name' in document
    ? `${document.name}: ${status}, goal ${goal}`
    : paint('bold', `${status}, goal ${goal}`);
}

function faultText({ message, fix }: { readonly message: string; readonly fix: string | null }): string {
  return fix === null ? message : `${message}. ${fix}`;
}

function containerText(event: ContainerEvent, paint: Paint): string | undefined {
  const { name, from, status, pid, retries } = event;
  // Its record changed, its status did not.
  if (from === status) return undefined;
  const ended = status === 'STOPPED' || status === 'RECOVERING';
  const details = [
    status === 'STARTED' && pid !== null ? `pid ${pid}` : undefined,
    ended && event.last_exit !== null ? event.last_exit : undefined,
    status === 'STOPPED' && event.stop_reason !== null ? `because: ${event.stop_reason}` : undefined,
    event.retry_at_ms === null
      ? undefined
      : `retry ${retries} in ${duration(event.retry_at_ms - event.at_ms)}`,
  ].filter((detail) => detail !== undefined);
  const move = from === null ? `${status}` : `${from} → ${status}`;
  const colour = status === 'READY' ? 'green' : status === 'RECOVERING' ? 'yellow' : undefined;
  const shown = colour === undefined ? move : paint(colour, move);
  return `${name}: ${shown}${details.length === 0 ? '' : `, ${details.join(', ')}`}`;
}
