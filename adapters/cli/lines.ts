/** One line per change, for pipes and log files: seconds since the start, what, its name, what became of it. */

import { describeFault } from '../../machines/domain/fault.ts';
import { describeExit } from '../../machines/domain/recovery.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import type { Paint } from './output.ts';

/** A line with its newline. `begunAt`: monotonic ms. */
export function announcementLine(announcement: Announcement, begunAt: number, paint: Paint): string {
  const time = ((announcement.at - begunAt) / 1000).toFixed(3).padStart(9);
  return `${paint('dim', time)}  ${text(announcement, paint)}\n`;
}

function text(announcement: Announcement, paint: Paint): string {
  switch (announcement.type) {
    case 'container':
      return `container  ${containerText(announcement, paint)}`;
    case 'group':
      return `group      ${announcement.name}: ${announcement.status}, goal ${announcement.goal}`;
    case 'revision':
      return paint('bold', `revision   ${announcement.status}, goal ${announcement.goal}`);
    case 'failure':
      return paint('red', `failure    ${announcement.container}: ${describeFault(announcement.fault)}`);
    case 'device':
      return paint('bold', `device     ${announcement.phase}`);
    default:
      return announcement satisfies never;
  }
}

function containerText(change: Extract<Announcement, { type: 'container' }>, paint: Paint): string {
  const { record, from, at } = change;
  const { name, status, pid, retries, retryAt, lastExit, stopReason } = record;
  const ended = status === 'STOPPED' || status === 'RECOVERING';
  const details = [
    status === 'STARTED' && pid !== undefined ? `pid ${pid}` : undefined,
    ended && lastExit !== undefined ? describeExit(lastExit) : undefined,
    status === 'STOPPED' && stopReason !== undefined ? `because: ${stopReason}` : undefined,
    retryAt === undefined ? undefined : `retry ${retries} in ${((retryAt - at) / 1000).toFixed(1)} s`,
  ].filter((detail) => detail !== undefined);
  const move = from === undefined || from === status ? status : `${from} → ${status}`;
  const colour = status === 'READY' ? 'green' : status === 'RECOVERING' ? 'yellow' : undefined;
  const shown = colour === undefined ? move : paint(colour, move);
  return `${name}: ${shown}${details.length === 0 ? '' : `, ${details.join(', ')}`}`;
}
