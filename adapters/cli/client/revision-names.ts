/** Revisions and objects in the paths of requests. A name has at most one slash, which separates segments (control API
 *  §6.7); which names there can be is the supervisor's to say. */

import { Refused } from '../../control/client.ts';
import { EXIT } from '../output.ts';
import { type Session, Stop, segmentOf } from './session.ts';

/** `/steps/locals/blue`, and what comes behind it. @throws Stop NOT_FOUND for what can name nothing */
export function stepPath(name: string, behind: '' | '/progress' | '/commitmsg' = ''): string {
  const segments = name.split('/').map((part) => segmentOf('revision', part));
  return `/steps/${segments.join('/')}${behind}`;
}

/** The state JSON of a revision, as it is stored. @throws Stop NOT_FOUND, Refused, NoConnection, NoAnswer */
export function readState(session: Session, name: string): Promise<string> {
  return orNoRevision(name, () => session.get(stepPath(name)));
}

/** @throws Stop NOT_FOUND naming the revision, and what `ask` throws */
export async function orNoRevision(name: string, ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    const missing = error instanceof Refused && (error.status === 404 || error.message.startsWith('unknown'));
    if (!missing) throw error;
    throw new Stop(EXIT.notFound, `there is no revision ${name}. statevisor steps lists them`);
  }
}
