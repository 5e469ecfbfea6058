/** Revisions on disk: the records of each (storage §1, §2), and who carries out the rest: `install.ts`, `verify.ts`,
 *  `removal.ts`, `error-lines.ts`.
 *
 *  Starting a revision is `install`, which is cheap where nothing is missing, then `verify`: a power cut may have come
 *  between a new state JSON and its files. A revision without state JSON, as an interrupted installation leaves it, is
 *  not listed. */

import { basename, dirname, join } from 'node:path';
import type { RevisionName, RevisionStore, StoredStep } from '../../actors/update-ports.ts';
import { isFinal, type Progress, parseProgress, progressText } from '../../machines/domain/progress.ts';
import { isRevisionName } from '../../machines/domain/step-name.ts';
import { byteOrder, utf8Length } from '../../machines/domain/utf8.ts';
import { storing } from './durable.ts';
import { createErrorLines, type ErrorLinesOptions, MAX_ERROR_BYTES } from './error-lines.ts';
import { type InstallOptions, installTrail, markOf } from './install.ts';
import { trailPlaces } from './places.ts';
import type { Removal } from './removal.ts';
import { replaceTrail } from './replacement.ts';
import { type LookAtSpace, noSpace } from './space.ts';
import { eachOf, type Turn } from './turn.ts';
import { verifyTrail } from './verify.ts';

export interface RevisionsOptions extends InstallOptions, Pick<ErrorLinesOptions, 'complain'> {
  readonly removal: Removal;
  readonly space: LookAtSpace;
  /** Shared with uploads and collections: no object appears or goes while a trail is made of them. */
  readonly turn: Turn;
  /** Of the small records: a progress record never waits for a collection. */
  readonly recordTurn: Turn;
}

export interface Revisions extends RevisionStore {
  /** Takes one line of JSON of level ERROR or FATAL (logs and metadata §3) for `recordErrors`. */
  errorSink(line: string): void;
}

/** Longer ones are no commit messages (control API §6.7). */
const MAX_COMMIT_MESSAGE_BYTES = 512;
const TRAILS_AT_ONCE = 16;

export function createRevisions(options: RevisionsOptions): Revisions {
  const { disk, files, places, removal, turn, recordTurn } = options;
  const errors = createErrorLines({ ...options, turn: recordTurn });
  const of = (name: RevisionName) => trailPlaces(places, name);

  /** Replaces one file of the revision's own, in a directory that is made where it is missing. */
  function record(
    name: RevisionName,
    what: string,
    path: string,
    text: () => Promise<string>,
  ): Promise<void> {
    return recordTurn(() =>
      storing(`writing ${what} of revision ${name}`, name, async () => {
        await makeFor(path);
        await files.replace(path, await text());
      }),
    );
  }

  function makeFor(path: string): Promise<void> {
    return files.makeDirectories(places.storage, dirname(path).slice(places.storage.length + 1));
  }

  function read(name: RevisionName, what: string, path: string): Promise<string | undefined> {
    return storing(`reading ${what} of revision ${name}`, name, () => files.readText(path));
  }

  async function withErrors(name: RevisionName, progress: Progress): Promise<Progress> {
    if (progress.logs !== undefined || !isFinal(progress.status)) return progress;
    const logs = await files.readText(of(name).errors);
    return logs === undefined || utf8Length(logs) > MAX_ERROR_BYTES ? progress : { ...progress, logs };
  }

  async function replaceState(name: RevisionName, text: string): Promise<void> {
    const { state, done, installed, records } = of(name);
    const before = await files.readText(state);
    if (before === text) return disk.syncDirectory(dirname(state));
    const space = await options.space();
    const bytes = utf8Length(text);
    if (bytes > space.realFree)
      throw noSpace(`writing the state JSON of revision ${name}`, name, bytes, space);
    await makeFor(state);
    if (before !== undefined) {
      await makeFor(installed);
      if ((await files.readText(installed)) === undefined) await files.replace(installed, markOf(before));
      // What was committed was the state before.
      if (await files.discard(done)) await disk.syncDirectory(records);
    }
    await files.replace(state, text);
  }

  async function stepOf(name: RevisionName): Promise<StoredStep | undefined> {
    const { directory, state, commitMessage, progress } = of(name);
    const entry = await disk.look(directory);
    if (entry?.kind !== 'directory' || (await disk.look(state))?.kind !== 'file') return undefined;
    const message = (await files.readText(commitMessage)) ?? '';
    return {
      name,
      at: entry.modifiedAt,
      commitMessage: utf8Length(message) > MAX_COMMIT_MESSAGE_BYTES ? '' : message,
      progress: (await files.readText(progress)) || undefined,
    };
  }

  return {
    list: () =>
      storing(`listing ${places.trails}`, places.trails, async () => {
        const plain = [...(await disk.names(places.trails))].sort(byteOrder);
        const local = [...(await disk.names(join(places.trails, 'locals')))].sort(byteOrder);
        const names = [...plain, ...local.map((name) => `locals/${name}`)].filter(isRevisionName);
        const steps = await eachOf(names, TRAILS_AT_ONCE, stepOf);
        return steps.filter((step) => step !== undefined);
      }),
    state: async (name) => read(name, 'the state JSON', of(name).state),
    writeState: (name, text) =>
      turn(() => storing(`writing the state JSON of revision ${name}`, name, () => replaceState(name, text))),
    progressText: async (name) => (await read(name, 'the progress', of(name).progress)) || undefined,
    async progress(name) {
      const text = await read(name, 'the progress', of(name).progress);
      return text === undefined ? undefined : parseProgress(text);
    },
    writeProgress: async (name, progress) =>
      record(name, 'the progress', of(name).progress, async () =>
        progressText(await withErrors(name, progress)),
      ),
    writeCommitMessage: async (name, text) =>
      record(name, 'the commit message', of(name).commitMessage, () => Promise.resolve(text)),
    isDone: (name) =>
      storing(
        `looking at revision ${name}`,
        name,
        async () => (await disk.look(of(name).done)) !== undefined,
      ),
    markDone: async (name) => record(name, 'the mark', of(name).done, () => Promise.resolve('')),
    install: (name, revision, text) =>
      turn(async () => installTrail({ ...options, trail: of(name), revision, text })),
    replace: (name, revision, text) =>
      turn(async () => replaceTrail({ ...options, trail: of(name), revision, text })),
    verify: async (name, revision) => verifyTrail({ ...options, trail: of(name), revision }, turn),
    makeCurrent: (name) =>
      recordTurn(() =>
        storing(`making revision ${name} the current one`, name, async () => {
          const { name: target } = of(name);
          for (const link of [join(places.trails, 'current'), join(places.logs, 'current')]) {
            await files.makeDirectories(dirname(dirname(link)), basename(dirname(link)));
            if ((await disk.readLink(link)) === target) await disk.syncDirectory(dirname(link));
            else await files.pointTo(target, link);
          }
        }),
      ),
    current: () =>
      storing('reading which revision is current', places.trails, async () => {
        const name = await disk.readLink(join(places.trails, 'current'));
        return name !== undefined && isRevisionName(name) ? name : undefined;
      }),
    remove: (name) => turn(() => removal.remove(name)),
    recordErrors: errors.record,
    keepErrors: errors.keep,
    errorSink: errors.sink,
  };
}
