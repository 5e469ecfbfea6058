/** Follows the body of a request to its end, which is where the next request begins. A body of known length passes
 *  as it is; chunks are taken apart and put together anew, without extensions and trailers, so that Node's parser
 *  cannot see another end than we do. */

import { fieldOf } from './head.ts';

export interface BodyReader {
  /** Undefined when these bytes cannot belong to a body. */
  take(chunk: Buffer): BodyPart | undefined;
}

export interface BodyPart {
  /** For Node's parser. */
  readonly pass: Buffer;
  /** Bytes of content among what was taken. */
  readonly content: number;
  /** What came behind the end of the body; undefined before it. */
  readonly rest: Buffer | undefined;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const BLANK = 0x20;
const SEMICOLON = 0x3b;
/** Of what follows the size of a chunk, and of all trailers together. */
const MAX_LINE_BYTES = 4096;
/** More digits would not be an exact number. */
const MAX_SIZE_DIGITS = 13;

/** At least one byte. */
export function readLength(length: number): BodyReader {
  let left = length;
  return {
    take(chunk) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      return {
        pass: part,
        content: part.length,
        rest: left === 0 ? chunk.subarray(part.length) : undefined,
      };
    },
  };
}

/** Byte by byte: a body in chunks of one byte must not cost much more than another. */
export function readChunks(): BodyReader {
  let expects: 'size' | 'extension' | 'data' | 'end of data' | 'trailer' = 'size';
  /** A carriage return has come: a line feed must follow. */
  let returned = false;
  let digits = 0;
  /** Of the chunk that is coming. */
  let left = 0;
  let lineBytes = 0;
  let trailer = '';

  /** What ends with a line feed: false for a line that may not end here. */
  function endLine(): boolean {
    switch (expects) {
      case 'size':
      case 'extension':
        if (digits === 0) return false;
        expects = left === 0 ? 'trailer' : 'data';
        lineBytes = 0;
        return true;
      case 'end of data':
        expects = 'size';
        digits = 0;
        return true;
      default:
        if (fieldOf(trailer) === undefined) return false;
        trailer = '';
        return true;
    }
  }

  /** False for a byte that may not stand here. */
  function takeByte(byte: number): boolean {
    switch (expects) {
      case 'size': {
        const digit = digitOf(byte);
        if (digit === undefined) {
          expects = 'extension';
          return digits > 0 && (byte === SEMICOLON || byte === BLANK || byte === TAB);
        }
        left = left * 16 + digit;
        digits += 1;
        return digits <= MAX_SIZE_DIGITS;
      }
      case 'end of data':
        return false;
      default:
        lineBytes += 1;
        if (expects === 'trailer') trailer += String.fromCharCode(byte);
        return lineBytes <= MAX_LINE_BYTES && (byte >= BLANK || byte === TAB);
    }
  }

  return {
    take(chunk) {
      const content = Buffer.allocUnsafe(chunk.length);
      let length = 0;
      for (let at = 0; at < chunk.length; at += 1) {
        if (expects === 'data') {
          const end = Math.min(at + left, chunk.length);
          chunk.copy(content, length, at, end);
          length += end - at;
          left -= end - at;
          at = end - 1;
          if (left === 0) expects = 'end of data';
          continue;
        }
        const byte = chunk[at] ?? LF;
        if (byte === LF) {
          returned = false;
          if (expects === 'trailer' && trailer === '')
            return rechunked(content.subarray(0, length), chunk.subarray(at + 1));
          if (!endLine()) return undefined;
        } else if (returned) {
          return undefined;
        } else if (byte === CR) {
          returned = true;
        } else if (!takeByte(byte)) {
          return undefined;
        }
      }
      return rechunked(content.subarray(0, length), undefined);
    },
  };
}

function digitOf(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
}

function rechunked(content: Buffer, rest: Buffer | undefined): BodyPart {
  const pass = [
    ...(content.length === 0
      ? []
      : [Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]),
    ...(rest === undefined ? [] : [Buffer.from('0\r\n\r\n')]),
  ];
  return { pass: Buffer.concat(pass), content: content.length, rest };
}
