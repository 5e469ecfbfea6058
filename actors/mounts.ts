/** Promise actors: mount the volumes of a container, and take them down again. */

import { fromPromise } from 'xstate';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import type { Mounter } from './ports.ts';

export function mountVolumes(mounter: Mounter) {
  return fromPromise<void, ContainerSpec>(({ input, signal }) => mounter.mount(input, signal));
}

export function unmountVolumes(mounter: Mounter) {
  return fromPromise<void, ContainerSpec>(({ input }) => mounter.unmount(input));
}
