/** How the containers of a scenario behave: as the revision that runs has it. */

import { type Decide, decideBy } from './conduct.ts';
import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';

export interface RevisionConduct {
  readonly decide: Decide;
  /** From now on as this revision has it. */
  readonly begins: (revision: string) => void;
}

export function conductOf({ conduct, storage }: Scenario, random: Random): RevisionConduct {
  const common = decideBy(conduct, random);
  const own = new Map(
    Array.from(storage?.revisions ?? [], ([name, revision]) => [name, decideBy(revision.conduct, random)]),
  );
  const now = { decide: common };
  return {
    decide: (operation, subject) => now.decide(operation, subject),
    begins: (revision) => {
      now.decide = own.get(revision) ?? common;
    },
  };
}
