/** A disk of which only what matters is written down. */

import type { DiskSpec } from '../../machines/domain/revision.ts';

export function diskSpec(name: string, parts: Partial<DiskSpec> = {}): DiskSpec {
  return {
    name,
    type: 'volume-disk',
    path: undefined,
    mode: undefined,
    format: undefined,
    formatOptions: undefined,
    mountOptions: undefined,
    mountTarget: undefined,
    provision: undefined,
    provisionOptions: undefined,
    uuid: undefined,
    default: false,
    migrateKeyblob: false,
    aliases: [],
    disks: [],
    initOrder: [],
    ...parts,
  };
}
