/** How a run tells what happens: JSON lines, plain lines, or a live table on a terminal. */

import type { Announcement, RevisionView } from '../../machines/domain/report.ts';
import { announcementLine } from './lines.ts';
import { type Paint, painter, type Terminal } from './output.ts';
import type { LiveTable, Screen } from './table.ts';

export interface Voice {
  tell(announcement: Announcement): void;
  /** A line for stderr that does not tear the table. */
  aside(text: string): void;
  close(): void;
}

export interface VoiceOptions {
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly view: () => RevisionView;
  /** Monotonic ms. */
  readonly now: () => number;
}

export function openVoice(options: VoiceOptions): Voice {
  const { terminal, json, now } = options;
  const { out, err } = terminal;
  const paint = painter(out, terminal);
  if (!json && out.isTTY === true) return tableVoice(options, paint);
  const begunAt = now();
  return {
    tell: (announcement) => {
      out.write(json ? `${JSON.stringify(announcement)}\n` : announcementLine(announcement, begunAt, paint));
    },
    aside: (text) => {
      err.write(text);
    },
    close: () => undefined,
  };
}

/** Loading what draws takes as long as a mount, so the table comes when the first starts are under way. */
const FIRST_DRAWING_MS = 250;

function tableVoice({ terminal, view, now }: VoiceOptions, paint: Paint): Voice {
  const { out, err } = terminal;
  const begunAt = now();
  let table: LiveTable | undefined;
  let closed = false;
  const draw = async () => {
    const { openLiveTable } = await import('./table.ts');
    if (closed) return;
    table = openLiveTable(out as Screen, view, now, paint);
    table.refresh();
  };
  const first = setTimeout(() => void draw(), FIRST_DRAWING_MS);
  const above = (text: string) => {
    if (table !== undefined && err.isTTY === true) table.above(text);
    else err.write(text);
  };
  return {
    tell: (announcement) => {
      if (announcement.type === 'failure') above(announcementLine(announcement, begunAt, paint));
      table?.refresh();
    },
    aside: above,
    close: () => {
      closed = true;
      clearTimeout(first);
      table?.close();
    },
  };
}
