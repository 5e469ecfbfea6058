/** Reads and writes tar archives as POSIX calls them `ustar`, as streams: regular files and directories, and nothing else.
 *  An archive comes from anywhere, so what could surprise is refused with its name: links, devices, names that lead
 *  elsewhere, names that occur twice, and sizes beyond limits. Written here, because a library reads what we must refuse.
 *  What archives are for is in `installable.ts` and `pack.ts`. */

import { SupervisorError } from '../../../machines/domain/fault.ts';

export interface TarLimits {
  readonly maxEntries: number;
  /** Of all files together. */
  readonly maxTotalBytes: number;
}

/** Far above any revision of a device. A file of its own has less than 8 GiB: ustar counts no further. */
export const TAR_LIMITS: TarLimits = { maxEntries: 65_536, maxTotalBytes: 16 * 1024 ** 3 };

/** A regular file. */
export interface TarFile {
  /** Relative, without `.` and `..`. */
  readonly name: string;
  readonly size: number;
  /** To be read, or not, before the next file is asked for. */
  readonly body: AsyncIterable<Buffer>;
}

const BLOCK = 512;
/** Attributes that are passed over, for one file. */
const MAX_ATTRIBUTES_BYTES = 64 * 1024;
/** Zeros behind the end: writers fill up their last record. */
const MAX_TAIL_BYTES = 1024 * 1024;
const LARGEST_FILE_BYTES = 0o77777777777;

const KINDS: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a named pipe',
  L: 'a name longer than 255 bytes',
  K: 'a link',
  S: 'a sparse file',
};

/** Files in their order. `archive` is what is read, for messages. @throws REFUSED, and what `bytes` throws */
export async function* readTar(
  archive: string,
  bytes: AsyncIterable<Buffer>,
  limits: TarLimits = TAR_LIMITS,
): AsyncGenerator<TarFile, void> {
  const refuse = (why: string) => refused(archive, why);
  const input = createInput(bytes, () => refuse('it is cut short'));
  const seen = new Set<string>();
  let entries = 0;
  let total = 0;
  for (;;) {
    const block = await input.exactly(BLOCK);
    if (isZero(block)) break;
    const { name: raw, size, kind } = readHeader(block, refuse);
    entries += 1;
    if (entries > limits.maxEntries) throw refuse(`it has more than ${limits.maxEntries} entries`);
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (kind === 'x' || kind === 'g') {
      if (size > MAX_ATTRIBUTES_BYTES) throw refuse(`attributes of ${size} bytes are too many`);
      checkAttributes((await input.exactly(size)).toString('utf8'), refuse);
      await input.exactly(padding);
      continue;
    }
    const name = checkedName(raw, kind === '5', refuse);
    if (seen.has(name)) throw refuse(`it has ${JSON.stringify(name)} twice`);
    seen.add(name);
    if (kind === '5') {
      if (size > 0) throw refuse(`the directory ${JSON.stringify(name)} has a content`);
      continue;
    }
    if (kind !== '0' && kind !== '\0') {
      throw refuse(`${JSON.stringify(name)} is ${KINDS[kind] ?? 'something unknown'}, not a file`);
    }
    total += size;
    if (total > limits.maxTotalBytes) {
      throw refuse(`its files have more than ${limits.maxTotalBytes} bytes together`);
    }
    const left = { bytes: size };
    yield { name, size, body: input.pieces(left) };
    for await (const _ of input.pieces(left));
    await input.exactly(padding);
  }
  await readTail(input, refuse);
}

/** The block before a file's content: owner, group and time are always the same. */
export function tarHeader(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100 || size > LARGEST_FILE_BYTES) {
    throw new SupervisorError('REFUSED', `${name} does not fit into an archive: it has ${size} bytes`, {
      subject: name,
    });
  }
  block.write(name, 0, 'utf8');
  block.write('0000644\0', 100, 'latin1');
  block.write('0000000\x000000000\0', 108, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(`${checksumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Behind a file's content. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Behind the last file. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

type Refuse = (why: string) => SupervisorError;

function refused(archive: string, why: string): SupervisorError {
  return new SupervisorError('REFUSED', `${archive} cannot be installed: ${why}`, {
    subject: archive,
    fix: 'Make the archive with statevisor pack',
  });
}

interface Header {
  readonly name: string;
  readonly size: number;
  readonly kind: string;
}

function readHeader(block: Buffer, refuse: Refuse): Header {
  if (block.toString('latin1', 257, 262) !== 'ustar') throw refuse('it is no tar archive');
  if (octal(block, 148, 8) !== checksumOf(block)) throw refuse('the checksum of a header is wrong');
  const size = octal(block, 124, 12);
  if (size === undefined) throw refuse('the size of a file is no octal number');
  // GNU tar keeps times where POSIX has the first part of a name.
  const prefix = block.toString('latin1', 257, 265) === 'ustar\x0000' ? textAt(block, 345, 155) : '';
  const name = textAt(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size,
    kind: String.fromCharCode(block[156] ?? 0),
  };
}

/** With blanks in its own place. */
function checksumOf(block: Buffer): number {
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum;
}

function octal(block: Buffer, start: number, length: number): number | undefined {
  const text = block.toString('latin1', start, start + length);
  const digits = /^ *([0-7]+)[ \0]*$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

function textAt(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
}

/** Without `./` before it; `.` for the directory of the archive itself. */
function checkedName(raw: string, directory: boolean, refuse: Refuse): string {
  if (raw.startsWith('/')) throw refuse(`the name ${JSON.stringify(raw)} is absolute`);
  const name = (directory ? raw.replace(/\/+$/, '') : raw).replace(/^(\.\/+)+/, '');
  if (directory && (name === '' || name === '.')) return '.';
  const parts = name.split('/');
  if (parts.includes('..')) throw refuse(`the name ${JSON.stringify(raw)} leads out of it`);
  if (parts.some((part) => part === '' || part === '.')) {
    throw refuse(`the name ${JSON.stringify(raw)} is no plain name`);
  }
  return name;
}

/** `25 path=…` and the like: what would change name, size or content of the next file is refused, the rest means nothing
 *  to us. */
function checkAttributes(text: string, refuse: Refuse): void {
  const meant = /(?:^|\n)\d+ (path|linkpath|size|GNU\.sparse[^=]*)=/.exec(text)?.[1];
  if (meant !== undefined) throw refuse(`a file has its ${meant} in an extended header`);
}

async function readTail(input: Input, refuse: Refuse): Promise<void> {
  let bytes = 0;
  for await (const piece of input.rest()) {
    bytes += piece.length;
    if (bytes > MAX_TAIL_BYTES || !isZero(piece)) throw refuse('there is something behind its end');
  }
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

interface Input {
  exactly(length: number): Promise<Buffer>;
  /** Counts down what is left. */
  pieces(left: { bytes: number }): AsyncGenerator<Buffer, void>;
  rest(): AsyncGenerator<Buffer, void>;
}

function createInput(bytes: AsyncIterable<Buffer>, cutShort: () => Error): Input {
  const source = bytes[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<Buffer> => {
    const next = await source.next();
    if (next.done === true) throw cutShort();
    return next.value;
  };
  return {
    async exactly(length) {
      const parts = [held];
      let count = held.length;
      while (count < length) {
        const piece = await more();
        parts.push(piece);
        count += piece.length;
      }
      const all = parts.length === 1 ? held : Buffer.concat(parts);
      held = all.subarray(length);
      return all.subarray(0, length);
    },
    async *pieces(left) {
      while (left.bytes > 0) {
        if (held.length === 0) held = await more();
        const piece = held.subarray(0, left.bytes);
        held = held.subarray(piece.length);
        left.bytes -= piece.length;
        if (piece.length > 0) yield piece;
      }
    },
    async *rest() {
      yield held;
      for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
    },
  };
}
