/** The boot record of a run that was given its state: no boot loader stands behind it. It is told what is tried and
 *  committed while the run lasts; the next run begins with what it is given. */

import type { BootRecord, BootVariables, RevisionName } from '../../../actors/update-ports.ts';

export function givenRevision(name: RevisionName): BootRecord {
  let variables: BootVariables = { committed: name, trying: undefined, booted: name };
  return {
    read: async () => variables,
    setTry: async (trying) => {
      variables = { ...variables, trying };
    },
    clearTry: async () => {
      variables = { ...variables, trying: undefined };
    },
    commit: async (committed) => {
      variables = { ...variables, committed, trying: undefined };
    },
  };
}
