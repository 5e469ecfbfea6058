/** Reads a container's own LXC configuration as LXC would: line by line, includes where they stand. The result is
 *  one flat list that no longer depends on where the files lie. What is made of it is in `lxc-config.ts`. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf } from './kernel-error.ts';

export interface ConfigLine {
  readonly key: string;
  /** As written, quotes included. */
  readonly value: string;
  /** Of the file the line stands in: what relative paths in it are relative to. */
  readonly directory: string;
}

const MAX_INCLUDES = 16;

/** @throws START_FAILED with file and line */
export function readLxcConfig(container: string, file: string): readonly ConfigLine[] {
  return linesOf(container, file, 0);
}

function linesOf(container: string, file: string, depth: number): readonly ConfigLine[] {
  if (depth > MAX_INCLUDES) throw unusable(container, file, 'lxc.include goes round in circles', 'ELOOP');
  const directory = dirname(file);
  return textOf(container, file)
    .split('\n')
    .flatMap((raw, index): readonly ConfigLine[] => {
      const text = raw.trim();
      if (text === '' || text.startsWith('#')) return [];
      const equals = text.indexOf('=');
      if (equals < 0) throw unusable(container, `${file}:${index + 1}`, `"${text}" is not KEY = VALUE`);
      const key = text.slice(0, equals).trim();
      const value = text.slice(equals + 1).trim();
      if (key === 'lxc.include') {
        return includedFiles(container, resolve(directory, unquoted(value))).flatMap((included) =>
          linesOf(container, included, depth + 1),
        );
      }
      if (key === 'lxc.mount.fstab' && value !== '') {
        return fstabLines(container, resolve(directory, unquoted(value)));
      }
      return [{ key, value, directory }];
    });
}

/** A file, or every `*.conf` of a directory. */
function includedFiles(container: string, path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw unusable(container, path, 'the file to include is missing', 'ENOENT');
  if (!stats.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.conf'));
  return names.sort().map((name) => join(path, name));
}

function fstabLines(container: string, file: string): readonly ConfigLine[] {
  return textOf(container, file)
    .split('\n')
    .map((text) => text.trim())
    .filter((text) => text !== '' && !text.startsWith('#'))
    .map((value) => ({ key: 'lxc.mount.entry', value, directory: dirname(file) }));
}

function textOf(container: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(container, file, 'the LXC configuration cannot be read', errnoOf(error), error);
  }
}

/** LXC takes one pair of quotes off a value. */
export function unquoted(value: string): string {
  const quote = value[0];
  const quoted = value.length > 1 && (quote === '"' || quote === "'") && value.endsWith(quote);
  return quoted ? value.slice(1, -1) : value;
}

function unusable(
  container: string,
  where: string,
  reason: string,
  errno?: string,
  cause?: unknown,
): SupervisorError {
  return new SupervisorError(
    'START_FAILED',
    `starting ${container}: ${where}: ${reason}${errno === undefined ? '' : ` (${errno})`}`,
    {
      subject: container,
      ...(errno === undefined ? {} : { errno }),
      fix: 'Check "config" in its run.json and the files it includes, and that the revision is installed completely.',
      cause,
    },
  );
}
