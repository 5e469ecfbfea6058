/** Which of the things that a power cut may leave are looked at: all combinations would be too many.
 *
 *  The bound. Of each cut: nothing that was not synced is left; everything is; and so many more by chance with a seed, each
 *  unsynced name and each unsynced write decided on its own. Where there is nothing unsynced, all of them are the same
 *  disk, which is looked at once. */

import { createRandom } from '../../sim/random.ts';
import type { Fate } from './disk-image.ts';

export const NOTHING: Fate = { keepsName: () => false, bytesLeft: () => undefined };
export const EVERYTHING: Fate = { keepsName: () => true, bytesLeft: (bytes) => bytes };

export function fates(seed: number, byChance: number): readonly Fate[] {
  return [NOTHING, EVERYTHING, ...Array.from({ length: byChance }, (_, at) => chance(seed * 1009 + at))];
}

function chance(seed: number): Fate {
  const random = createRandom(seed);
  return {
    keepsName: () => random.between(0, 1) === 1,
    bytesLeft: (bytes, over) => {
      const roll = random.between(0, over ? 1 : 3);
      if (roll === 0) return undefined;
      if (roll === 1) return bytes;
      if (roll === 2) return bytes.subarray(0, random.between(0, bytes.length));
      return Buffer.alloc(bytes.length, random.next() & 0xff);
    },
  };
}
