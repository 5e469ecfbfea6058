/** Which keys of a state a pattern of a signature selects (storage §13.3), found by the order of the keys rather than by
 *  trying every key: a state of 10,000 containers has 10,000 signatures with four patterns each.
 *
 *  - `**` alone selects everything (S-33);
 *  - `p/**` selects `p` and every key below; `p` may be a glob;
 *  - `**` as a component before others stands for any number of components, none included;
 *  - `{a,b}` stands for each of the alternatives;
 *  - anything else is a shell glob, in which `*`, `?` and `[...]` never match a `/`.
 *
 *  Where the reference's matcher and the signing tool differ, the tool is followed: it has chosen the entries of the
 *  payload, and a signature whose payload differs is refused anyhow. */

import { COST, compileGlob, type Effort, type Glob, matchesGlob } from './signature-glob.ts';

/** Patterns that one pattern with braces stands for; more is refused. */
export const MAX_ALTERNATIVES = 64;

const ANY_DEPTH = '**';
const SPECIAL = /[*?[\\{]/;

/** The keys of a state, in document order and in order of code units. */
export class KeyIndex {
  readonly keys: readonly string[];
  readonly #sorted: readonly string[];
  /** Place in the document of each of `#sorted`; undefined when that is the order of the document. */
  readonly #places: readonly number[] | undefined;

  constructor(keys: readonly string[]) {
    this.keys = keys;
    const canonical = keys.every((key, place) => place === 0 || (keys[place - 1] ?? '') < key);
    this.#places = canonical ? undefined : sortedPlaces(keys);
    this.#sorted = this.#places?.map((place) => keys[place] ?? '') ?? keys;
  }

  /** Calls `visit` with the place of every key that the pattern selects; more than once for some patterns with braces.
   *  False when the pattern stands for too many. */
  select(pattern: string, effort: Effort, visit: (place: number) => void): boolean {
    effort.spend(COST.split * pattern.length);
    const alternatives = expandBraces(pattern, effort);
    if (alternatives === undefined) return false;
    for (const alternative of alternatives) this.#selectOne(alternative, effort, visit);
    return true;
  }

  #selectOne(pattern: string, effort: Effort, visit: (place: number) => void): void {
    const below = pattern.endsWith('/**') ? pattern.slice(0, -3) : undefined;
    if (pattern === ANY_DEPTH) {
      this.#visit('', () => true, effort, visit);
    } else if (below !== undefined && !SPECIAL.test(below)) {
      this.#visit(below, (key) => key === below, effort, visit);
      this.#visit(`${below}/`, (key) => key.startsWith(`${below}/`), effort, visit);
    } else if (!SPECIAL.test(pattern)) {
      this.#visit(pattern, (key) => key === pattern, effort, visit);
    } else {
      this.#visitGlob(pattern, effort, visit);
    }
  }

  #visitGlob(pattern: string, effort: Effort, visit: (place: number) => void): void {
    const prefix = literalPrefix(pattern);
    const components = compilePath(pattern, effort);
    const starts = (key: string) => key.startsWith(prefix);
    this.#visit(prefix, starts, effort, (place) => {
      const key = this.keys[place] ?? '';
      effort.spend(COST.split * key.length);
      if (matchesPath(components, key.split('/'), effort)) visit(place);
    });
  }

  /** From the first key that is not before `from`, as long as `belongs`. */
  #visit(
    from: string,
    belongs: (key: string) => boolean,
    effort: Effort,
    visit: (place: number) => void,
  ): void {
    for (let at = this.#lowerBound(from); at < this.#sorted.length; at += 1) {
      effort.spend(COST.visited);
      if (!belongs(this.#sorted[at] ?? '')) return;
      visit(this.#places?.[at] ?? at);
    }
  }

  #lowerBound(wanted: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? '') < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function sortedPlaces(keys: readonly string[]): readonly number[] {
  return keys
    .map((_, place) => place)
    .sort((left, right) => ((keys[left] ?? '') < (keys[right] ?? '') ? -1 : 1));
}

/** What every selected key starts with. The `/` before a `**` is not in it: `p/**` selects `p` too. */
function literalPrefix(pattern: string): string {
  const prefix = pattern.slice(0, pattern.search(SPECIAL));
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

type Component = Glob | typeof ANY_DEPTH;

function compilePath(pattern: string, effort: Effort): readonly Component[] {
  return splitPath(pattern).map((component) =>
    component === ANY_DEPTH ? ANY_DEPTH : compileGlob(component, effort),
  );
}

/** A `/` is one also after a `\` and between brackets, which then stay open. */
function splitPath(pattern: string): readonly string[] {
  return pattern.split('/').map((component, place, { length }) => {
    return place < length - 1 && endsInEscape(component) ? component.slice(0, -1) : component;
  });
}

function endsInEscape(component: string): boolean {
  let at = component.length;
  while (at > 0 && component[at - 1] === '\\') at -= 1;
  return (component.length - at) % 2 === 1;
}

/** As `matchesGlob`, with components for characters: only the last `**` is tried again. */
function matchesPath(pattern: readonly Component[], path: readonly string[], effort: Effort): boolean {
  let component = 0;
  let at = 0;
  let afterAny: number | undefined;
  let retryAt = 0;
  for (;;) {
    effort.spend(COST.step);
    const next = pattern[component];
    const name = path[at];
    if (next === undefined && name === undefined) return true;
    if (next === ANY_DEPTH) {
      component += 1;
      afterAny = component;
      retryAt = at;
    } else if (next !== undefined && name !== undefined && matchesGlob(next, name, effort)) {
      component += 1;
      at += 1;
    } else if (afterAny !== undefined && retryAt < path.length) {
      retryAt += 1;
      at = retryAt;
      component = afterAny;
    } else {
      return false;
    }
  }
}

/** The patterns without braces; undefined when there are too many. Braces that do not close are characters. */
function expandBraces(pattern: string, effort: Effort): readonly string[] | undefined {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    effort.spend(COST.split * next.length);
    const parts = firstBraces(next);
    if (parts === undefined) done.push(next);
    else open.push(...parts.alternatives.map((part) => parts.before + part + parts.after).reverse());
    if (done.length + open.length > MAX_ALTERNATIVES) return undefined;
  }
  return done;
}

interface Braces {
  readonly before: string;
  readonly alternatives: readonly string[];
  readonly after: string;
}

/** The first group of alternatives that closes, outermost first. */
function firstBraces(pattern: string): Braces | undefined {
  let start = 0;
  let depth = 0;
  let cuts: number[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    if (character === '\\') at += 1;
    else if (character === '{') {
      if (depth === 0) {
        start = at;
        cuts = [at];
      }
      depth += 1;
    } else if (character === ',' && depth === 1) cuts.push(at);
    else if (character === '}' && depth > 0) {
      depth -= 1;
      if (depth > 0) continue;
      cuts.push(at);
      const alternatives = cuts.slice(1).map((cut, place) => pattern.slice((cuts[place] ?? 0) + 1, cut));
      return { before: pattern.slice(0, start), alternatives, after: pattern.slice(at + 1) };
    }
  }
  return undefined;
}
