/** A make-believe boot loader and what it keeps (lifecycle §14.1): it outlives every reboot. The contract: a revision to try
 *  is booted unless it was the one attempted last; otherwise the rollback point is. */

import type { BootRecord, BootVariables, RevisionName } from '../actors/update-ports.ts';
import type { Diary } from './diary.ts';
import type { Gate } from './fake-store.ts';

export interface FakeBootOptions {
  readonly diary: Diary;
  readonly gate?: Gate;
  readonly committed?: RevisionName;
}

export interface FakeBoot {
  readonly record: BootRecord;
  readonly variables: BootVariables;
  readonly committed: RevisionName;
  readonly trying: RevisionName | undefined;
  readonly booted: RevisionName;
  /** How often it has begun. */
  readonly boots: number;
  /** The device begins: which revision is booted. */
  powerUp(): RevisionName;
  /** Whatever it has attempted before, this one is tried next, as a boot loader without memory would. */
  insist(name: RevisionName): void;
}

export function createFakeBoot({ diary, gate, committed = '0' }: FakeBootOptions): FakeBoot {
  const kept: { rev: RevisionName; try: RevisionName | undefined } = { rev: committed, try: undefined };
  const last: { attempt: RevisionName; boots: number } = { attempt: committed, boots: 0 };
  const write = async (step: string, deed: () => void): Promise<void> => {
    await gate?.(step);
    diary.call('', step);
    deed();
  };
  const variables = () => ({ committed: kept.rev, trying: kept.try, booted: last.attempt });
  return {
    get variables() {
      return variables();
    },
    record: {
      read: async () => variables(),
      setTry: (name) =>
        write(`try ${name}`, () => {
          kept.try = name;
        }),
      clearTry: () =>
        write('clear try', () => {
          kept.try = undefined;
        }),
      commit: (name) =>
        write(`commit ${name}`, () => {
          kept.rev = name;
          kept.try = undefined;
        }),
    },
    get committed() {
      return kept.rev;
    },
    get trying() {
      return kept.try;
    },
    get booted() {
      return last.attempt;
    },
    get boots() {
      return last.boots;
    },
    insist: (name) => {
      kept.try = name;
      last.attempt = kept.rev;
    },
    powerUp: () => {
      last.boots += 1;
      last.attempt = kept.try !== undefined && kept.try !== last.attempt ? kept.try : kept.rev;
      diary.happening('', `the boot loader boots ${last.attempt}`);
      return last.attempt;
    },
  };
}
