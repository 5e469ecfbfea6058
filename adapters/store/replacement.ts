/** Another revision under a name that exists, as MAKE_FACTORY wants it (control API §6.12): the new trail is made whole
 *  beside the old one, then they change places. Between the two renames there is no such trail; a power cut there is
 *  made good when the store is opened, for the new one is whole by then. */

import { dirname, join } from 'node:path';
import type { Disk } from './disk.ts';
import { storing } from './durable.ts';
import { type Installation, installTrail } from './install.ts';
import { removedName, stagedFrom, stagedName, trailPlaces } from './places.ts';

/** @throws as `installTrail`; then the trail is what it was */
export async function replaceTrail(work: Installation): Promise<void> {
  const { disk, places, trail } = work;
  const { name, directory } = trail;
  const staged = stagedName(directory);
  await storing(`replacing revision ${name}`, name, async () => {
    await disk.removeTree(staged);
    try {
      await installTrail({ ...work, trail: trailPlaces(places, name, staged) });
    } catch (error) {
      await disk.removeTree(staged);
      throw error;
    }
    const old = removedName(directory);
    if ((await disk.look(directory)) !== undefined) {
      await disk.removeTree(old);
      await disk.rename(directory, old);
      await disk.syncDirectory(dirname(directory));
    }
    await disk.rename(staged, directory);
    await disk.syncDirectory(dirname(directory));
    await disk.removeTree(old);
    await disk.syncDirectory(dirname(directory));
  });
}

/** Of the trails in `parent`: where the old one has gone already and the new one is whole, it takes the place; else it is
 *  given up. */
export async function finishReplacements(disk: Disk, parent: string): Promise<void> {
  for (const entry of await disk.names(parent)) {
    const trail = stagedFrom(entry);
    if (trail === undefined) continue;
    const staged = join(parent, entry);
    const gone = (await disk.look(join(parent, trail))) === undefined;
    // The state JSON is the last that is written.
    const whole = (await disk.look(join(staged, '.pvr', 'json'))) !== undefined;
    if (gone && whole) await disk.rename(staged, join(parent, trail));
    else await disk.removeTree(staged);
    await disk.syncDirectory(parent);
  }
}
