/** The hands of the chart of an update: each deed it asks for, as a promise actor over the ports. No policy is here. */

import { fromPromise } from 'xstate';
import { compare } from '../machines/domain/diff.ts';
import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import { isFinal, MESSAGES } from '../machines/domain/progress.ts';
import type { Candidate, Move, ProgressStep } from '../machines/domain/update.ts';
import { trialMachine } from '../machines/trial.ts';
import { type Unmarking, updateMachine } from '../machines/update.ts';
import { type RevisionReader, readRevision } from './revision-files.ts';
import type { Stage } from './stage.ts';
import { watchTrial } from './trial.ts';
import type { BootRecord, HookPoint, Hooks, RevisionName, RevisionStore } from './update-ports.ts';

export interface UpdateHands extends RevisionReader {
  readonly store: RevisionStore;
  readonly boot: BootRecord;
  readonly hooks: Hooks;
  readonly stage: Stage;
  /** Asks for a reboot, even where no supervisor runs. */
  readonly leave: (because: string) => void;
  /** Told of what failed and changes nothing else. Must not throw. */
  readonly complain: (fault: Fault) => void;
}

export function provideUpdate(hands: UpdateHands) {
  const { store, boot, stage, complain } = hands;
  const record = createProgressWriter(store);
  const writeProgress = fromPromise<void, ProgressStep>(({ input }) => record(input));

  return updateMachine.provide({
    actions: {
      complain: (_, { fault }) => {
        if (fault !== undefined) complain(fault);
      },
    },
    actors: {
      /** What an earlier run of it left on record says nothing of this one. */
      takeUp: fromPromise<void, string>(async ({ input: name }) => {
        store.recordErrors(name);
        const progress = await store.progress(name);
        if (progress !== undefined && isFinal(progress.status)) {
          await record({ name, status: 'NEW', message: MESSAGES.ready, final: false });
        }
      }),
      loadUpdate: fromPromise<Candidate, string>(({ input }) => readRevision(hands, input)),
      installUpdate: fromPromise<void, Candidate>(({ input: { name, revision, text } }) =>
        store.install(name, revision, text),
      ),
      verifyUpdate: fromPromise<void, Candidate>(({ input: { name, revision } }) =>
        store.verify(name, revision),
      ),
      markTry: fromPromise<void, string>(async ({ input: name, signal }) => {
        await runHook(hands, 'system-install-update', name, name);
        if (!signal.aborted) await boot.setTry(name);
      }),
      unmarkTry: fromPromise<void, Unmarking>(({ input }) => unmarkTry(hands, input)),
      writeProgress,
      moveContainers: fromPromise<void, Move>(async ({ input: { from, to, plan }, signal }) => {
        await stage.change({ next: to, leaving: plan.stop, before: from.name, trial: true, signal });
        await store.makeCurrent(to.name);
      }),
      moveBack: fromPromise<void, Omit<Move, 'plan'>>(async ({ input: { from, to }, signal }) => {
        const plan = compare(from.revision, to.revision);
        if (plan.kind === 'reboot') {
          throw new SupervisorError(
            'REFUSED',
            `revision ${to.name} does not follow ${from.name} without a reboot`,
          );
        }
        await store.makeCurrent(to.name);
        await stage.change({ next: to, leaving: plan.stop, trial: false, signal });
      }),
      trial: trialMachine.provide({ actors: { watchTrial: watchTrial(stage), writeProgress } }),
      commitBoot: fromPromise<void, string>(({ input }) => boot.commit(input)),
      markDone: fromPromise<void, string>(({ input }) => store.markDone(input)),
      leaveDevice: fromPromise<void, string>(async ({ input }) => hands.leave(input)),
    },
  });
}

/** One record at a time: what is told last is what stays, even where the chart has moved on before a write ended. */
function createProgressWriter(store: RevisionStore): (step: ProgressStep) => Promise<void> {
  const turn = { last: Promise.resolve() };
  const write = async ({ name, status, message, final }: ProgressStep): Promise<void> => {
    const retries = (await store.progress(name))?.retries ?? 0;
    if (final) await store.keepErrors(name);
    await store.writeProgress(name, { status, message, retries });
  };
  return (step) => {
    const written = turn.last.then(() => write(step));
    turn.last = written.catch(() => undefined);
    return written;
  };
}

/** The marker names what the next boot should try: nothing, or what runs on as UPDATED without being the rollback point. */
export async function unmarkTry(
  { boot, store }: Pick<UpdateHands, 'boot' | 'store'>,
  { failed, resting }: Unmarking,
): Promise<void> {
  const { committed, trying } = await boot.read();
  const runsOn = resting !== undefined && resting !== failed && resting !== committed;
  if (runsOn && (await store.progress(resting))?.status === 'UPDATED') {
    if (trying !== resting) await boot.setTry(resting);
  } else if (trying !== undefined) {
    await boot.clearTry();
  }
}

async function runHook(
  { hooks, store, stage, boot }: UpdateHands,
  point: HookPoint,
  trying: RevisionName,
  tried: RevisionName,
): Promise<void> {
  const { committed } = await boot.read();
  const revision = stage.running?.name ?? committed;
  const status = (await store.progress(tried))?.status;
  await hooks.run(point, { revision, trying, tryBoot: false, status });
}
