/** A JSON value as `json-text.ts` reads it: with its place in the text and in its parent. Objects are Maps, so
 *  `__proto__` and its like are keys as any other. */

interface Placed {
  /** Offsets into the text, in UTF-16 units; `text.slice(start, end)` is the raw value. */
  readonly start: number;
  readonly end: number;
  /** Where the key of an object member starts; equals `start` for every other value. */
  readonly keyStart: number;
  readonly parent: JsonObject | JsonArray | undefined;
  /** Key or index in `parent`. */
  readonly step: string | number | undefined;
}
export interface JsonObject extends Placed {
  readonly kind: 'object';
  /** In document order. Of a key that occurs twice the first value counts. */
  readonly members: ReadonlyMap<string, JsonNode>;
  /** The further values of such keys. */
  readonly duplicates: readonly JsonNode[];
}
export interface JsonArray extends Placed {
  readonly kind: 'array';
  readonly items: readonly JsonNode[];
}
export interface JsonText extends Placed {
  readonly kind: 'string';
  readonly value: string;
}
export interface JsonNumber extends Placed {
  readonly kind: 'number';
  readonly value: number;
}
export interface JsonWord extends Placed {
  readonly kind: 'word';
  readonly value: boolean | null;
}
export type JsonNode = JsonObject | JsonArray | JsonText | JsonNumber | JsonWord;
