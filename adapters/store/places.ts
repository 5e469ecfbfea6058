/** Where the store has what (storage §1). Every path that is made of a revision's name is made here. */

import { basename, dirname, join } from 'node:path';
import type { RevisionName } from '../../actors/update-ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { isRevisionName } from '../../machines/domain/step-name.ts';

export interface Places {
  readonly storage: string;
  readonly objects: string;
  readonly trails: string;
  /** `PV_LOG_DIR`. */
  readonly logs: string;
}

export function placesIn(storage: string, logs: string): Places {
  return { storage, logs, objects: join(storage, 'objects'), trails: join(storage, 'trails') };
}

/** Files of one revision's own records. */
export interface TrailPlaces {
  /** The revision's, checked. */
  readonly name: RevisionName;
  readonly directory: string;
  readonly state: string;
  readonly config: string;
  /** `.pv`. */
  readonly records: string;
  readonly progress: string;
  readonly done: string;
  readonly commitMessage: string;
  readonly errors: string;
  readonly errorsBeingRecorded: string;
  /** SHA-256 of the state whose files are in the trail, all of them. */
  readonly installed: string;
}

/** In its own directory, or in another one that is to become its own.
 *  @throws REFUSED for what is no name: it would lead elsewhere */
export function trailPlaces(
  { trails }: Places,
  name: RevisionName,
  directory = join(trails, name),
): TrailPlaces {
  if (!isRevisionName(name)) {
    throw new SupervisorError('REFUSED', `${JSON.stringify(name)} is no name of a revision`, {
      subject: name,
      fix: 'Name it like 7 or locals/blue',
    });
  }
  const records = join(directory, '.pv');
  return {
    name,
    directory,
    records,
    state: join(directory, '.pvr', 'json'),
    config: join(directory, '.pvr', 'config'),
    progress: join(records, 'progress'),
    done: join(records, 'done'),
    commitMessage: join(records, 'commitmsg'),
    errors: join(records, 'logs'),
    errorsBeingRecorded: join(records, 'logs.tmp'),
    installed: join(records, 'installed'),
  };
}

const REMOVED = '.removed-';

/** What a trail is called while it is being removed: a dot entry beside it, which no list shows. */
export function removedName(trail: string): string {
  return join(dirname(trail), `${REMOVED}${basename(trail)}`);
}

/** The last component of the revision that was being removed. */
export function removedFrom(entry: string): string | undefined {
  return entry.startsWith(REMOVED) ? entry.slice(REMOVED.length) : undefined;
}

const STAGED = '.staged-';

/** Where a trail is made that is to take the place of another. */
export function stagedName(trail: string): string {
  return join(dirname(trail), `${STAGED}${basename(trail)}`);
}

export function stagedFrom(entry: string): string | undefined {
  return entry.startsWith(STAGED) ? entry.slice(STAGED.length) : undefined;
}
