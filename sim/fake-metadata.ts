/** Metadata of a make-believe device: kept in memory, over the lives of its supervisors. */

import type { MetadataFiles } from '../actors/control-ports.ts';
import type { Diary } from './diary.ts';

/** `kind`: as the diary calls it. `initial`: what the device has from the beginning, oldest first. */
export function createFakeMetadata(
  diary: Diary,
  kind: 'user-meta' | 'device-meta',
  initial: Readonly<Record<string, string>> = {},
): MetadataFiles {
  const kept = new Map(Object.entries(initial));
  const write = (key: string, value: string): Promise<void> => {
    diary.call('', `store ${kind} ${key}=${value}`);
    kept.set(key, value);
    return Promise.resolve();
  };
  return {
    read: () => Promise.resolve([...kept].reverse()),
    write,
    writeVolatile: write,
    remove: (key) => {
      diary.call('', `remove ${kind} ${key}`);
      kept.delete(key);
      return Promise.resolve();
    },
  };
}
