/** Definitions of JSON documents that both read them and describe them: one `Shape` checks a value, tells the report
 *  what is wrong with it, and is a JSON Schema for editors. A schema library would not do: a wrong value here may be
 *  refused or warned about with a fallback, each with a fix and a section of the specification (R-11), and duplicate
 *  keys and positions must be seen. What the documents of a state are is said in the files named `*-json.ts`. */

import type { JsonNode, JsonObject } from './json-node.ts';
import type { Report } from './problem.ts';

export type Schema = { readonly [keyword: string]: unknown };

export interface Shape<out T> {
  /** Completes "Write …" and "expected …": `an array`. */
  readonly wants: string;
  /** JSON Schema (draft 2020-12) of the values that are read without a problem and without a warning. */
  readonly schema: Schema;
  /** The JSON type is right; `read` may still find fault with the value. */
  readonly fits: (node: JsonNode) => boolean;
  /** The value; undefined after the report was told why there is none. `spec` is cited in what is told. */
  readonly read: (node: JsonNode, report: Report, spec: string) => T | undefined;
}

/** One key of a record. `get` answers for an absent key too. */
export interface Field<out T> {
  readonly schema: Schema;
  readonly required: boolean;
  readonly get: (node: JsonNode | undefined, owner: JsonObject, key: string, report: Report) => T;
}
type Fields = Readonly<Record<string, Field<unknown>>>;
/** What a record reads: one property per key, and the object itself for later findings. */
export type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
} & { readonly source: JsonObject };
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** The values of a record alone. */
export function withoutSource<V extends { readonly source: JsonObject }>({ source: _, ...values }: V) {
  return values;
}

/** A string. `check` says why a string is not acceptable; `constraint` says the same to editors. */
export function text(
  wants: string,
  constraint?: Schema,
  check?: (value: string) => string | undefined,
): Shape<string> {
  return {
    wants,
    schema: { type: 'string', ...constraint },
    fits: (node) => node.kind === 'string',
    read(node, report, spec) {
      if (node.kind !== 'string') return mismatch(node, wants, report, spec);
      const fault = check?.(node.value);
      if (fault === undefined) return node.value;
      report.problem(node, spec, fault, `Write ${wants}`);
      return undefined;
    },
  };
}

export const nonEmptyText = text('a non-empty string', { minLength: 1 }, (value) =>
  value === '' ? 'the string is empty' : undefined,
);

/** One of some words, spelled exactly. */
export function oneOf<const W extends string>(words: readonly W[]): Shape<W> {
  const wants = `one of ${words.map((word) => `"${word}"`).join(', ')}`;
  return {
    wants,
    schema: { enum: words },
    fits: (node) => node.kind === 'string',
    read(node, report, spec) {
      const word = node.kind === 'string' ? words.find((known) => known === node.value) : undefined;
      return word ?? mismatch(node, wants, report, spec);
    },
  };
}

/** An array; items that cannot be read are left out of the result. */
export function list<T>(item: Shape<T>, minItems = 0): Shape<readonly T[]> {
  const wants = minItems > 0 ? 'a non-empty array' : 'an array';
  return {
    wants,
    schema: { type: 'array', items: item.schema, ...(minItems > 0 && { minItems }) },
    fits: (node) => node.kind === 'array',
    read(node, report, spec) {
      if (node.kind !== 'array' || node.items.length < minItems) return mismatch(node, wants, report, spec);
      const values: T[] = [];
      for (const child of node.items) {
        const value = item.read(child, report, spec);
        if (value !== undefined) values.push(value);
      }
      return values;
    },
  };
}

/** An object with free keys; entries that cannot be read are left out of the result. */
export function table<T>(entry: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return {
    wants: 'an object',
    schema: { type: 'object', additionalProperties: entry.schema },
    fits: (node) => node.kind === 'object',
    read(node, report, spec) {
      if (node.kind !== 'object') return mismatch(node, 'an object', report, spec);
      refuseDuplicates(node, report);
      const values = new Map<string, T>();
      for (const [key, child] of node.members) {
        const value = entry.read(child, report, spec);
        if (value !== undefined) values.set(key, value);
      }
      return values;
    },
  };
}

/** An object with known keys, matched exactly and on their own level (S-08, S-09); unknown keys are no error. */
export function record<F extends Fields>(fields: F): Shape<Values<F>> {
  const entries = Object.entries(fields);
  return {
    wants: 'an object',
    schema: {
      type: 'object',
      properties: Object.fromEntries(entries.map(([key, field]) => [key, field.schema])),
      required: entries.filter(([, field]) => field.required).map(([key]) => key),
    },
    fits: (node) => node.kind === 'object',
    read(node, report, spec) {
      if (node.kind !== 'object') return mismatch(node, 'an object', report, spec);
      refuseDuplicates(node, report);
      const values: Record<string, unknown> = { source: node };
      for (const [key, field] of entries) values[key] = field.get(node.members.get(key), node, key, report);
      return values as Values<F>;
    },
  };
}

/** Leaves a value unread: it decides nothing here, or needs more than itself to be read. */
export function unread(schema: Schema): Shape<JsonNode> {
  return { wants: 'a value', schema, fits: () => true, read: (node) => node };
}

/** Reads what fits; anything else is warned about and as good as absent. `schema` as that of `shape`. */
export function tolerant<T>(shape: Shape<T>, effect = 'it is ignored'): Shape<T> {
  return {
    ...shape,
    read(node, report, spec) {
      if (shape.fits(node)) return shape.read(node, report, spec);
      report.warn(
        node,
        spec,
        `expected ${shape.wants}, found ${found(node)}; ${effect}`,
        `Write ${shape.wants}`,
      );
      return undefined;
    },
  };
}

/** A key that must be there. A revision with `stead` in it is never handed out: it only lets the reading go on. */
export function required<T>(spec: string, about: string, shape: Shape<T>, stead: T): Field<T> {
  return {
    schema: described(shape.schema, about, spec),
    required: true,
    get(node, owner, key, report) {
      if (node !== undefined) return shape.read(node, report, spec) ?? stead;
      report.problem(
        { node: owner, missing: key },
        spec,
        `"${key}" is missing`,
        `Add "${key}": ${shape.wants}`,
      );
      return stead;
    },
  };
}

/** A key that may be absent. */
export function optional<T>(spec: string, about: string, shape: Shape<T>): Field<T | undefined> {
  return {
    schema: described(shape.schema, about, spec),
    required: false,
    get: (node, _owner, _key, report) => (node === undefined ? undefined : shape.read(node, report, spec)),
  };
}

/** A key with a value of its own when it is absent. */
export function defaulted<T>(
  spec: string,
  about: string,
  shape: Shape<T>,
  value: T,
  shown?: unknown,
): Field<T> {
  return {
    schema: described(shape.schema, about, spec, { default: shown ?? value }),
    required: false,
    get: (node, _owner, _key, report) =>
      node === undefined ? value : (shape.read(node, report, spec) ?? value),
  };
}

function described(schema: Schema, about: string, spec: string, more: Schema = {}): Schema {
  return { description: `${about} (state format ${spec})`, ...schema, ...more };
}

function mismatch(node: JsonNode, wants: string, report: Report, spec: string): undefined {
  report.problem(node, spec, `expected ${wants}, found ${found(node)}`, `Write ${wants}`);
}

/** State format §1.5 for every object that is read: which of two values is meant cannot be known. */
export function refuseDuplicates(node: JsonObject, report: Report): void {
  for (const duplicate of node.duplicates) {
    const reason = `the key ${quoted(String(duplicate.step))} occurs twice in one object`;
    report.keyProblem(duplicate, '§1.5', reason, 'Keep one of them');
  }
}

/** What a value is, for people. */
export function found(node: JsonNode): string {
  switch (node.kind) {
    case 'object':
      return node.members.size === 0 ? 'an empty object' : 'an object';
    case 'array':
      return node.items.length === 0 ? 'an empty array' : 'an array';
    case 'string':
      return quoted(node.value);
    case 'number':
    case 'word':
      return String(node.value);
    default:
      return node satisfies never;
  }
}

/** A text of the document, quoted for a message and cut to a readable length. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
