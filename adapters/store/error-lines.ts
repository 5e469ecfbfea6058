/** Lines of level ERROR and FATAL that come while an update runs, for its progress record (logs and metadata §3, output
 *  `update`). They are kept in `.pv/logs.tmp`, so that a revision that was cut off can say why when it is an
 *  "Unexpected rollback"; the first 4096 bytes of whole lines, because the first error is the cause of the others. */

import { dirname, join } from 'node:path';
import type { RevisionName } from '../../actors/update-ports.ts';
import { type Fault, toFault } from '../../machines/domain/fault.ts';
import { utf8Length } from '../../machines/domain/utf8.ts';
import type { Disk } from './disk.ts';
import { type DurableFiles, storing } from './durable.ts';
import { type Places, trailPlaces } from './places.ts';
import type { Turn } from './turn.ts';

/** Of the lines together, with their line feeds (storage §2). */
export const MAX_ERROR_BYTES = 4096;

export interface ErrorLinesOptions {
  readonly disk: Disk;
  readonly files: DurableFiles;
  readonly places: Places;
  /** Writes of records follow one another. */
  readonly turn: Turn;
  /** What could not be written; nobody waits for it. */
  readonly complain: (fault: Fault) => void;
}

export interface ErrorLines {
  record(name: RevisionName | undefined): void;
  /** One line of JSON, without line feed; forgotten when nothing is recorded. */
  sink(line: string): void;
  keep(name: RevisionName): Promise<void>;
}

interface Recording {
  readonly name: RevisionName;
  /** Not yet on disk. */
  pending: string[];
}

export function createErrorLines({ disk, files, places, turn, complain }: ErrorLinesOptions): ErrorLines {
  let recording: Recording | undefined;

  /** Adds what is pending to the file, as far as it fits. */
  async function flush(recorded: Recording): Promise<void> {
    const lines = recorded.pending.splice(0);
    if (lines.length === 0) return;
    const { records, errorsBeingRecorded: path } = trailPlaces(places, recorded.name);
    const before = (await files.readText(path)) ?? '';
    const text = lines.reduce(added, before);
    if (text === before) return;
    await files.makeDirectories(places.storage, records.slice(places.storage.length + 1));
    await files.replace(path, text);
  }

  function inBackground(name: RevisionName, work: () => Promise<void>): void {
    turn(() => storing(`recording errors of revision ${name}`, name, work)).catch((error: unknown) =>
      complain(toFault(error)),
    );
  }

  return {
    record(name) {
      if (recording?.name === name) return;
      recording = name === undefined ? undefined : { name, pending: [] };
      if (name === undefined) return;
      // Lines of an earlier attempt are not of this one.
      inBackground(name, async () => {
        const { errors } = trailPlaces(places, name);
        if (await files.discard(errors)) await disk.syncDirectory(dirname(errors));
      });
    },
    sink(line) {
      const current = recording;
      if (current === undefined) return;
      current.pending.push(line);
      if (current.pending.length === 1) inBackground(current.name, () => flush(current));
    },
    keep: (name) =>
      turn(() =>
        storing(`keeping the errors of revision ${name}`, name, async () => {
          if (recording?.name === name) await flush(recording);
          const { errors, errorsBeingRecorded, directory } = trailPlaces(places, name);
          if ((await disk.look(errorsBeingRecorded)) === undefined) return;
          await disk.rename(errorsBeingRecorded, errors);
          await disk.syncDirectory(join(directory, '.pv'));
        }),
      ),
  };
}

function added(text: string, line: string): string {
  const longer = `${text}${line.replaceAll('\n', ' ')}\n`;
  return utf8Length(longer) <= MAX_ERROR_BYTES ? longer : text;
}
