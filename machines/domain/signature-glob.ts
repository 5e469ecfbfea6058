/** Shell globs for one component of a path (storage §13.3), without regular expressions: patterns come with the state,
 *  and one that makes a matcher backtrack would hold up the device. Every step is paid from a purse (`Effort`).
 *  Patterns of whole paths are in `signature-pattern.ts`. */

/** What may be spent on one state, and what things cost; a unit is about a nanosecond. Ten signatures of every one of
 *  100,000 entries are within it, and the most hostile patterns end in about a second. */
export const MAX_EFFORT = 500_000_000;
export const COST = { step: 16, scanned: 32, visited: 64, split: 4, signed: 4 } as const;

/** Thrown when the purse is empty; caught by `signature.ts`. */
export class Exhausted extends Error {}

export class Effort {
  #left: number;

  constructor(limit = MAX_EFFORT) {
    this.#left = limit;
  }

  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new Exhausted('the effort allowed for one state is spent');
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}
type Token =
  | { readonly kind: 'star' | 'any' | 'never' }
  | { readonly kind: 'literal'; readonly code: number }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly Range[] };

/** A compiled component. */
export type Glob = readonly Token[];

const range = (from: string, to = from): Range => ({ from: codeAt(from, 0), to: codeAt(to, 0) });
const DIGIT = [range('0', '9')];
const UPPER = [range('A', 'Z')];
const LOWER = [range('a', 'z')];
const PUNCTUATION = [range('!', '/'), range(':', '@'), range('[', '`'), range('{', '~')];

/** As in the C locale. */
const CLASSES: ReadonlyMap<string, readonly Range[]> = new Map([
  ['alnum', [...DIGIT, ...UPPER, ...LOWER]],
  ['alpha', [...UPPER, ...LOWER]],
  ['blank', [range(' '), range('\t')]],
  ['cntrl', [range('\0', '\x1f'), range('\x7f')]],
  ['digit', DIGIT],
  ['graph', [range('!', '~')]],
  ['lower', LOWER],
  ['print', [range(' ', '~')]],
  ['punct', PUNCTUATION],
  ['space', [range(' '), range('\t', '\r')]],
  ['upper', UPPER],
  ['xdigit', [...DIGIT, range('A', 'F'), range('a', 'f')]],
]);

/** `*`, `?`, `[a-z]`, `[!a]`, `[^a]`, `[[:digit:]]`, and `\` before a character to take it literally. A `[` that is not
 *  closed is a character as any other; a `\` at the end matches nothing. */
export function compileGlob(component: string, effort: Effort): Glob {
  effort.spend(COST.scanned * component.length);
  const tokens: Token[] = [];
  const lastClosing = component.lastIndexOf(']');
  let at = 0;
  while (at < component.length) {
    const code = codeAt(component, at);
    const character = String.fromCodePoint(code);
    const set = character === '[' && at < lastClosing ? readSet(component, at, effort) : undefined;
    if (set !== undefined) {
      tokens.push(set.token);
      at = set.end;
    } else if (character === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
      at += 1;
    } else if (character === '?') {
      tokens.push({ kind: 'any' });
      at += 1;
    } else if (character === '\\') {
      const escaped = component.codePointAt(at + 1);
      tokens.push(escaped === undefined ? { kind: 'never' } : { kind: 'literal', code: escaped });
      at += 1 + width(escaped ?? 0);
    } else {
      tokens.push({ kind: 'literal', code });
      at += width(code);
    }
  }
  return tokens;
}

/** Whether the whole text matches. Only the last star is ever tried again, so the steps are at most the product of the
 *  two lengths. */
export function matchesGlob(glob: Glob, text: string, effort: Effort): boolean {
  let token = 0;
  let at = 0;
  let afterStar: number | undefined;
  let retryAt = 0;
  for (;;) {
    effort.spend(COST.step);
    const next = glob[token];
    if (next === undefined && at === text.length) return true;
    if (next?.kind === 'star') {
      token += 1;
      afterStar = token;
      retryAt = at;
    } else if (next !== undefined && at < text.length && accepts(next, codeAt(text, at), effort)) {
      token += 1;
      at += width(codeAt(text, at));
    } else if (afterStar !== undefined && retryAt < text.length) {
      retryAt += width(codeAt(text, retryAt));
      at = retryAt;
      token = afterStar;
    } else {
      return false;
    }
  }
}

function accepts(token: Token, code: number, effort: Effort): boolean {
  switch (token.kind) {
    case 'literal':
      return token.code === code;
    case 'any':
      return true;
    case 'set':
      effort.spend(COST.step * token.ranges.length);
      return token.ranges.some(({ from, to }) => from <= code && code <= to) !== token.negated;
    case 'star':
    case 'never':
      return false;
    default:
      return token satisfies never;
  }
}

/** The bracket expression that opens at `start`; undefined when it is not closed. A `]` that comes first is a member. */
function readSet(
  component: string,
  start: number,
  effort: Effort,
): { readonly token: Token; readonly end: number } | undefined {
  const ranges: Range[] = [];
  const negated = component[start + 1] === '!' || component[start + 1] === '^';
  const first = start + (negated ? 2 : 1);
  let at = first;
  while (at < component.length) {
    effort.spend(COST.scanned);
    if (component[at] === ']' && at > first) {
      return { token: { kind: 'set', negated, ranges }, end: at + 1 };
    }
    const named = component.startsWith('[:', at)
      ? /^\[:([a-z]{1,8}):\]/.exec(component.slice(at, at + 12))
      : null;
    if (named !== null) {
      ranges.push(...(CLASSES.get(named[1] ?? '') ?? []));
      at += named[0].length;
      continue;
    }
    const from = readMember(component, at);
    at = from.end;
    if (component[at] === '-' && at + 1 < component.length && component[at + 1] !== ']') {
      const to = readMember(component, at + 1);
      ranges.push({ from: from.code, to: to.code });
      at = to.end;
    } else {
      ranges.push({ from: from.code, to: from.code });
    }
  }
  return undefined;
}

function readMember(component: string, at: number): { readonly code: number; readonly end: number } {
  const start = component[at] === '\\' && at + 1 < component.length ? at + 1 : at;
  const code = codeAt(component, start);
  return { code, end: start + width(code) };
}

function codeAt(text: string, at: number): number {
  return text.codePointAt(at) ?? 0;
}

/** UTF-16 units of a code point. */
function width(code: number): number {
  return code > 0xffff ? 2 : 1;
}
