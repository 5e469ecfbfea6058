/** The records of this boot and revision on disk: `<run-dir>/journal`, a header line and then one line per change, of
 *  which the last of each container counts. A change costs one `write`, a tenth of replacing a small file where the
 *  run directory is no tmpfs. The file outlives the supervisor but no boot, so nothing is synced; a line is torn only
 *  if the disk is full. What cannot be read is reported and counts as absent; the kernel says what runs. */

import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Journal } from '../../actors/ports.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { ContainerRecord } from '../../machines/domain/record.ts';
import { errnoOf, fileError, replaceVolatile } from './files.ts';
import { parseRecord } from './record-json.ts';

/** What the records belong to. */
export interface JournalHeader {
  readonly bootId: string;
  readonly revision: string;
  /** What `revision` replaced without a reboot, and goes back to when it fails. */
  readonly before?: string | undefined;
}

/** What an earlier supervisor of this boot left. */
export interface PastJournal {
  /** Undefined when the header could not be read. */
  readonly revision: string | undefined;
  readonly before?: string | undefined;
  readonly records: readonly ContainerRecord[];
}

export interface OpenJournal extends Journal {
  close(): void;
}

/** The file is rewritten with the last records when it has grown beyond this, and to twice what they take. */
const MAX_BYTES = 512 * 1024;

/** Reads what is there; undefined when there is nothing, or only what an earlier boot left.
 *  @throws JOURNAL_FAILED when the file cannot be read at all */
export function readPast(
  runDirectory: string,
  bootId: string,
  report: (fault: Fault) => void,
): PastJournal | undefined {
  const path = journalIn(runDirectory);
  const text = read(path);
  if (text === undefined) return undefined;
  const [first = '', ...lines] = text.trimEnd().split('\n');
  const unreadable: string[] = [];
  const header = readLine(1, () => parseHeader(first), unreadable);
  if (header !== undefined && header.bootId !== bootId) return undefined;
  const records = new Map<string, ContainerRecord>();
  for (const [index, line] of lines.entries()) {
    const record = readLine(index + 2, () => parseRecord(line), unreadable);
    if (record !== undefined) records.set(record.name, record);
  }
  const [firstUnreadable] = unreadable;
  if (firstUnreadable !== undefined) {
    const message = `${path}: ${unreadable.length} unreadable, passed over; ${firstUnreadable}`;
    report(new SupervisorError('JOURNAL_FAILED', message, { subject: path }).fault);
  }
  return { revision: header?.revision, before: header?.before, records: [...records.values()] };
}

/** Starts a journal, or goes on with the one that `past` describes. @throws JOURNAL_FAILED */
export function openJournal(
  runDirectory: string,
  header: JournalHeader,
  past: Pick<PastJournal, 'revision' | 'records'> | undefined,
): OpenJournal {
  const path = journalIn(runDirectory);
  const records = past?.revision === header.revision ? past.records : [];
  const latest = new Map(records.map((record) => [record.name, JSON.stringify(record)]));
  let file = rewrite(path, header, latest);
  return {
    read: () => Promise.resolve(records),
    write: (record) => {
      const text = JSON.stringify(record);
      latest.set(record.name, text);
      try {
        file.size += append(file.descriptor, `${text}\n`);
        if (file.size <= file.limit) return;
        closeSync(file.descriptor);
        file = rewrite(path, header, latest);
      } catch (error) {
        throw fileError('JOURNAL_FAILED', `recording container ${record.name}`, record.name, error);
      }
    },
    close: () => closeSync(file.descriptor),
  };
}

/** The device has come to its end in good order: what begins next begins afresh, though the boot be the same. */
export function dropJournal(runDirectory: string): void {
  rmSync(journalIn(runDirectory), { force: true });
}

const journalIn = (runDirectory: string) => join(runDirectory, 'journal');

function rewrite(path: string, header: JournalHeader, latest: ReadonlyMap<string, string>) {
  const text = `${[JSON.stringify(header), ...latest.values()].join('\n')}\n`;
  try {
    replaceVolatile(path, text);
    const size = Buffer.byteLength(text);
    return { descriptor: openSync(path, 'a'), size, limit: Math.max(MAX_BYTES, 2 * size) };
  } catch (error) {
    throw fileError('JOURNAL_FAILED', `starting the journal ${path}`, path, error);
  }
}

/** Bytes written: all of them. */
function append(descriptor: number, line: string): number {
  const length = Buffer.byteLength(line);
  if (writeSync(descriptor, line) === length) return length;
  throw Object.assign(new Error('the line was written in part'), { code: 'ENOSPC' });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError('JOURNAL_FAILED', `reading the journal ${path}`, path, error);
  }
}

function parseHeader(line: string): JournalHeader {
  const { bootId, revision, before } = (JSON.parse(line) ?? {}) as Partial<JournalHeader>;
  if (typeof bootId === 'string' && typeof revision === 'string') {
    return { bootId, revision, ...(typeof before === 'string' ? { before } : {}) };
  }
  throw new Error('it names no boot and revision');
}

function readLine<T>(line: number, parse: () => T, unreadable: string[]): T | undefined {
  try {
    return parse();
  } catch (error) {
    unreadable.push(`line ${line}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
