/** What `statevisor sim` does: read the file, run it at the wanted speed, print what happens and the verdict.
 *  The only file of the simulator that knows files, the terminal and the wall clock. */

import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import type { Problem } from '../machines/domain/problem.ts';
import { parseState } from '../machines/domain/state-json.ts';
import type { Pace } from './clock.ts';
import { bootOf } from './default-scenario.ts';
import type { Wall } from './live-clock.ts';
import { heading, type Paint, problemLine, subjectWidth, timelineLine, verdict } from './print.ts';
import { type RunOptions, type RunResult, runScenario } from './run.ts';
import { type ReadScenario, readScenario, type Scenario } from './scenario.ts';
import type { OpenDoors } from './served.ts';

export type Speed = '1' | '60' | 'max';

/** Where text goes; a terminal gets colours. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface SimulateInput {
  /** A scenario, YAML or JSON, or a plain state JSON. */
  readonly file: string;
  readonly seed?: number | undefined;
  /** Seconds of virtual time in a second; `max` does not wait at all. */
  readonly speed: Speed;
  /** One JSON object a line: scenario, every trace entry, every check, result. */
  readonly json: boolean;
  readonly out: TextSink;
  readonly err: TextSink;
  /** Set in the environment: no colours. */
  readonly noColour?: boolean;
  /** Lets clients at the device; it then runs in step with the wall clock, and goes on until it is told to stop. */
  readonly serve?: Serving | undefined;
}

export interface Serving {
  readonly openDoors: OpenDoors;
  /** Of this program. */
  readonly version: string;
  /** Ends the run. */
  readonly until: AbortSignal;
}

/** Resolves to the exit code: 0 every expectation held, or clients were served until the end; 1 an expectation did not
 *  hold, 3 the file cannot be read, 8 it is not a valid scenario or state. Rejects when doors cannot be opened. */
export async function simulate(input: SimulateInput): Promise<number> {
  const { file, seed, speed, json, out, err } = input;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    err.write(`statevisor: cannot read ${file}: ${reasonOf(error)}. Name a scenario or a state JSON\n`);
    return 3;
  }
  const read = await readInput(file, text);
  if (!read.ok) for (const problem of read.problems) err.write(`${problemLine(file, problem)}\n`);
  for (const warning of read.warnings) err.write(`${warningLine(file, warning)}\n`);
  if (!read.ok) return 8;
  const { scenario } = read;
  const { title, lesson } = scenario;
  const paint = painter(out.isTTY === true && input.noColour !== true);
  const width = subjectWidth(scenario);
  const page = new Page(out, speed === 'max' && input.serve === undefined ? PAGE_CHARACTERS : 0);
  const line = (value: object): void => page.add(`${JSON.stringify(value)}\n`);

  if (json) line({ type: 'scenario', title, lesson, seed });
  else page.add(`${heading(scenario, paint)}\n`);
  const result = await play(scenario, input, {
    seed,
    tell: (entry) =>
      json ? line({ type: 'entry', ...entry }) : page.add(`${timelineLine(entry, width, paint)}\n`),
  });
  const { passed, checks, endedAtMs } = result;
  if (json) {
    for (const check of checks) line({ type: 'check', ...check });
    line({ type: 'result', passed, endedAtMs });
  } else page.add(verdict(result, paint));
  page.flush();
  return passed ? 0 : 1;
}

async function play(
  scenario: Scenario,
  { speed, serve }: SimulateInput,
  options: Pick<RunOptions, 'seed' | 'tell'>,
): Promise<RunResult> {
  if (serve === undefined) return runScenario(scenario, { ...options, pace: pacer(speed) });
  // Most simulations need none of what stands behind a socket.
  const { runLive } = await import('./live.ts');
  const wall = wallClock(speed === 'max' ? 1 : Number(speed));
  return runLive(scenario, { ...options, ...serve, wall, begunAt: Date.now() });
}

const PAGE_CHARACTERS = 64 * 1024;

/** Lines in few writes: each costs more than the steps that it tells of. */
class Page {
  readonly #out: TextSink;
  readonly #size: number;
  #text = '';

  constructor(out: TextSink, size: number) {
    this.#out = out;
    this.#size = size;
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length > this.#size) this.flush();
  }

  flush(): void {
    this.#out.write(this.#text);
    this.#text = '';
  }
}

/** `warnings`: what a state JSON has that is accepted with a fallback. */
type Input = ReadScenario & { readonly warnings: readonly Problem[] };

async function readInput(file: string, text: string): Promise<Input> {
  if (!isState(text)) {
    const read = await readScenario(text, (path) => readFile(resolve(dirname(file), path), 'utf8'));
    return { ...read, warnings: [] };
  }
  const parsed = parseState(text);
  if (!parsed.ok) return parsed;
  const { revision, warnings } = parsed;
  return { ok: true, scenario: bootOf(revision, text, `Boot of ${basename(file)}`), warnings };
}

/** As `statevisor check` prints it. */
function warningLine(file: string, { path, line, column, reason, fix, spec }: Problem): string {
  return `${file}:${line}:${column}: warning: ${path}: ${reason}. ${fix} (${spec})`;
}

/** A state JSON names its format at the top, which a scenario never does. */
function isState(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && '#spec' in value;
  } catch {
    // YAML, or JSON with a slip in it: the reader of states or of scenarios says where.
    return text.trimStart().startsWith('{') && text.includes('"#spec"');
  }
}

/** The system's name of the error where it has one. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

/** Virtual time runs `speed` times as fast as the wall clock, from the first deadline on. */
function pacer(speed: Speed): Pace | undefined {
  if (speed === 'max') return undefined;
  const begunAt = performance.now();
  return async (at) => {
    const leftMs = begunAt + at / Number(speed) - performance.now();
    if (leftMs > 0) await sleep(leftMs);
  };
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

function wallClock(speed: number): Wall {
  const begunAt = performance.now();
  const elapsedMs = () => (performance.now() - begunAt) * speed;
  return {
    elapsedMs,
    alarm: (atMs, call) => {
      const leftMs = Math.ceil(Math.max(0, atMs - elapsedMs()) / speed);
      const timer = setTimeout(call, Math.min(leftMs, LONGEST_TIMER_MS));
      return () => clearTimeout(timer);
    },
  };
}

function painter(coloured: boolean): Paint {
  return coloured ? (colour, text) => styleText(colour, text, { validateStream: false }) : (_, text) => text;
}
