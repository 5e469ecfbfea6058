/** Signatures of a state, without the cryptography (storage §13, state format §19): where the signature documents are,
 *  which entries each one signs, the text it signs, which entries none of them covers, and what each mode does about it.
 *  Keys and certificates are in `adapters/store/signatures.ts`. */

import type { JsonNode, JsonObject } from './json-node.ts';
import { readJson } from './json-text.ts';
import { jsonPath } from './problem.ts';
import { found, quoted } from './shape.ts';
import { COST, Effort, Exhausted } from './signature-glob.ts';
import type { SignatureHeader } from './signature-header.ts';
import { KeyIndex, MAX_ALTERNATIVES } from './signature-pattern.ts';

export type SecurebootMode = 'disabled' | 'audit' | 'lenient' | 'strict';

/** What is done about a finding: the revision is refused, or the log is told. */
export type Measure = 'refuse' | 'tell' | 'accept';

/** Storage §13.6. `audit` never refuses, as documented and as decided in S-34: it tells what `strict` would refuse.
 *  (The reference refuses a bad signature in `audit` too.) */
export const MEASURES: Readonly<Record<SecurebootMode, { badSignature: Measure; uncovered: Measure }>> = {
  disabled: { badSignature: 'accept', uncovered: 'accept' },
  audit: { badSignature: 'tell', uncovered: 'tell' },
  lenient: { badSignature: 'refuse', uncovered: 'accept' },
  strict: { badSignature: 'refuse', uncovered: 'refuse' },
};

/** What is wrong with a signature: the place in its document or header, why, and what to do. */
export interface SignatureFault {
  readonly place: string;
  readonly reason: string;
  readonly fix: string;
}

export interface SignatureDocument {
  readonly key: string;
  /** Base64url, as written. */
  readonly protected: string;
  /** Base64url, as written. */
  readonly signature: string;
}

export type FoundDocument =
  | { readonly kind: 'signature'; readonly document: SignatureDocument }
  /** Without `protected` or `signature`: it signs nothing and covers nothing. */
  | { readonly kind: 'incomplete'; readonly key: string; readonly fault: SignatureFault }
  | { readonly kind: 'malformed'; readonly key: string; readonly fault: SignatureFault };

/** What a signature selects. */
export interface Selection {
  /** The text that is signed, in its JSON form. */
  readonly payload: string;
  /** How many entries it signs. */
  readonly size: number;
  /** Signs an entry at or below the directory. */
  readonly reaches: (directory: string) => boolean;
}

export type Selected =
  | { readonly ok: true; readonly selection: Selection }
  | { readonly ok: false; readonly fault: SignatureFault };

const PVS_FORMAT = 'pvs@2';
const SIGNATURES = '_sigs/';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether a state can have a signature document at all; cheap, for a start without any. */
export function mayBeSigned(text: string): boolean {
  return text.includes(PVS_FORMAT) || text.includes('\\');
}

/** Undefined for a text that is no JSON object, which the reader of states refuses with the reason. */
export function openSigned(text: string, maxEffort?: number): SignedState | undefined {
  const read = readJson(text, { maxBytes: Number.POSITIVE_INFINITY });
  if (!read.ok || read.root.kind !== 'object') return undefined;
  return new SignedState(text, read.root, new Effort(maxEffort));
}

/** A state and the coverage found so far. */
export class SignedState {
  readonly #text: string;
  readonly #nodes: readonly JsonNode[];
  readonly #index: KeyIndex;
  readonly #covered: Uint8Array;
  /** Number of the selection that included an entry last; 0 for none, and for one that was excluded again. */
  readonly #included: Uint32Array;
  readonly #effort: Effort;
  #selections = 0;

  constructor(text: string, root: JsonObject, effort: Effort) {
    this.#text = text;
    this.#nodes = [...root.members.values()];
    this.#index = new KeyIndex([...root.members.keys()]);
    this.#covered = new Uint8Array(this.#nodes.length);
    this.#included = new Uint32Array(this.#nodes.length);
    this.#effort = effort;
  }

  /** In document order, wherever they stand (storage §13.2). */
  documents(): readonly FoundDocument[] {
    return this.#nodes.flatMap((node) => (isSignature(node) ? [readDocument(node)] : []));
  }

  /** Applies the patterns of one signature: include, then exclude (storage §13.3). Both cover. */
  select({ include, exclude }: Pick<SignatureHeader, 'include' | 'exclude'>): Selected {
    try {
      return this.#select(include, exclude);
    } catch (error) {
      if (!(error instanceof Exhausted)) throw error;
      const reason = 'the signatures up to this one take too much work to apply';
      const fix = 'Sign each entry once, with patterns like "dir/**"';
      return { ok: false, fault: { place: '$.pvs', reason, fix } };
    }
  }

  /** Keys that no signature covers, in document order; those of `_sigs/` need no cover (storage §13.6). */
  uncovered(): readonly string[] {
    return this.#index.keys.filter((key, place) => this.#covered[place] === 0 && !key.startsWith(SIGNATURES));
  }

  #select(include: readonly string[], exclude: readonly string[]): Selected {
    this.#selections += 1;
    const number = this.#selections;
    const chosen: number[] = [];
    const tooMany = (list: string, place: number): Selected => {
      const reason = `the pattern stands for more than ${MAX_ALTERNATIVES} others`;
      return { ok: false, fault: { place: `$.pvs.${list}[${place}]`, reason, fix: 'Split it' } };
    };
    for (const [place, pattern] of include.entries()) {
      const applied = this.#index.select(pattern, this.#effort, (entry) => {
        this.#covered[entry] = 1;
        if (this.#included[entry] !== number) chosen.push(entry);
        this.#included[entry] = number;
      });
      if (!applied) return tooMany('include', place);
    }
    for (const [place, pattern] of exclude.entries()) {
      const applied = this.#index.select(pattern, this.#effort, (entry) => {
        this.#covered[entry] = 1;
        this.#included[entry] = 0;
      });
      if (!applied) return tooMany('exclude', place);
    }
    const entries = chosen.filter((entry) => this.#included[entry] === number).sort((a, b) => a - b);
    return { ok: true, selection: this.#selectionOf(entries) };
  }

  #selectionOf(entries: readonly number[]): Selection {
    const keys = this.#index.keys;
    return {
      payload: `{${entries.map((entry) => this.#entryText(entry)).join(',')}}`,
      size: entries.length,
      reaches: (directory) =>
        entries.some((entry) => keys[entry] === directory || keys[entry]?.startsWith(`${directory}/`)),
    };
  }

  /** Raw text of key and value, not decoded (storage §13.4). A string stays quoted also when it begins like an object:
   *  else a signed object could be exchanged for a string. */
  #entryText(entry: number): string {
    const node = this.#nodes[entry];
    if (node === undefined) return '';
    this.#effort.spend(COST.signed * (node.end - node.keyStart));
    const value = this.#text.slice(node.start, node.end);
    const bare = node.kind === 'number' || node.kind === 'word';
    return `${rawString(this.#text, node.keyStart)}:${bare ? `"${value}"` : value}`;
  }
}

function isSignature(node: JsonNode): node is JsonObject {
  const spec = node.kind === 'object' ? node.members.get('#spec') : undefined;
  return spec?.kind === 'string' && spec.value === PVS_FORMAT;
}

function readDocument(node: JsonObject): FoundDocument {
  const key = String(node.step);
  const [duplicate] = node.duplicates;
  if (duplicate !== undefined) {
    const reason = `the key ${quoted(String(duplicate.step))} occurs twice`;
    const fault = { place: jsonPath(duplicate), reason, fix: 'Keep one of them' };
    return { kind: 'malformed', key, fault };
  }
  const values: Record<'protected' | 'signature', string> = { protected: '', signature: '' };
  for (const name of ['protected', 'signature'] as const) {
    const member = node.members.get(name);
    if (member?.kind === 'string') {
      values[name] = member.value;
      continue;
    }
    const place = jsonPath(node, name);
    const reason =
      member === undefined ? `"${name}" is missing` : `expected a string, found ${found(member)}`;
    const fault = { place, reason, fix: `Write "${name}" as base64url` };
    return { kind: member === undefined ? 'incomplete' : 'malformed', key, fault };
  }
  return { kind: 'signature', document: { key, ...values } };
}

/** The string that begins at `start`, quotes included. */
function rawString(text: string, start: number): string {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
    at += code === BACKSLASH ? 2 : 1;
  }
  return text.slice(start, at + 1);
}
