/** Directories without symbolic links in their paths. The kernel's tables, LXC's sockets and the arguments of its
 *  processes name places so; what is compared with them, by this supervisor or the next, must too. */

import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Layout } from '../../machines/domain/layout.ts';
import { errnoOf } from './kernel-error.ts';

export function realLayout(layout: Layout): Layout {
  const { storage, runDir, volumes, configs, media, exports } = layout;
  return {
    ...layout,
    storage: realPath(storage),
    runDir: realPath(runDir),
    volumes: realPath(volumes),
    configs: realPath(configs),
    media: realPath(media),
    exports: realPath(exports),
  };
}

/** Also of what does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // Who makes or uses it says what is wrong with it.
    if (!['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
    return join(realPath(dirname(path)), basename(path));
  }
}
