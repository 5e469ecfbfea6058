/** A real store in a scratch directory, with what tests ask of it again and again. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openStore, type Store, type StoreOptions } from '../../../adapters/store/store.ts';
import { type FaultCode, SupervisorError } from '../../../machines/domain/fault.ts';
import type { Revision, RevisionFile } from '../../../machines/domain/revision.ts';
import { revisionOf } from '../../support/revision.ts';

export interface StoreWorld extends Store {
  readonly storage: string;
  /** Uploads the text and says under which name. */
  put(text: string): Promise<string>;
  /** Puts a state with these files (texts ending in `}` are inline JSON, others objects), and installs it. */
  install(name: string, files: Readonly<Record<string, string>>): Promise<Installed>;
  read(path: string): string;
  inode(path: string): number;
  /** Names in a directory, sorted; none when it is missing. */
  names(path: string): readonly string[];
}

export interface Installed {
  readonly revision: Revision;
  readonly text: string;
}

export const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

export async function* piecesOf(...pieces: readonly (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

/** The revision that a state JSON with these values means, as far as the store looks at it. */
export function stateOf(values: Readonly<Record<string, string>>, parts: Partial<Revision> = {}): Installed {
  const files = Object.entries(values).map(([key, value]): [string, RevisionFile] => [
    key,
    /^[0-9a-f]{64}$/.test(value)
      ? { kind: 'object', id: value, owner: undefined }
      : { kind: 'json', text: value, owner: undefined },
  ]);
  const members = files.map(([key, file]) =>
    file.kind === 'object' ? `"${key}":"${file.id}"` : `"${key}":${file.text}`,
  );
  const text = `{"#spec":"pantavisor-service-system@1",${members.join(',')}}`;
  return { text, revision: revisionOf({}, { ...parts, files: new Map(files) }) };
}

export async function storeIn(storage: string, options: Partial<StoreOptions> = {}): Promise<StoreWorld> {
  const store = await openStore({
    storage,
    logs: join(storage, 'logs'),
    reservedPercent: () => 0,
    bootAssets: true,
    complain: (fault) => assert.fail(fault.message),
    ...options,
  });
  const { objects, revisions } = store;
  const put = async (text: string) => {
    const name = sha256(text);
    await objects.put(name, piecesOf(text), Buffer.byteLength(text));
    return name;
  };
  return {
    ...store,
    storage,
    put,
    async install(name, files) {
      const values: Record<string, string> = {};
      for (const [key, value] of Object.entries(files)) {
        values[key] = value.endsWith('}') ? value : await put(value);
      }
      const state = stateOf(values);
      await revisions.writeState(name, state.text);
      await revisions.install(name, state.revision, state.text);
      return state;
    },
    read: (path) => readFileSync(join(storage, path), 'utf8'),
    inode: (path) => statSync(join(storage, path)).ino,
    names: (path) => {
      const directory = join(storage, path);
      return statSync(directory, { throwIfNoEntry: false }) === undefined
        ? []
        : readdirSync(directory).sort();
    },
  };
}

export async function refused(
  work: Promise<unknown>,
  code: FaultCode,
  message: RegExp,
): Promise<SupervisorError> {
  let thrown: unknown;
  try {
    await work;
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof SupervisorError, `expected a failure, got ${String(thrown)}`);
  assert.equal(thrown.fault.code, code, thrown.message);
  assert.match(thrown.message, message);
  return thrown;
}
