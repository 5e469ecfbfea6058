/** `statevisor meta`: user and device metadata (control API §6.8). */

import { readJson } from '../../../machines/domain/json-text.ts';
import { keyFault, MAX_VALUE_BYTES, type MetadataKind } from '../../../machines/domain/metadata.ts';
import { UsageError } from '../../settings.ts';
import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import { gridText } from '../table.ts';
import { type ClientFlags, NO_CONTENT, Stop, segmentOf, withSession } from './session.ts';

export function listMeta(kind: MetadataKind, flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await get(`/${kind}`);
    const rows = [...membersOf(body)].map(([key, { text }]) => [key, oneLine(text)]);
    print(json ? `${body}\n` : `${gridText(['KEY', 'VALUE'], rows, paint)}\n`);
    return EXIT.ok;
  });
}

/** The value as it is, or as JSON. 3: there is no such key. */
export function getMeta(
  kind: MetadataKind,
  key: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json }) => {
    const member = membersOf(await get(`/${kind}`)).get(key);
    if (member === undefined) throw new Stop(EXIT.notFound, `there is no ${kind} ${JSON.stringify(key)}`);
    print(`${json ? member.raw : member.text}\n`);
    return EXIT.ok;
  });
}

/** @throws UsageError for what can be no key or no value */
export function setMeta(
  kind: MetadataKind,
  key: string,
  value: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const fault = keyFault(key);
  if (fault !== undefined) throw new UsageError(`${JSON.stringify(key)} can be no key: ${fault}`);
  if (key.includes(' ')) throw new UsageError(`${JSON.stringify(key)} can be no key: it contains a blank`);
  const length = Buffer.byteLength(value);
  if (length === 0 || length > MAX_VALUE_BYTES) {
    throw new UsageError(`a value has 1 to ${MAX_VALUE_BYTES} bytes, this one ${length}`);
  }
  return withSession(flags, terminal, async ({ send, print, json }) => {
    await send('PUT', `/${kind}/${segmentOf('key', key)}`, value);
    if (json) print(NO_CONTENT);
    return EXIT.ok;
  });
}

/** 3: there is no such key. */
export function deleteMeta(
  kind: MetadataKind,
  key: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ send, print, json }) => {
    await send('DELETE', `/${kind}/${segmentOf('key', key)}`);
    if (json) print(NO_CONTENT);
    return EXIT.ok;
  });
}

interface Member {
  /** JSON, as the supervisor wrote it. */
  readonly raw: string;
  /** What a string says; anything else as it was written. */
  readonly text: string;
}

function membersOf(body: string): ReadonlyMap<string, Member> {
  const read = readJson(body);
  if (!read.ok || read.root.kind !== 'object') throw new Error(`metadata that is no JSON object: ${body}`);
  return new Map(
    [...read.root.members].map(([key, node]) => {
      const raw = body.slice(node.start, node.end);
      return [key, { raw, text: node.kind === 'string' ? node.value : raw }];
    }),
  );
}

/** Rows stay rows, and nothing that a value contains moves the cursor. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => JSON.stringify(character).slice(1, -1));
}
