/** What is wrong with a scenario file, where, and what to do: collected while reading, told all at once. */

import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { STATUSES } from '../machines/domain/status.ts';
import { nearest } from './nearest.ts';

export interface ScenarioProblem {
  /** `expect[0].containers.web`; empty for the file as a whole. */
  readonly path: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly fix: string;
}

type Path = readonly PropertyKey[];

/** The data of a YAML or JSON text; syntax errors are problems already. */
export function openDocument(text: string): { data: unknown; problems: ProblemList } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = new ProblemList(document, lines);
  for (const { message, pos } of document.errors)
    problems.addAt(pos[0], '', message, 'Correct the YAML there');
  return { data: problems.any ? undefined : document.toJS(), problems };
}

export class ProblemList {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #problems: ScenarioProblem[] = [];

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  get any(): boolean {
    return this.#problems.length > 0;
  }

  /** In document order. */
  get all(): readonly ScenarioProblem[] {
    return this.#problems.toSorted((one, other) => one.line - other.line || one.column - other.column);
  }

  add(path: Path, reason: string, fix: string): void {
    this.addAt(this.#offset(path), showPath(path), reason, fix);
  }

  addAt(offset: number, path: string, reason: string, fix: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#problems.push({ path, line, column: col, reason, fix });
  }

  checkName(
    path: Path,
    kind: 'container' | 'group' | 'revision' | 'object',
    name: string,
    known: readonly string[],
  ): void {
    if (known.includes(name)) return;
    this.add(path, `there is no ${kind} "${name}"`, suggest(name, known));
  }

  checkStatus(path: Path, status: string): void {
    if (STATUSES.some((known) => known === status)) return;
    this.add(path, `there is no status "${status}"`, suggest(status, STATUSES));
  }

  addIssues(issues: readonly z.core.$ZodIssue[]): void {
    for (const issue of issues) this.#addIssue(issue);
  }

  #addIssue(issue: z.core.$ZodIssue): void {
    const { path } = issue;
    if (issue.code === 'unrecognized_keys') {
      // The schema's message is the list of the known keys.
      for (const key of issue.keys) {
        this.add([...path, key], `unknown key "${key}"`, suggest(key, issue.message.split(' ')));
      }
      return;
    }
    const found = this.#found(path);
    if (found === undefined && path.length > 0) {
      this.add(path, `${String(path.at(-1))} is missing`, 'Add it; sim/README.md shows every key');
    } else if (issue.code === 'invalid_value') {
      const known = issue.values.map(String);
      this.add(path, `${show(found)} is none of ${known.join(', ')}`, suggest(String(found), known));
    } else {
      this.add(path, `${wanted(issue.message)}, not ${show(found)}`, 'sim/README.md shows how it is written');
    }
  }

  /** The value at `path`. A plain value also stands for the first key of the object that it abbreviates. */
  #found(path: Path): unknown {
    const value = this.#document.getIn(path);
    if (value !== undefined || path.length === 0) return value;
    const owner = this.#document.getIn(path.slice(0, -1));
    return isNode(owner) ? undefined : owner;
  }

  /** Where the value at `path` begins, or its key, or the nearest thing around it that exists. */
  #offset(path: Path): number {
    let node: unknown = this.#document.contents;
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        if (pair === undefined) break;
        if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
        node = pair.value;
      } else if (isSeq(node) && typeof step === 'number') {
        node = node.items[step];
        if (isNode(node)) offset = node.range?.[0] ?? offset;
      } else break;
    }
    return offset;
  }
}

function suggest(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? `Known are ${known.join(', ')}` : `Did you mean "${meant}"?`;
}

/** `Invalid input: expected string, received undefined` → `expected string`. */
function wanted(message: string): string {
  return message.replace(/^Invalid (?:input|option): /, '').replace(/, received .*$/, '');
}

function show(value: unknown): string {
  return isNode(value) ? JSON.stringify(value.toJSON()) : (JSON.stringify(value) ?? 'nothing');
}

function showPath(path: Path): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('');
}
