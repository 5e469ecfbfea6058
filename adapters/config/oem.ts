/** The OEM file of a revision: `<trail>/<PV_OEM_NAME>/<policy, or "default">.config` (logs and metadata §7.1). It is read
 *  when the revision starts; another revision brings another one. */

import { join } from 'node:path';
import { type Saying, settle } from '../../machines/domain/config.ts';
import { optionalFile, policyOf, type Sources } from './sources.ts';

/** What the OEM file says, nothing when there is none. `sayings`: those of all other levels. */
export function readOem(sayings: readonly Saying[], trail: string): Sources {
  const oem = settle(sayings).value('PV_OEM_NAME') ?? '';
  if (oem === '') return { sayings: [], complaints: [] };
  return optionalFile(join(trail, oem, `${policyOf(sayings) ?? 'default'}.config`), 'oem config');
}
