/** `statevisor gc`: garbage collection, and with `--dry-run` what it would do and why the rest stays (storage §11, control
 *  API §6.13). */

import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import { gridText } from '../table.ts';
import { bytesText } from './bytes.ts';
import type { CollectionDocument } from './documents.ts';
import { type ClientFlags, withSession } from './session.ts';

export interface GcFlags extends ClientFlags {
  readonly dryRun?: boolean;
}

export function gc(flags: GcFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, send, print, say, json, paint }) => {
    const dryRun = flags.dryRun === true;
    const body = dryRun ? await get('/v1/gc') : await send('POST', '/storage/gc');
    if (json) {
      print(`${body}\n`);
      return EXIT.ok;
    }
    const collection = JSON.parse(body) as Partial<CollectionDocument>;
    const { reclaimed = 0, removed = [], kept = [] } = collection;
    if (dryRun) {
      const rows = [
        ...removed.map((what) => ['remove', what, 'nothing needs it']),
        ...kept.map(({ what, because }) => ['keep', what, because]),
      ];
      print(`${gridText(['', 'WHAT', 'BECAUSE'], rows, paint)}\n`);
    }
    say(`${dryRun ? 'would reclaim' : 'reclaimed'} ${bytesText(reclaimed)}`);
    return EXIT.ok;
  });
}
