/** Revisions that really install, for tests and measurements on a device: one busybox image, as many containers as
 *  asked for. Written as `statevisor run --storage` takes it: `state.json` and `objects/`. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DeviceContainer {
  readonly name: string;
  readonly group: string;
  /** Shell commands of init; the default waits to be told to halt. */
  readonly init?: string;
  /** More lines of the LXC configuration. */
  readonly mounts?: readonly string[];
  /** More keys of run.json. */
  readonly run?: Readonly<Record<string, unknown>>;
}

export interface DeviceRevision {
  readonly groups: readonly { readonly name: string; readonly [key: string]: unknown }[];
  readonly containers: readonly DeviceContainer[];
}

/** Ends at once when LXC asks it to. */
export const WAIT = "trap 'exit 0' PWR TERM; while :; do sleep 3600 & wait $!; done";

/** Writes the revision below `directory` and gives the path of its state JSON. */
export function buildDeviceRevision(directory: string, { groups, containers }: DeviceRevision): string {
  mkdirSync(join(directory, 'objects'), { recursive: true });
  const state: Record<string, unknown> = {
    '#spec': 'pantavisor-service-system@1',
    'device.json': { groups },
  };
  const images = new Map<string, string>();
  for (const { name, group, init = WAIT, mounts = [], run = {} } of containers) {
    const image = images.get(init) ?? storeObject(directory, buildImage(directory, images.size, init));
    images.set(init, image);
    state[`${name}/root.squashfs`] = image;
    state[`${name}/lxc.container.conf`] = storeObject(
      directory,
      Buffer.from([lxcConfig(name), ...mounts, ''].join('\n')),
    );
    state[`${name}/run.json`] = {
      '#spec': 'service-manifest-run@1',
      config: 'lxc.container.conf',
      group,
      name,
      'root-volume': 'root.squashfs',
      storage: { 'lxc-overlay': { persistence: 'boot' } },
      type: 'lxc',
      ...run,
    };
  }
  const file = join(directory, 'state.json');
  writeFileSync(file, JSON.stringify(state));
  return file;
}

export function lxcConfig(name: string, volumes = '/volumes'): string {
  return [
    `lxc.rootfs.path = overlayfs:${volumes}/${name}/root.squashfs:${volumes}/${name}/lxc-overlay/upper`,
    'lxc.init.cmd = /sbin/init',
    'lxc.net.0.type = empty',
    'lxc.mount.auto = proc:mixed',
    'lxc.autodev = 1',
    'lxc.pty.max = 1',
    'lxc.tty.max = 0',
    '',
  ].join('\n');
}

function buildImage(directory: string, index: number, init: string): Buffer {
  const root = join(directory, `root-${index}`);
  for (const path of ['bin', 'sbin', 'dev', 'proc', 'sys', 'tmp', 'etc']) {
    mkdirSync(join(root, path), { recursive: true });
  }
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of ['sh', 'sleep', 'mkdir', 'rmdir']) {
    symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(join(root, 'sbin/init'), `#!/bin/sh\n${init}\n`);
  chmodSync(join(root, 'sbin/init'), 0o755);
  const image = join(directory, `root-${index}.squashfs`);
  execFileSync('mksquashfs', [root, image, '-noappend', '-all-root', '-quiet', '-no-progress']);
  return readFileSync(image);
}

function storeObject(directory: string, bytes: Buffer): string {
  const id = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(directory, 'objects', id), bytes);
  return id;
}
