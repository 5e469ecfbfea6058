/** Who keeps a mount busy: for the text of an error, never for a decision. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const NAMED_AT_MOST = 5;

/** `name (pid)` of processes whose working directory, root, program or open files lie at or below `directory`. */
export function holders(directory: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const process = join('/proc', pid);
    const links = ['cwd', 'root', 'exe'].map((link) => join(process, link));
    links.push(...quiet(() => readdirSync(join(process, 'fd')), []).map((fd) => join(process, 'fd', fd)));
    if (
      !links.some((link) =>
        isBelow(
          quiet(() => readlinkSync(link), ''),
          directory,
        ),
      )
    )
      continue;
    found.push(`${quiet(() => readFileSync(join(process, 'comm'), 'utf8').trim(), '?')} (${pid})`);
    if (found.length === NAMED_AT_MOST) break;
  }
  return found;
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Processes end while we look at them. */
function quiet<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
