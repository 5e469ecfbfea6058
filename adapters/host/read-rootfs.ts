/** Finds the root file system in a container's own LXC configuration, following its includes as LXC does. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { parseRootfs, type Rootfs, rootfsLines } from '../../machines/domain/lxc-rootfs.ts';
import { errnoOf } from './kernel-error.ts';

const MAX_INCLUDES = 16;

/** @throws MOUNT_FAILED when a file is missing or the value is one we cannot assemble */
export function readRootfs(container: string, configFile: string): Rootfs {
  const parsed = parseRootfs(lastPath(container, configFile, 0) ?? '');
  if (parsed.ok) return parsed.rootfs;
  throw new SupervisorError('MOUNT_FAILED', `mounting ${container}: lxc.rootfs.path: ${parsed.reason}`, {
    subject: container,
    fix: parsed.fix,
  });
}

/** The value that stands last, includes counted where they stand. */
function lastPath(container: string, file: string, depth: number): string | undefined {
  let found: string | undefined;
  for (const line of rootfsLines(textOf(container, file))) {
    if (line.kind === 'path') {
      found = line.value;
      continue;
    }
    if (depth === MAX_INCLUDES)
      throw unreadable(container, file, 'lxc.include goes round in circles', 'ELOOP');
    for (const included of includedFiles(container, resolve(dirname(file), line.path))) {
      found = lastPath(container, included, depth + 1) ?? found;
    }
  }
  return found;
}

/** A file, or every `*.conf` of a directory. */
function includedFiles(container: string, path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw unreadable(container, path, 'the file to include is missing', 'ENOENT');
  if (!stats.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.conf'));
  return names.sort().map((name) => join(path, name));
}

function textOf(container: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(container, file, 'the LXC configuration cannot be read', errnoOf(error), error);
  }
}

function unreadable(
  container: string,
  file: string,
  reason: string,
  errno: string | undefined,
  cause?: unknown,
): SupervisorError {
  return new SupervisorError(
    'MOUNT_FAILED',
    `mounting ${container}: ${file}: ${reason}${errno === undefined ? '' : ` (${errno})`}`,
    {
      subject: container,
      ...(errno === undefined ? {} : { errno }),
      fix: 'Check "config" in the container\'s run.json, and that the revision is installed completely.',
      cause,
    },
  );
}
