/** How a supervisor begins: after a boot of the device it decides what to do with the revision that was booted and does it
 *  (lifecycle §14.2, §14.3); after the death of another supervisor it goes on with what that one ran. */

import { concerned, decideBoot } from '../machines/domain/boot-decision.ts';
import { type Fault, SupervisorError, toFault } from '../machines/domain/fault.ts';
import { hasFailed, MESSAGES, type Progress, type ProgressStatus } from '../machines/domain/progress.ts';
import { contentMessageOf, messageOf, type UpdateOrigin } from '../machines/domain/update.ts';
import { readRevision } from './revision-files.ts';
import { type UpdateHands, unmarkTry } from './update.ts';
import type { PastRun, RevisionHost, RevisionName } from './update-ports.ts';

export interface BeginPorts extends Omit<UpdateHands, 'leave' | 'hooks'> {
  readonly host: RevisionHost;
}

/** Starts the stage. Resolves with the update that goes on, if there is one. What keeps a tried revision from running is
 *  recorded. @throws SupervisorError: it cannot run, the device has to go back */
export async function beginRevision(ports: BeginPorts): Promise<UpdateOrigin | undefined> {
  const past = await ports.host.past();
  return past === undefined ? beginBoot(ports) : resume(ports, past);
}

async function beginBoot(ports: BeginPorts): Promise<UpdateOrigin | undefined> {
  const { store, boot, stage } = ports;
  const variables = await boot.read();
  const { booted, committed } = variables;
  const decision = decideBoot(variables, (await store.progress(concerned(variables)))?.status);
  switch (decision.kind) {
    case 'refuse':
      throw new SupervisorError('REFUSED', `revision ${booted} has failed before`, { subject: booted });
    case 'unexpectedRollback':
      await tolerate(ports, () => record(ports, decision.tried, 'ERROR', MESSAGES.unexpectedRollback));
      await tolerate(ports, () => boot.clearTry());
      break;
    case 'plain':
      if (decision.clearTry) await tolerate(ports, () => boot.clearTry());
      break;
    case 'committed':
      await finish(ports, booted);
      break;
    case 'factory':
      store.recordErrors(booted);
      await tolerate(ports, () => record(ports, booted, 'INPROGRESS', MESSAGES.trying));
      break;
    case 'trial':
      store.recordErrors(booted);
      await record(ports, booted, 'INPROGRESS', MESSAGES.trying);
      break;
    default:
      decision satisfies never;
  }
  const isTrial = decision.kind === 'trial';
  const tried = isTrial || decision.kind === 'factory' ? booted : undefined;
  const next = await attempt(ports, tried, () => readRevision(ports, booted));
  if (isTrial) await attempt(ports, booted, () => store.makeCurrent(booted));
  else await tolerate(ports, () => store.makeCurrent(booted));
  await attempt(ports, tried, () => store.verify(booted, next.revision), contentMessageOf);
  if (decision.kind === 'factory') {
    await finish(ports, booted, MESSAGES.factory);
    store.recordErrors(undefined);
  }
  await attempt(ports, isTrial ? booted : undefined, () => stage.begin(next, isTrial));
  if (isTrial) return { begins: 'trying', name: booted, kind: 'reboot', next, running: undefined };
  if (booted === committed) await mend(ports, booted);
  return undefined;
}

/** What runs is what the journal of the other supervisor says, whatever was booted. */
async function resume(
  ports: BeginPorts,
  { running: name, before }: PastRun,
): Promise<UpdateOrigin | undefined> {
  const { store, boot, stage } = ports;
  const { committed, trying, booted } = await boot.read();
  const progress = await store.progress(name);
  if (trying === undefined && committed === name && progress?.status === 'TESTING') await finish(ports, name);
  if (trying !== undefined && trying !== name) await abandon(ports, trying, name);
  const next = await readRevision(ports, name);
  if ((await store.current()) !== name) await tolerate(ports, () => store.makeCurrent(name));

  const kind = trying === name && booted === name ? 'reboot' : 'live';
  const goesOn = progress !== undefined && trying === name && isUnderWay(progress);
  const failed = progress !== undefined && hasFailed(progress.status) && (trying === name || name !== booted);
  await stage.begin(next, goesOn || failed, goesOn || failed ? before : undefined);
  if (!goesOn && !failed) {
    if (name === committed) await mend(ports, name);
    return undefined;
  }
  store.recordErrors(name);
  const running = before === undefined ? undefined : await readRevision(ports, before);
  const parts = { name, kind, next, running } as const;
  return failed ? { begins: 'failed', message: progress.message, ...parts } : { begins: 'trying', ...parts };
}

function isUnderWay({ status }: Progress): boolean {
  return status === 'INPROGRESS' || status === 'TESTING';
}

/** The supervisor died before the containers of `tried` began, or on the way back from it. */
async function abandon(ports: BeginPorts, tried: RevisionName, running: RevisionName): Promise<void> {
  const status = (await ports.store.progress(tried))?.status;
  await tolerate(ports, async () => {
    if (status === undefined || !hasFailed(status))
      await record(ports, tried, 'ERROR', MESSAGES.unexpectedRollback);
    await unmarkTry(ports, { failed: tried, resting: running });
  });
}

/** The power or the supervisor went between a commit and its record. */
async function finish(ports: BeginPorts, name: RevisionName, message: string = MESSAGES.done): Promise<void> {
  await tolerate(ports, async () => {
    await record(ports, name, 'DONE', message);
    await ports.store.markDone(name);
  });
}

/** The marker is written after the record, and the power may go in between. */
async function mend(ports: BeginPorts, name: RevisionName): Promise<void> {
  const { store } = ports;
  await tolerate(ports, async () => {
    const recorded = (await store.progress(name))?.status === 'DONE';
    if (recorded && !(await store.isDone(name))) await store.markDone(name);
  });
}

async function record(
  { store }: BeginPorts,
  name: RevisionName,
  status: ProgressStatus,
  message: string,
): Promise<void> {
  const retries = (await store.progress(name))?.retries ?? 0;
  if (hasFailed(status)) await store.keepErrors(name);
  await store.writeProgress(name, { status, message, retries });
}

/** A device that cannot write its records still runs what it goes back to. */
async function tolerate({ complain }: BeginPorts, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SupervisorError)) throw error;
    complain(error.fault);
  }
}

/** Where a revision is tried, what keeps it from running is recorded (L-22). */
async function attempt<T>(
  ports: BeginPorts,
  tried: RevisionName | undefined,
  work: () => Promise<T>,
  textOf: (fault: Fault) => string = messageOf,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tried !== undefined) {
      const message = textOf(toFault(error));
      await tolerate(ports, () => record(ports, tried, 'ERROR', message));
    }
    throw error;
  }
}
