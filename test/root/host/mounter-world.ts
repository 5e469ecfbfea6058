/** Mounters over a scratch device with the trail of a container `web`: an image, an overlay on boot storage. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mounter } from '../../../actors/ports.ts';
import type { Kernel } from '../../../adapters/host/kernel.ts';
import { createMounter, type MounterOptions } from '../../../adapters/host/mounter.ts';
import type { Fault, SupervisorError } from '../../../machines/domain/fault.ts';
import type { ContainerSpec, VolumeSpec } from '../../../machines/domain/revision.ts';
import { containerSpec } from '../../support/revision.ts';
import { openBoth, type ScratchDevice, useScratchDevice } from './scratch-device.ts';

export const NEVER = new AbortController().signal;
export const ROOT_IMAGE: VolumeSpec = image('root.squashfs');
export const UPPER: VolumeSpec = storage('lxc-overlay', 'boot');
export const CONFIG =
  'lxc.rootfs.path = overlayfs:/volumes/web/root.squashfs:/volumes/web/lxc-overlay/upper\n';

export function image(name: string, handler?: string): VolumeSpec {
  const root = name.startsWith('root.');
  return { kind: 'image', name, file: name, handler, format: name.split('.').at(-1) ?? '', root };
}

export function storage(
  name: string,
  persistence: 'permanent' | 'revision' | 'boot',
  disk?: string,
): VolumeSpec {
  return { kind: 'storage', name, persistence, disk };
}

export function web(parts: Partial<ContainerSpec> = {}): ContainerSpec {
  return containerSpec('web', 'app', { volumes: [ROOT_IMAGE, UPPER], ...parts });
}

export async function faultOf(attempt: Promise<void>): Promise<Fault> {
  try {
    await attempt;
  } catch (error) {
    // What was loaded on demand has its own copy of the class when tests are transpiled.
    assert.ok(error instanceof Error && error.name === 'SupervisorError', String(error));
    return (error as SupervisorError).fault;
  }
  return assert.fail('nothing failed');
}

export interface MounterWorld {
  readonly device: () => ScratchDevice;
  readonly kernel: () => Kernel;
  readonly mounter: (options?: Partial<MounterOptions>) => Mounter;
  /** Installs the trail of `web`. */
  readonly ready: () => ScratchDevice;
  /** A path below the scratch directory, and what the file there says. */
  readonly at: (path: string) => string;
  readonly read: (path: string) => string;
}

/** Call inside `describe`. */
export function useMounterWorld(name: 'native' | 'spawn'): MounterWorld {
  const device = useScratchDevice();
  let opened: Kernel | undefined;
  before(async () => {
    opened = (await openBoth())[name].kernel;
  });
  const kernel = () => {
    assert.ok(opened !== undefined);
    return opened;
  };
  const at = (path: string) => join(device().root, path);
  return {
    device,
    kernel,
    at,
    read: (path) => readFileSync(at(path), 'utf8'),
    mounter: (options = {}) =>
      createMounter({
        kernel: kernel(),
        layout: device().layout,
        disks: [],
        handlers: true,
        verityOff: false,
        handlerArgs: [],
        ...options,
      }),
    ready() {
      const made = device();
      made.image('storage/trails/r1/web/root.squashfs', { 'etc/name': 'image', 'etc/both': 'image' });
      made.write('storage/trails/r1/web/lxc.container.conf', CONFIG);
      return made;
    },
  };
}
