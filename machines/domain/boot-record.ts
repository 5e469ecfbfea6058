/** What boot loader and supervisor tell each other, as text (lifecycle §14.1, logs and metadata §11): U-Boot's list of
 *  strings, GRUB's environment block, and who is to be booted. Files, and how they survive a power cut, are not for here.
 *
 *  A text stands for bytes, one character for each: what others keep there comes back as it was. */

import { FACTORY } from './boot-decision.ts';

/** What both formats hold. */
export interface BootText {
  /** `pv_rev`; undefined when absent or empty. */
  readonly rev: string | undefined;
  /** `pv_try`; undefined when absent or empty. */
  readonly tried: string | undefined;
  /** Everything else, entry by entry, as it stands there. */
  readonly others: readonly string[];
}

export type BootParsed =
  | { readonly ok: true; readonly text: BootText }
  | { readonly ok: false; readonly why: string };

export const EMPTY_BOOT_TEXT: BootText = { rev: undefined, tried: undefined, others: [] };

/** Boot loaders' scripts read an entry, key and `=` included, into as much. */
const MAX_ENTRY_BYTES = 127;

/** Whether a boot loader can be told this name. */
export function fitsBootRecord(name: string): boolean {
  return entry('pv_try', name).length <= MAX_ENTRY_BYTES;
}

/** With other variables. The boot loader's note of what it tried, `pv_trying`, ends with that: it would take the same
 *  revision, installed once more, for one that has failed. */
export function withVariables(text: BootText, variables: Pick<BootText, 'rev' | 'tried'>): BootText {
  return { ...variables, others: text.others.filter((other) => keyOf(other) !== 'pv_trying') };
}

/** The first bytes of uboot.txt, which are all that is read. */
export const UBOOT_READ_BYTES = 1024;
export const UBOOT_FILE_BYTES = 65_536;

/** `key=value` strings, each ended by NUL, and an empty one. An entry that what is read of the file cuts off is none. */
export function parseUbootText(head: string): BootText {
  const strings = head.slice(0, UBOOT_READ_BYTES).split('\0');
  const end = strings.indexOf('');
  if (end < 0 && head.length >= UBOOT_READ_BYTES) strings.pop();
  return textOf(end < 0 ? strings : strings.slice(0, end));
}

/** The whole file, padded with NUL; undefined when the entries are more than is read. `pv_rev` and then `pv_try` come
 *  first, and both are always there: scripts look for them in this order. */
export function ubootText({ rev = FACTORY, tried = '', others }: BootText): string | undefined {
  const strings = [entry('pv_rev', rev), entry('pv_try', tried), ...others];
  const text = `${strings.join('\0')}\0\0`;
  return text.length > UBOOT_READ_BYTES ? undefined : text.padEnd(UBOOT_FILE_BYTES, '\0');
}

export const GRUB_BLOCK_BYTES = 1024;
const GRUB_HEADER = '# GRUB Environment Block\n';

/** A header, `key=value` lines, `#` to the end. A backslash takes the meaning from the character after it, newline too.
 *  A line without its end, as a power cut may leave one, is none. */
export function parseGrubBlock(block: string): BootParsed {
  if (block.length !== GRUB_BLOCK_BYTES) return { ok: false, why: 'has not 1024 bytes' };
  if (!block.startsWith(GRUB_HEADER)) return { ok: false, why: 'does not begin like one' };
  const [body = ''] = /^(?:(?:[^\\\n]|\\.)*\n)*/s.exec(block.slice(GRUB_HEADER.length)) ?? [];
  return { ok: true, text: textOf(body.match(/(?:[^\\\n]|\\.)+(?=\n)/gs) ?? []) };
}

/** Undefined when the entries do not fit. Ours come first: both are in the first sector of the file. */
export function grubBlock({ rev = FACTORY, tried, others }: BootText): string | undefined {
  const ours = [entry('pv_rev', rev), ...(tried === undefined ? [] : [entry('pv_try', tried)])];
  const text = [...ours, ...others].reduce((lines, line) => `${lines}${line}\n`, GRUB_HEADER);
  return text.length > GRUB_BLOCK_BYTES ? undefined : text.padEnd(GRUB_BLOCK_BYTES, '#');
}

/** The revision that was booted: what the environment says, else the command line, else the record, else the factory's. */
export function bootedRevision(
  environment: string | undefined,
  commandLine: string,
  recorded: string | undefined,
): string {
  const words = commandLine.split(/\s+/);
  const word = words.findLast((candidate) => candidate.startsWith('pv_rev='))?.slice('pv_rev='.length);
  return [environment, word, recorded].find((name) => name !== undefined && name !== '') ?? FACTORY;
}

/** What a boot loader boots (lifecycle §14.1): `pv_try`, unless that was the attempt just before, else `pv_rev`.
 *  @param lastTried of the boot before; undefined when it was no try */
export function bootChoice(
  { committed, trying }: { readonly committed: string; readonly trying: string | undefined },
  lastTried: string | undefined,
): { readonly revision: string; readonly tried: string | undefined } {
  const tried = trying === lastTried ? undefined : trying;
  return { revision: tried ?? committed, tried };
}

/** Of entries with the same key the last one counts, as it does for boot loaders. */
function textOf(entries: readonly string[]): BootText {
  const value = (key: string): string | undefined => {
    const found = entries.findLast((candidate) => keyOf(candidate) === key)?.slice(key.length + 1);
    return found === undefined || found === '' ? undefined : fromBytes(found);
  };
  const others = entries.filter((candidate) => !['pv_rev', 'pv_try'].includes(keyOf(candidate) ?? ''));
  return { rev: value('pv_rev'), tried: value('pv_try'), others };
}

function keyOf(text: string): string | undefined {
  const equals = text.indexOf('=');
  return equals < 0 ? undefined : text.slice(0, equals);
}

function entry(key: string, value: string): string {
  return `${key}=${toBytes(value)}`;
}

function toBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function fromBytes(bytes: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    Uint8Array.from(bytes, (character) => character.charCodeAt(0)),
  );
}
