/** Revisions as clients see them (control API §6.7): listed, read, installed under a local name, commented on.
 *
 *  A state is checked before anything is written: a refused one leaves nothing, and leaves what has the name already as it
 *  is. What the device runs, goes back to or tries next is not given another state at all; the same state again is
 *  welcome. Objects are looked at when the revision is run. */

import { type Fault, SupervisorError, toFault } from '../machines/domain/fault.ts';
import { MESSAGES, type Progress } from '../machines/domain/progress.ts';
import {
  BAD_STEP_NAME,
  inUseAnswer,
  refusalOf,
  type StepAnswer,
  UPDATE_ONGOING,
} from '../machines/domain/step-answer.ts';
import { isLocalName, isRevisionName } from '../machines/domain/step-name.ts';
import type { Steps } from './control-ports.ts';
import { checkState, type StateChecks } from './revision-files.ts';
import type { RevisionName, RevisionStore } from './update-ports.ts';

export interface StepsPorts extends StateChecks {
  readonly store: RevisionStore;
  readonly running: () => RevisionName | undefined;
  /** The one that an update is under way to. */
  readonly updatingTo: () => RevisionName | undefined;
  /** Revisions that must stay, with why. */
  readonly roots: () => Promise<ReadonlyMap<RevisionName, string>>;
  /** Told why a state was refused. Must not throw. */
  readonly complain: (fault: Fault) => void;
}

const INSTALLED: StepAnswer = { status: 200 };

export function createSteps(ports: StepsPorts): Steps {
  const { store, complain } = ports;
  const turn: { last: Promise<unknown> } = { last: Promise.resolve() };

  /** `current` is what runs; undefined for what is no name of a revision. */
  async function resolve(name: string): Promise<RevisionName | undefined> {
    if (name === 'current') return ports.running() ?? (await store.current());
    return isRevisionName(name) ? name : undefined;
  }

  async function install(name: RevisionName, text: string): Promise<StepAnswer> {
    try {
      await checkState(ports, name, text);
      const before = await store.state(name);
      const because = before === undefined ? undefined : (await ports.roots()).get(name);
      if (because !== undefined) {
        if (before === text) return INSTALLED;
        return ports.updatingTo() === name ? UPDATE_ONGOING : inUseAnswer(name, because);
      }
      await (before === undefined ? create(name, text) : overwrite(name, text));
      return INSTALLED;
    } catch (error) {
      if (!(error instanceof SupervisorError)) throw error;
      complain(error.fault);
      return refusalOf(error.fault);
    }
  }

  /** In this order a power cut leaves no state that claims to be ready and is not. */
  async function write(name: RevisionName, text: string): Promise<void> {
    await store.writeProgress(name, progressNew(MESSAGES.notInstalled));
    await store.writeState(name, text);
    await store.writeProgress(name, progressNew(MESSAGES.ready));
  }

  async function create(name: RevisionName, text: string): Promise<void> {
    try {
      await write(name, text);
    } catch (error) {
      await settle(() => store.remove(name));
      throw error;
    }
  }

  async function overwrite(name: RevisionName, text: string): Promise<void> {
    const [state, progress] = [await store.state(name), await store.progress(name)];
    try {
      await write(name, text);
    } catch (error) {
      // It is as new as it says, or it is what it was.
      const kept = (await store.state(name)) === state;
      if (kept && progress !== undefined) await settle(() => store.writeProgress(name, progress));
      throw error;
    }
  }

  /** What went wrong before is what the client hears of. */
  async function settle(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      complain(toFault(error));
    }
  }

  return {
    list: () => store.list(),
    async state(name) {
      const found = await resolve(name);
      return found === undefined ? undefined : store.state(found);
    },
    async progress(name) {
      const found = await resolve(name);
      return found === undefined ? undefined : store.progressText(found);
    },
    put(name, text) {
      if (!isLocalName(name)) return Promise.resolve({ status: 400, error: BAD_STEP_NAME });
      // Two that write one name must not mix.
      const answer = turn.last.then(() => install(name, text));
      turn.last = answer.catch(() => undefined);
      return answer;
    },
    async comment(name, text) {
      const found = await resolve(name);
      if (found === undefined) return { status: 400, error: BAD_STEP_NAME };
      await store.writeCommitMessage(found, text);
      return INSTALLED;
    },
  };
}

function progressNew(message: string): Progress {
  return { status: 'NEW', message, retries: 0 };
}
