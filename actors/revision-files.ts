/** Reading a revision out of the store: state JSON, format, signatures (lifecycle §13.4 step 4, §14.3). Whatever speaks
 *  against it is thrown with its literal text (lifecycle §13.3) as the message and the details in `fix`. */

import { SupervisorError } from '../machines/domain/fault.ts';
import { MESSAGES } from '../machines/domain/progress.ts';
import type { Parsed } from '../machines/domain/state-json.ts';
import type { LoadedRevision, RevisionName, RevisionStore, Signatures } from './update-ports.ts';

/** What a state JSON must pass before it is anybody's revision. */
export interface StateChecks {
  readonly signatures: Signatures;
  /** With the options of this device. */
  readonly parse: (text: string) => Parsed;
}

export interface RevisionReader extends StateChecks {
  readonly store: Pick<RevisionStore, 'state'>;
}

/** @throws NOT_FOUND, REFUSED, and what the store throws */
export async function readRevision(reader: RevisionReader, name: RevisionName): Promise<LoadedRevision> {
  const text = await reader.store.state(name);
  if (text === undefined) {
    throw new SupervisorError('NOT_FOUND', MESSAGES.stateNotFound, {
      subject: name,
      fix: `Install revision ${name} first`,
    });
  }
  return checkState(reader, name, text);
}

/** Signatures before the state is interpreted (state format §1.3). @throws REFUSED, and what the check throws */
export async function checkState(
  { signatures, parse }: StateChecks,
  name: RevisionName,
  text: string,
): Promise<LoadedRevision> {
  await signatures.check(text);
  const parsed = parse(text);
  if (!parsed.ok) {
    const [first] = parsed.problems;
    const details = first === undefined ? {} : { fix: `${first.path}: ${first.reason}. ${first.fix}` };
    throw new SupervisorError('REFUSED', MESSAGES.badFormat, { subject: name, ...details });
  }
  return { name, revision: parsed.revision, text };
}
