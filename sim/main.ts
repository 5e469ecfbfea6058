/** What `statevisor sim` does: read the file, run it at the wanted speed, print what happens and the verdict.
 *  The only file of the simulator that knows files, the terminal and the wall clock. */

import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { parseState } from '../machines/domain/state-json.ts';
import type { Pace } from './clock.ts';
import { bootOf } from './default-scenario.ts';
import { heading, type Paint, problemLine, subjectWidth, timelineLine, verdict } from './print.ts';
import { runScenario } from './run.ts';
import { type ReadScenario, readScenario } from './scenario.ts';

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
}

/** Resolves to the exit code: 0 every expectation held, 1 one did not, 3 the file cannot be read, 8 it is not a valid
 *  scenario or state. */
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
  if (!read.ok) {
    for (const problem of read.problems) err.write(`${problemLine(file, problem)}\n`);
    return 8;
  }
  const { scenario } = read;
  const { title, lesson } = scenario;
  const paint = painter(out.isTTY === true && input.noColour !== true);
  const width = subjectWidth(scenario);
  const page = new Page(out, speed === 'max' ? PAGE_CHARACTERS : 0);
  const line = (value: object): void => page.add(`${JSON.stringify(value)}\n`);

  if (json) line({ type: 'scenario', title, lesson, seed });
  else page.add(`${heading(scenario, paint)}\n`);
  const result = await runScenario(scenario, {
    seed,
    pace: pacer(speed),
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

async function readInput(file: string, text: string): Promise<ReadScenario> {
  if (!isState(text)) return readScenario(text, (path) => readFile(resolve(dirname(file), path), 'utf8'));
  const parsed = parseState(text);
  return parsed.ok ? { ok: true, scenario: bootOf(parsed.revision, `Boot of ${basename(file)}`) } : parsed;
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

function painter(coloured: boolean): Paint {
  return coloured ? (colour, text) => styleText(colour, text, { validateStream: false }) : (_, text) => text;
}
