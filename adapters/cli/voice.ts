/** How a run tells what happens: JSON lines, plain lines, or a live table on a terminal. */

import type { Announcement, RevisionView } from '../../machines/domain/report.ts';
import { announcementLine } from './lines.ts';
import { type Paint, painter, type Stream, type Terminal } from './output.ts';
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
  const lines = new Lines(out);
  return {
    tell: (announcement) => {
      if (json) lines.add(`${JSON.stringify(announcement)}\n`);
      else if (isNews(announcement)) lines.add(announcementLine(announcement, begunAt, paint));
    },
    aside: (text) => {
      lines.flush();
      err.write(text);
    },
    close: () => lines.flush(),
  };
}

/** People read what moved; a record that changed otherwise is for programs. */
function isNews(announcement: Announcement): boolean {
  return announcement.type !== 'container' || announcement.from !== announcement.record.status;
}

/** Lines of one turn of the event loop in one write: each write of its own would hold up the starts of a boot. */
class Lines {
  readonly #out: Stream;
  #waiting: string[] = [];

  constructor(out: Stream) {
    this.#out = out;
  }

  add(line: string): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(line);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#out.write(this.#waiting.join(''));
    this.#waiting = [];
  }
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
