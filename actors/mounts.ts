/** Callback actors: make the volumes of a container ready for its process, and take them down again. */

import { type EventObject, fromCallback } from 'xstate';
import type { PreparationCommand, VolumesFact } from '../machines/container.ts';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import type { Mounter } from './ports.ts';

/** Loads what a container requires of the kernel; rejects when it is missing. */
export type LoadModules = (container: ContainerSpec, signal: AbortSignal) => Promise<void>;

/** Mounts, tells it, and loads modules when it is told to. Stopping it aborts what is under way. */
export function prepareVolumes(mounter: Mounter, loadModules: LoadModules) {
  return fromCallback<PreparationCommand, ContainerSpec>(({ input, receive, sendBack }) => {
    const abort = new AbortController();
    let busy = true;
    const tell = (fact: VolumesFact): void => {
      busy = false;
      sendBack(fact);
    };
    receive(() => {
      busy = true;
      loadModules(input, abort.signal).then(
        () => tell({ type: 'modules.loaded' }),
        (error: unknown) => tell({ type: 'modules.failed', error }),
      );
    });
    mounter.mount(input, abort.signal).then(
      () => tell({ type: 'volumes.mounted' }),
      (error: unknown) => tell({ type: 'volumes.failed', error }),
    );
    return () => {
      if (busy) abort.abort();
    };
  });
}

export function unmountVolumes(mounter: Mounter) {
  return fromCallback<EventObject, ContainerSpec>(({ input, sendBack }) => {
    const tell = (fact: VolumesFact): void => sendBack(fact);
    mounter.unmount(input).then(
      () => tell({ type: 'volumes.released' }),
      (error: unknown) => tell({ type: 'volumes.stuck', error }),
    );
  });
}
