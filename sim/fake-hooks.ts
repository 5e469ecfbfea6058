/** Make-believe hooks: each run is a line of the diary, and fails where the gate says so. */

import type { HookFacts, Hooks } from '../actors/update-ports.ts';
import type { Diary } from './diary.ts';
import type { Gate } from './fake-store.ts';

export interface FakeHooks extends Hooks {
  readonly runs: readonly (HookFacts & { readonly point: string })[];
}

export function createFakeHooks({ diary, gate }: { readonly diary: Diary; readonly gate?: Gate }): FakeHooks {
  const runs: (HookFacts & { readonly point: string })[] = [];
  return {
    runs,
    run: async (point, facts) => {
      await gate?.(`hook ${point}`);
      diary.call('', `hook ${point} ${facts.revision}`);
      runs.push({ point, ...facts });
    },
  };
}
