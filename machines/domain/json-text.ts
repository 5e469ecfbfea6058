/** A strict JSON reader that keeps what `JSON.parse` throws away: where every value stands, the raw text it was
 *  written as, and keys that occur twice. It does not recurse, takes linear time and refuses what is too large or
 *  too deep.
 *  Longer than most files, because a scanner in pieces is harder to follow than in one.
 *  What the values mean is the business of `shape.ts` and of the files named `*-json.ts`. */

import type { JsonArray, JsonNode, JsonNumber, JsonObject, JsonText, JsonWord } from './json-node.ts';
import { isLongerThan } from './utf8.ts';

export interface JsonLimits {
  /** Of the text in UTF-8. */
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxValues: number;
}

/** Far above any revision (10,000 containers are about 6 MB and 400,000 values), far below what exhausts memory. */
export const JSON_LIMITS: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 128, maxValues: 1_000_000 };

/** Why a text is no JSON. `parent` and `step` name the value that was being read. */
export interface JsonFault {
  readonly offset: number;
  readonly parent: JsonObject | JsonArray | undefined;
  readonly step: string | number | undefined;
  readonly reason: string;
  readonly fix: string;
}
export type JsonRead =
  | { readonly ok: true; readonly root: JsonNode }
  | { readonly ok: false; readonly fault: JsonFault };

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type OpenObject = Writable<Omit<JsonObject, 'members' | 'duplicates'>> & {
  members: Map<string, JsonNode>;
  duplicates: JsonNode[];
};
type OpenArray = Writable<Omit<JsonArray, 'items'>> & { items: JsonNode[] };
type Open = OpenObject | OpenArray;

class Refusal extends Error {
  readonly offset: number;
  readonly fix: string;

  constructor(offset: number, reason: string, fix: string) {
    super(reason);
    this.offset = offset;
    this.fix = fix;
  }
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const BYTE_ORDER_MARK = 0xfeff;

/** Shared by all objects without duplicates; never written to. */
const NO_DUPLICATES: JsonNode[] = [];

/** Reads one JSON text (state format §1.4). The first violation ends the reading. */
export function readJson(text: string, limits: Partial<JsonLimits> = {}): JsonRead {
  const scanner = new Scanner(text, { ...JSON_LIMITS, ...limits });
  try {
    return { ok: true, root: scanner.document() };
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    const { offset, message: reason, fix } = refusal;
    return { ok: false, fault: { offset, parent: scanner.open, step: scanner.step, reason, fix } };
  }
}

class Scanner {
  /** The innermost object or array being read, and the member that is due in it. */
  open: Open | undefined;
  step: string | number | undefined;
  readonly #text: string;
  readonly #limits: JsonLimits;
  readonly #number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
  readonly #bareWord = /[^\s,:[\]{}"]+/y;
  #at = 0;
  #keyStart: number | undefined;
  #fresh = false;
  #depth = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): JsonNode {
    if (isLongerThan(this.#text, this.#limits.maxBytes)) {
      throw new Refusal(0, `the document is larger than ${this.#limits.maxBytes} bytes`, 'Make it smaller');
    }
    const root = this.#value();
    while (this.open !== undefined) if (this.#advance(this.open)) this.#value();
    if (this.#peek() !== undefined) {
      throw this.#refuse('there is more text after the end of the document', 'Keep one JSON value only');
    }
    return root;
  }

  /** Moves to the next value due in `open` and says whether there is one; otherwise closes it. */
  #advance(open: Open): boolean {
    const isObject = open.kind === 'object';
    const closing = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
    this.step = undefined;
    let code = this.#peek();
    if (code === closing) {
      this.#at += 1;
      this.#depth -= 1;
      open.end = this.#at;
      this.open = open.parent as Open | undefined;
      this.#fresh = false;
      return false;
    }
    if (!this.#fresh) {
      if (code !== COMMA) throw this.#refuseAt(code, isObject ? '"," or "}"' : '"," or "]"');
      this.#at += 1;
      code = this.#peek();
      if (code === closing)
        throw this.#refuse('a comma stands before the closing bracket', 'Remove the comma');
    }
    this.#fresh = false;
    if (isObject) this.#key(code);
    else this.step = open.items.length;
    return true;
  }

  #key(code: number | undefined): void {
    if (code !== QUOTE) throw this.#refuseAt(code, 'a key in double quotes');
    this.#keyStart = this.#at;
    this.step = this.#string();
    const colon = this.#peek();
    if (colon !== COLON) throw this.#refuseAt(colon, '":" after the key');
    this.#at += 1;
  }

  /** Reads a scalar, or the opening bracket of an object or array, which then is `open`. */
  #value(): JsonNode {
    const code = this.#peek();
    const start = this.#at;
    const keyStart = this.#keyStart ?? start;
    this.#keyStart = undefined;
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) {
      throw this.#refuse(`the document has more than ${this.#limits.maxValues} values`, 'Make it smaller');
    }
    const { open: parent, step } = this;
    const end = start;
    if (code === OPEN_BRACE) {
      const members = new Map<string, JsonNode>();
      const duplicates = NO_DUPLICATES;
      return this.#enter({ kind: 'object', start, end, keyStart, parent, step, members, duplicates });
    }
    if (code === OPEN_BRACKET) {
      return this.#enter({ kind: 'array', start, end, keyStart, parent, step, items: [] });
    }
    const node = this.#scalar(code, keyStart);
    this.#attach(node);
    return node;
  }

  #scalar(code: number | undefined, keyStart: number): JsonText | JsonNumber | JsonWord {
    const { open: parent, step } = this;
    const start = this.#at;
    if (code === QUOTE) {
      const value = this.#string();
      return { kind: 'string', start, end: this.#at, keyStart, parent, step, value };
    }
    const raw = this.#match(this.#bareWord);
    const end = start + raw.length;
    this.#at = end;
    if (raw === 'true' || raw === 'false') {
      return { kind: 'word', start, end, keyStart, parent, step, value: raw === 'true' };
    }
    if (raw === 'null') return { kind: 'word', start, end, keyStart, parent, step, value: null };
    this.#at = start;
    if (raw !== '' && this.#match(this.#number) === raw) {
      this.#at = end;
      return { kind: 'number', start, end, keyStart, parent, step, value: Number(raw) };
    }
    throw this.#refuseAt(code, 'a JSON value');
  }

  #enter(node: Open): JsonNode {
    this.#attach(node);
    this.#depth += 1;
    if (this.#depth > this.#limits.maxDepth) {
      throw this.#refuse(
        `values are nested deeper than ${this.#limits.maxDepth} levels`,
        'Flatten the document',
      );
    }
    this.#at += 1;
    this.open = node;
    this.step = undefined;
    this.#fresh = true;
    return node;
  }

  #attach(node: JsonNode): void {
    const { open } = this;
    if (open === undefined) return;
    if (open.kind === 'array') {
      open.items.push(node);
      return;
    }
    const key = String(this.step);
    if (!open.members.has(key)) open.members.set(key, node);
    else if (open.duplicates === NO_DUPLICATES) open.duplicates = [node];
    else open.duplicates.push(node);
  }

  /** Reads a string; the cursor stands on its opening quote. */
  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let at = start + 1;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        escaped = true;
        at += 1;
      } else if (Number.isNaN(code)) {
        throw this.#refuse(
          'the document ends inside a string',
          'Close the string with a double quote',
          start,
        );
      } else if (code < SPACE) {
        throw this.#refuse(
          'a control character stands in a string',
          'Write it as an escape (\\n, \\u0000)',
          at,
        );
      }
      at += 1;
    }
    this.#at = at + 1;
    return escaped ? this.#unescape(start) : text.slice(start + 1, at);
  }

  #unescape(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      const fix = 'Allowed are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hex digits';
      throw this.#refuse('a string contains an escape that JSON does not know', fix, start);
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  /** Code of the next character that is not white space; undefined at the end. */
  #peek(): number | undefined {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== LINE_FEED && code !== TAB && code !== RETURN) {
        return Number.isNaN(code) ? undefined : code;
      }
      this.#at += 1;
    }
  }

  #refuse(reason: string, fix: string, offset = this.#at): Refusal {
    return new Refusal(offset, reason, fix);
  }

  #refuseAt(code: number | undefined, expected: string): Refusal {
    if (code === undefined) {
      return this.#refuse(`the document ends where ${expected} is expected`, 'Complete the document');
    }
    const found = this.#match(this.#bareWord).slice(0, 40) || String.fromCharCode(code);
    const fix =
      found.charCodeAt(0) === BYTE_ORDER_MARK
        ? 'Save the file as UTF-8 without byte order mark'
        : `Put ${expected} here; JSON has no comments, single quotes or bare words`;
    return this.#refuse(`found ${JSON.stringify(found)} where ${expected} is expected`, fix);
  }
}
