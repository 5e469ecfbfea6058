/** What is wrong with a document, where, and what to do: collected while reading, told all at once.
 *  `Report` gathers findings in any order; `settle` puts them into document order with line and column. */

import type { JsonNode } from './json-node.ts';

/** path, reason and fix of everything refused, and of everything a fallback was used for. */
export interface Problem {
  /** JSON path, e.g. `$["lamp/run.json"].group`. */
  readonly path: string;
  /** Both from 1; columns count UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly fix: string;
  /** Section of the state format, and id where there is one: `§5.2, S-18`. */
  readonly spec: string;
}

/** More findings than this are counted, not told. */
export const MAX_PROBLEMS = 10_000;

type Step = string | number;

interface Finding {
  readonly offset: number;
  readonly node: JsonNode | undefined;
  /** A member of `node` that is absent, or was being read. */
  readonly step: Step | undefined;
  readonly reason: string;
  readonly fix: string;
  readonly spec: string;
}

interface Findings {
  readonly told: Finding[];
  /** How many were not kept. */
  more: number;
}

/** A value, or the place in an object where a key is missing. */
export type Where = JsonNode | { readonly node: JsonNode; readonly missing: string };

export class Report {
  readonly #problems: Findings = { told: [], more: 0 };
  readonly #warnings: Findings = { told: [], more: 0 };

  /** The document is refused (BADFORMAT). */
  problem(where: Where, spec: string, reason: string, fix: string): void {
    this.#add(this.#problems, where, spec, reason, fix);
  }

  /** The document is accepted with a fallback (WARN). */
  warn(where: Where, spec: string, reason: string, fix: string): void {
    this.#add(this.#warnings, where, spec, reason, fix);
  }

  /** A problem with the key of an object member rather than with its value. */
  keyProblem(node: JsonNode, spec: string, reason: string, fix: string): void {
    this.#push(this.#problems, { offset: node.keyStart, node, step: undefined, reason, fix, spec });
  }

  /** A problem at an offset, for a text that could not be read. */
  textProblem(finding: Finding): void {
    this.#push(this.#problems, finding);
  }

  /** Everything found in `text`, in document order. */
  settle(text: string): { problems: readonly Problem[]; warnings: readonly Problem[] } {
    return { problems: located(text, this.#problems), warnings: located(text, this.#warnings) };
  }

  #add(list: Findings, where: Where, spec: string, reason: string, fix: string): void {
    const [node, step] = 'missing' in where ? [where.node, where.missing] : [where, undefined];
    this.#push(list, { offset: node.start, node, step, reason, fix, spec });
  }

  #push(list: Findings, finding: Finding): void {
    if (list.told.length < MAX_PROBLEMS) list.told.push(finding);
    else list.more += 1;
  }
}

/** One pass over the text finds the lines of all offsets. */
function located(text: string, { told, more }: Findings): readonly Problem[] {
  let line = 1;
  let lineStart = 0;
  let nextBreak = text.indexOf('\n');
  const problems = told
    .toSorted((left, right) => left.offset - right.offset)
    .map(({ offset, node, step, reason, fix, spec }): Problem => {
      while (nextBreak !== -1 && nextBreak < offset) {
        line += 1;
        lineStart = nextBreak + 1;
        nextBreak = text.indexOf('\n', lineStart);
      }
      return { path: jsonPath(node, step), line, column: offset - lineStart + 1, reason, fix, spec };
    });
  if (more === 0) return problems;
  const reason = `${more} further findings of this kind are not shown`;
  return [
    ...problems,
    { path: '$', line: 1, column: 1, reason, fix: 'Mend those shown first', spec: '§1.3' },
  ];
}

/** `$["lamp/run.json"].volumes[0]` for a value, or for the member `step` of it. */
export function jsonPath(node: JsonNode | undefined, step?: Step): string {
  const steps: Step[] = step === undefined ? [] : [step];
  for (let at = node; at?.step !== undefined; at = at.parent) steps.push(at.step);
  return `$${steps.reverse().map(stepText).join('')}`;
}

function stepText(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}
