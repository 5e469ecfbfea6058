/** A make-believe store: revisions, objects and their collection, in memory, outliving every supervisor. Each write is whole
 *  or not at all, as on a device. `Gate` stands before every write: there it can fail, or the power go. */

import type {
  Collection,
  Collector,
  Kept,
  ObjectStore,
  RevisionName,
  RevisionStore,
  Space,
} from '../actors/update-ports.ts';
import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import { MESSAGES, type Progress, parseProgress, progressText } from '../machines/domain/progress.ts';
import type { Revision } from '../machines/domain/revision.ts';
import type { Diary } from './diary.ts';

/** Asked before each write, with a line of the diary (`progress locals/b TESTING`): resolves and it happens, rejects and it
 *  does not, never settles and the device is without power. */
export type Gate = (step: string) => Promise<void>;

/** A gate at which named steps fail. */
export function failingGate(faults: ReadonlyMap<string, Fault>): Gate {
  return async (step) => {
    const fault = faults.get(step);
    if (fault !== undefined) throw new SupervisorError(fault.code, fault.message, fault);
  };
}

/** Objects are known by id and size alone. */
export interface FakeObject {
  readonly sha256: string;
  readonly size: number;
}

export interface FakeStoreOptions {
  readonly diary: Diary;
  readonly gate?: Gate;
  /** Bytes. */
  readonly capacity?: number;
}

interface Trail {
  text: string | undefined;
  progress: string | undefined;
  commitMessage: string;
  done: boolean;
  /** Path → object id or JSON text. */
  files: Map<string, string>;
}

export interface FakeStore {
  readonly revisions: RevisionStore;
  readonly objects: ObjectStore;
  readonly collector: Collector;
  /** What factory tools and uploads put there. */
  addRevision(name: RevisionName, text: string, progress?: Progress): void;
  /** As factory tools leave it: whole, and recorded DONE. */
  deploy(name: RevisionName, revision: Revision, text: string): void;
  addObject(object: FakeObject): void;
  removeObject(sha256: string): void;
  /** The content of a file is no longer what its name says. */
  corrupt(sha256: string): void;
  names(): readonly RevisionName[];
  progress(name: RevisionName): Progress | undefined;
  /** `INPROGRESS Trying new revision`; undefined when nothing is recorded. */
  told(name: RevisionName): string | undefined;
}

export function createFakeStore({ diary, gate, capacity = 1 << 30 }: FakeStoreOptions): FakeStore {
  const trails = new Map<RevisionName, Trail>();
  const objects = new Map<string, FakeObject>();
  const corrupt = new Set<string>();
  const pointers: { current?: RevisionName } = {};

  const trailOf = (name: RevisionName): Trail => {
    const known = trails.get(name) ?? newTrail({});
    trails.set(name, known);
    return known;
  };
  const write = async (step: string, deed: () => void): Promise<void> => {
    await gate?.(step);
    diary.call('', step);
    deed();
  };
  const missingOf = ({ files }: Revision): string[] =>
    [...files.values()].flatMap((file) => (file.kind === 'object' && !objects.has(file.id) ? [file.id] : []));
  const refuseMissing = (name: RevisionName, revision: Revision): void => {
    const missing = missingOf(revision);
    if (missing.length === 0) return;
    throw new SupervisorError('NOT_FOUND', `revision ${name} lacks objects ${missing.join(', ')}`, {
      subject: name,
    });
  };
  const contentOf = (revision: Revision): Map<string, string> =>
    new Map([...revision.files].map(([path, file]) => [path, file.kind === 'object' ? file.id : file.text]));
  const used = (): number => [...objects.values()].reduce((sum, { size }) => sum + size, 0);
  const progressOf = (name: RevisionName) => {
    const text = trails.get(name)?.progress;
    return text === undefined ? undefined : parseProgress(text);
  };

  const revisions: RevisionStore = {
    list: async () =>
      [...trails].map(([name, { commitMessage, progress }]) => ({ name, at: 0, commitMessage, progress })),
    state: async (name) => trails.get(name)?.text,
    writeState: (name, text) =>
      write(`state ${name}`, () => {
        trailOf(name).text = text;
      }),
    progressText: async (name) => trails.get(name)?.progress,
    progress: async (name) => progressOf(name),
    writeProgress: (name, progress) =>
      write(`progress ${name} ${progress.status} ${progress.message}`, () => {
        trailOf(name).progress = progressText(progress);
      }),
    writeCommitMessage: (name, text) =>
      write(`commitmsg ${name}`, () => {
        trailOf(name).commitMessage = text;
      }),
    isDone: async (name) => trails.get(name)?.done ?? false,
    markDone: (name) =>
      write(`done ${name}`, () => {
        trailOf(name).done = true;
      }),
    install: (name, revision, text) =>
      write(`install ${name}`, () => {
        refuseMissing(name, revision);
        const trail = trailOf(name);
        trail.text = text;
        trail.files = new Map([...contentOf(revision), ...trail.files]);
      }),
    replace: (name, revision, text) =>
      write(`replace ${name}`, () => {
        refuseMissing(name, revision);
        trails.set(name, newTrail({ text, files: contentOf(revision) }));
      }),
    verify: async (name, revision) => {
      const { files } = trailOf(name);
      for (const [path, content] of contentOf(revision)) {
        if (files.get(path) === content && !corrupt.has(content)) continue;
        throw new SupervisorError('REFUSED', `${path} of revision ${name} is not what its state says`, {
          subject: path,
        });
      }
    },
    makeCurrent: (name) =>
      write(`current ${name}`, () => {
        pointers.current = name;
      }),
    current: async () => pointers.current,
    remove: (name) =>
      write(`remove ${name}`, () => {
        trails.delete(name);
      }),
    recordErrors: () => undefined,
    keepErrors: async () => undefined,
  };

  return {
    revisions,
    objects: {
      list: async () => [...objects.values()],
      put: async (sha256, body, length) => {
        let size = 0;
        for await (const chunk of body) size += chunk.length;
        if (length !== undefined && length !== size) {
          throw new SupervisorError('REFUSED', `object ${sha256} is ${size} bytes, not ${length}`, {
            subject: sha256,
          });
        }
        if (used() + size > capacity) {
          throw new SupervisorError('STORE_FAILED', `object ${sha256}: no space left`, {
            subject: sha256,
            errno: 'ENOSPC',
          });
        }
        await write(`object ${sha256}`, () => objects.set(sha256, { sha256, size }));
      },
      get: async (sha256) => {
        const object = objects.get(sha256);
        return object && { size: object.size, body: zeros(object.size) };
      },
    },
    collector: createCollector(),
    addRevision: (name, text, progress) => {
      const trail = trailOf(name);
      trail.text = text;
      if (progress !== undefined) trail.progress = progressText(progress);
    },
    deploy: (name, revision, text) => {
      const progress = progressText({ status: 'DONE', message: MESSAGES.factory, retries: 0 });
      trails.set(name, newTrail({ text, progress, done: true, files: contentOf(revision) }));
      pointers.current = name;
    },
    addObject: (object) => objects.set(object.sha256, object),
    removeObject: (sha256) => objects.delete(sha256),
    corrupt: (sha256) => corrupt.add(sha256),
    names: () => [...trails.keys()],
    progress: progressOf,
    told: (name) => {
      const progress = progressOf(name);
      return progress && `${progress.status} ${progress.message}`;
    },
  };

  function createCollector(): Collector {
    const space = async (): Promise<Space> => {
      const free = capacity - used();
      return { total: capacity, free, reserved: 0, realFree: free };
    };
    const collect = async (
      roots: ReadonlyMap<RevisionName, string>,
      { dryRun = false }: { readonly dryRun?: boolean } = {},
    ): Promise<Collection> => {
      const removed = [...trails.keys()].filter((name) => !roots.has(name));
      const kept: Kept[] = [...roots].map(([what, because]) => ({ what, because }));
      const linked = new Set(
        [...trails].flatMap(([name, { files }]) => (roots.has(name) ? [...files.values()] : [])),
      );
      const loose = [...objects.values()].filter(({ sha256 }) => !linked.has(sha256));
      if (!dryRun) {
        for (const name of removed) await revisions.remove(name);
        for (const { sha256 } of loose) objects.delete(sha256);
      }
      const reclaimed = loose.reduce((sum, { size }) => sum + size, 0);
      return { reclaimed, removed: [...removed, ...loose.map(({ sha256 }) => sha256)], kept };
    };
    return { space, collect };
  }
}

function newTrail(known: Partial<Trail>): Trail {
  return {
    text: undefined,
    progress: undefined,
    commitMessage: '',
    done: false,
    files: new Map(),
    ...known,
  };
}

async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= 65_536) yield new Uint8Array(Math.min(left, 65_536));
}
