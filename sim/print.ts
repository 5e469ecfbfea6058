/** Lays a simulation out for people: the timeline as it comes, the verdict at the end. */

import { showTime } from './durations.ts';
import type { Check } from './expect.ts';
import type { RunResult } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { ScenarioProblem } from './scenario-problems.ts';
import type { TraceEntry } from './trace.ts';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** Colours a text, or leaves it alone. */
export type Paint = (colour: Colour, text: string) => string;

const COLOURS: Readonly<Partial<Record<TraceEntry['source'], Colour>>> = {
  host: 'dim',
  scenario: 'cyan',
  failure: 'red',
  violation: 'red',
  bug: 'red',
  device: 'bold',
  revision: 'bold',
};
const TIME_WIDTH = 12;
const SOURCE_WIDTH = 9;

export function heading({ title, lesson }: Scenario, paint: Paint): string {
  return `${paint('bold', title)}\n${lesson}\n`;
}

/** How wide the column of subjects must be. */
export function subjectWidth({ revision, storage }: Scenario): number {
  const revisions = [revision, ...Array.from(storage?.revisions.values() ?? [], (stored) => stored.revision)];
  const names = revisions.flatMap(({ containers, groups }) =>
    [...containers, ...groups].map(({ name }) => name.length),
  );
  return Math.min(24, Math.max(...names, 1));
}

export function timelineLine({ at, source, subject, text }: TraceEntry, width: number, paint: Paint): string {
  const time = showTime(at).padStart(TIME_WIDTH);
  const line = `${source.padEnd(SOURCE_WIDTH)}  ${subject.padEnd(width)}  ${text}`;
  const colour = COLOURS[source];
  return `${time}  ${colour === undefined ? line : paint(colour, line)}`;
}

export function verdict({ checks, passed, endedAtMs }: RunResult, paint: Paint): string {
  const width = Math.max(...checks.map(({ what }) => what.length));
  const held = checks.filter(({ ok }) => ok).length;
  const summary = `${held} of ${checks.length} expectations held in ${showTime(endedAtMs)} of virtual time`;
  return [
    '',
    ...checks.map((check) => checkLine(check, width, paint)),
    '',
    paint(passed ? 'green' : 'red', `${passed ? 'passed' : 'failed'}: ${summary}`),
    '',
  ].join('\n');
}

/** `crash.yaml:7:5: expect[0].container: unknown key "container". Did you mean "containers"?` */
export function problemLine(file: string, { path, line, column, reason, fix }: ScenarioProblem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${reason}. ${fix}`;
}

function checkLine({ atMs, ok, what, seen }: Check, width: number, paint: Paint): string {
  const time = (atMs === undefined ? 'at the end' : showTime(atMs)).padStart(TIME_WIDTH);
  const answer = ok ? paint('green', 'ok') : paint('red', `MISSED, seen: ${seen}`);
  return `${time}  ${what.padEnd(width)}  ${answer}`;
}
