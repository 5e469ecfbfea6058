/** Which revisions garbage collection leaves alone, and why (lifecycle §16, L-30). */

import { FACTORY } from '../machines/domain/boot-decision.ts';
import type { Config } from './control-ports.ts';
import type { Stage } from './stage.ts';
import type { BootRecord, RevisionName, RevisionStore } from './update-ports.ts';

export interface RootsPorts {
  readonly store: RevisionStore;
  readonly boot: BootRecord;
  readonly config: Pick<Config, 'value'>;
  readonly stage: Stage;
}

/** `busy`: what an update or a command works on, with why. The first reason counts. @throws what boot record and store
 *  throw */
export async function rootsOf(
  { store, boot, config, stage }: RootsPorts,
  busy: readonly (readonly [name: RevisionName, because: string])[],
): Promise<ReadonlyMap<RevisionName, string>> {
  const { committed, trying } = await boot.read();
  const kept = new Map<RevisionName, string>();
  const keep = (name: RevisionName | undefined, because: string) => {
    if (name !== undefined && !kept.has(name)) kept.set(name, because);
  };
  keep(stage.running?.name, 'it runs');
  for (const [name, because] of busy) keep(name, because);
  keep(stage.before, 'the update under way goes back to it when it fails');
  keep(committed, 'it is the rollback point');
  keep(trying, 'the next boot tries it');
  keep(await store.current(), 'it is the current one');
  if (config.value('PV_STORAGE_GC_KEEP_FACTORY')) keep(FACTORY, 'it is the factory revision');
  const mounted = stage.mountedRevisions();
  for (const name of mounted ?? []) keep(name, 'a running container has its storage mounted');
  if (mounted === undefined) {
    for (const { name } of await store.list()) {
      keep(name, 'a container may have its storage mounted since an earlier supervisor');
    }
  }
  return kept;
}
