/** How a row of the conformance suite's tables is written. */

import type { z } from 'zod';
import type { ClientName } from './client.ts';
import type { Who } from './device.ts';

export type Expected = string | RegExp | z.ZodType;

export interface More {
  /** Further header lines. */
  readonly fields?: readonly string[];
  /** Of the answer; the type is JSON unless said. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked once, by one of the clients in turn; otherwise by each of them. */
  readonly once?: true;
  /** Those who can ask like that; all unless said. */
  readonly clients?: readonly ClientName[];
  /** A container, and the statuses through which it goes because of the request. */
  readonly leads?: readonly [container: string, ...statuses: readonly string[]];
}

/** The request is method, target and, after another blank, the body. The answer is empty unless said. */
export type Case = readonly [
  why: string,
  from: Who | readonly Who[],
  request: string,
  status: number,
  answer?: Expected,
  more?: More,
];

export const ONCE: More = { once: true };

export const error = (text: string) => JSON.stringify({ Error: text });
export const unknown = (target: string) => error(`unknown endpoint: ${target}`);
export const METHOD = error('Method not supported for this endpoint');
export const FULL = error('Not enough disk space available');

/** JSON of exactly so many bytes. */
export function padded(json: string, bytes: number): string {
  return json.padEnd(bytes, ' ');
}
