/** A client of a simulated device: uploads revisions, and gives the commands on them (control API §6.5–§6.7). */

import type { RevisionControl } from '../actors/revisions.ts';
import type { Answer } from '../machines/domain/control.ts';
import { describeFault, SupervisorError } from '../machines/domain/fault.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { NO_SPACE } from '../machines/domain/step-answer.ts';
import { settle } from './clock.ts';
import type { RevisionDeed } from './deeds.ts';
import type { StoredRevision, Written } from './scenario-revisions.ts';

/** Every object is as large as any other. */
export const OBJECT_BYTES = 1 << 20;

/** What a client is told. */
export type Reply =
  | Answer
  | { readonly ok: false; readonly code: 'refused' | 'no-space'; readonly message: string };

/** Undefined where there is no answer at once: the power has gone. @throws what is no SupervisorError: a bug */
export async function answerOf(work: Promise<Reply>): Promise<Reply | undefined> {
  const outcome: { reply?: Reply; error?: unknown } = {};
  work.then(
    (reply) => {
      outcome.reply = reply;
    },
    (error: unknown) => {
      outcome.error = error;
    },
  );
  await settle();
  const { reply, error } = outcome;
  if (error === undefined) return reply;
  if (!(error instanceof SupervisorError)) throw error;
  const { code, errno } = error.fault;
  const message = describeFault(error.fault);
  if (code === 'NOT_FOUND') return { ok: false, code: 'not-found', message };
  return { ok: false, code: errno === 'ENOSPC' ? 'no-space' : 'refused', message };
}

export async function giveCommand(
  { op, payload }: Extract<RevisionDeed, { kind: 'revision' }>,
  control: RevisionControl,
): Promise<Reply> {
  if (control.updating && op !== 'RUN_GC') {
    return { ok: false, code: 'conflict', message: 'An update is under way' };
  }
  await control.carryOut(op, payload);
  return { ok: true };
}

/** Objects that are not there yet, then the state. */
export async function uploadRevision(
  name: string,
  { revision, text, missing }: Written & Pick<StoredRevision, 'missing'>,
  { objects, steps }: RevisionControl,
): Promise<Reply> {
  const there = new Set((await objects.list()).map(({ sha256 }) => sha256));
  for (const sha256 of objectsOf(revision)) {
    if (!there.has(sha256) && !missing.has(sha256)) await objects.put(sha256, content(), OBJECT_BYTES);
  }
  const answer = await steps.put(name, text);
  if (answer.status === 200) return { ok: true };
  const { error: message } = answer;
  return { ok: false, code: message === NO_SPACE ? 'no-space' : 'refused', message };
}

export function objectsOf({ files }: Revision): ReadonlySet<string> {
  return new Set([...files.values()].flatMap((file) => (file.kind === 'object' ? [file.id] : [])));
}

async function* content(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(OBJECT_BYTES);
}
