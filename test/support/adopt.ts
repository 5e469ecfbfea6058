/** The story of every adoption: a supervisor dies, time passes, the next one begins on the same device. */

import type { Revision } from '../../machines/domain/revision.ts';
import { boot, type World, type WorldOptions } from './world.ts';

/** Booted, brought to where the story begins, killed, away for a while, and adopted. */
export interface Story {
  readonly revision: Revision;
  readonly options?: WorldOptions;
  /** Until the supervisor is killed. */
  readonly before?: (world: World) => Promise<unknown>;
  readonly awayMs?: number;
}

export async function adopt({
  revision,
  options,
  before,
  awayMs = 0,
}: Story): Promise<{ died: World; world: World }> {
  const died = await boot(revision, options);
  await before?.(died);
  died.cut();
  await died.pass(awayMs);
  return { died, world: await boot(revision, { after: died }) };
}
