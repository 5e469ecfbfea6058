/** The store of a device, opened when it is first asked for anything: a start that needs nothing of it does not wait. */

import type { Collector, ObjectStore, RevisionStore } from '../../actors/update-ports.ts';
import { toFault } from '../../machines/domain/fault.ts';
import type { Store, StoreOptions } from './store.ts';

export interface LazyStore {
  readonly objects: ObjectStore;
  readonly revisions: RevisionStore;
  readonly collector: Collector;
  /** For lines of the log at level ERROR and FATAL; nobody records them before the store is open. */
  errorSink(line: string): void;
}

export interface LazyStoreOptions extends StoreOptions {
  /** Whether files are held against the state when a revision starts (storage §12). */
  readonly verifies: () => boolean;
}

export function createLazyStore(options: LazyStoreOptions): LazyStore {
  const made: { opening?: Promise<Store>; store?: Store } = {};
  const open = (): Promise<Store> => {
    made.opening ??= import('./store.ts')
      .then(({ openStore }) => openStore(options))
      .then((store) => {
        made.store = store;
        return store;
      });
    return made.opening;
  };
  const part = <Part extends keyof Store>(name: Part): Store[Part] =>
    new Proxy({} as Store[Part], {
      get:
        (_, key) =>
        async (...words: unknown[]) => {
          const target = (await open())[name];
          return Reflect.apply(Reflect.get(target, key) as (...all: unknown[]) => unknown, target, words);
        },
    });
  const revisions = part('revisions');
  const own: Partial<RevisionStore> = {
    verify: async (...what) => (options.verifies() ? revisions.verify(...what) : undefined),
    /** The one that is no promise. */
    recordErrors: (name) => {
      open().then(
        (store) => store.revisions.recordErrors(name),
        (error: unknown) => options.complain(toFault(error)),
      );
    },
  };
  return {
    objects: part('objects'),
    collector: part('collector'),
    revisions: new Proxy(revisions, {
      get: (target, key) => Reflect.get(key in own ? own : target, key),
    }),
    errorSink: (line) => made.store?.revisions.errorSink(line),
  };
}
