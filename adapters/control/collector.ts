/** Finds where the head of a request ends in a stream of bytes, whatever the pieces are in which a client sends it.
 *  What the head says is read in `head.ts`. */

import { MAX_FIELDS } from './head.ts';

/** Bytes that a head may have, the empty line included. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** And lines: each costs time, even if it is short. The first one and an empty line are among them. */
const MAX_HEAD_LINES = MAX_FIELDS + 2;

export type Collected =
  | { readonly kind: 'partial' }
  | { readonly kind: 'tooLong' }
  /** `head` in latin1, up to the empty line, without it; `rest` is what came behind. */
  | { readonly kind: 'complete'; readonly head: string; readonly rest: Buffer };

export interface Collector {
  /** Whether nothing of a head has come: empty lines before it do not count. */
  readonly empty: () => boolean;
  take(chunk: Buffer): Collected;
}

const LF = 0x0a;
const CR = 0x0d;
/** Holds the requests that come; a longer one doubles it. */
const USUAL_BYTES = 1024;

/** For one head. Looks at each byte once and copies it a few times at most. */
export function createCollector(): Collector {
  let bytes = Buffer.allocUnsafe(USUAL_BYTES);
  let length = 0;
  let lines = 0;

  function append(chunk: Buffer): void {
    if (length + chunk.length > bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytes.length * 2, length + chunk.length));
      bytes.copy(grown, 0, 0, length);
      bytes = grown;
    }
    chunk.copy(bytes, length);
    length += chunk.length;
  }

  return {
    empty: () => length === 0,
    take(received) {
      const chunk = length === 0 ? withoutEmptyLines(received) : received;
      const before = length;
      append(chunk.subarray(0, MAX_HEAD_BYTES - before));
      const collected = bytes.subarray(0, length);
      for (let at = before; ; at += 1) {
        at = collected.indexOf(LF, at);
        if (at === -1) break;
        lines += 1;
        if (lines > MAX_HEAD_LINES) return { kind: 'tooLong' };
        const last = bytes[at - 1] === CR ? at - 2 : at - 1;
        if (bytes[last] !== LF) continue;
        return {
          kind: 'complete',
          head: bytes.toString('latin1', 0, bytes[last - 1] === CR ? last - 1 : last),
          rest: chunk.subarray(at + 1 - before),
        };
      }
      return length < MAX_HEAD_BYTES ? { kind: 'partial' } : { kind: 'tooLong' };
    },
  };
}

function withoutEmptyLines(chunk: Buffer): Buffer {
  const start = chunk.findIndex((byte) => byte !== LF && byte !== CR);
  return start === -1 ? chunk.subarray(chunk.length) : chunk.subarray(start);
}
