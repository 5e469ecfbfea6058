/** Which driver aliases are loaded: `<run-dir>/drivers`, one JSON document that no boot outlives. It is read when the
 *  first driver is asked for, and written when one changes; a device without drivers never has it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DriverRecord } from '../../actors/ports.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf, fileError, replaceVolatile } from './files.ts';

/** What cannot be read is reported and counts as absent: loading a module twice does no harm. */
export function openDriverRecord(
  runDirectory: string,
  bootId: string,
  report: (fault: Fault) => void,
): DriverRecord {
  const path = join(runDirectory, 'drivers');
  return {
    read: () => {
      try {
        return loadedIn(readFileSync(path, 'utf8'), bootId);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return [];
        report(fileError('JOURNAL_FAILED', `reading the record of drivers ${path}`, path, error).fault);
        return [];
      }
    },
    write: (loaded) => {
      try {
        replaceVolatile(path, `${JSON.stringify({ bootId, loaded })}\n`);
      } catch (error) {
        throw fileError('JOURNAL_FAILED', `recording the loaded drivers in ${path}`, path, error);
      }
    },
  };
}

function loadedIn(text: string, bootId: string): readonly string[] {
  const document = (JSON.parse(text) ?? {}) as { readonly bootId?: unknown; readonly loaded?: unknown };
  if (document.bootId !== bootId) return [];
  if (Array.isArray(document.loaded) && document.loaded.every((alias) => typeof alias === 'string')) {
    return document.loaded;
  }
  throw new SupervisorError('JOURNAL_FAILED', 'it lists no aliases');
}
