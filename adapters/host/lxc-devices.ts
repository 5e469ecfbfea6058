/** Device nodes for a container by the rules of its mdev.json (state format §22): busybox' mdev makes them, in a mount
 *  hook, when LXC has mounted the container's /dev and before init runs. So the rules mean what they mean to mdev:
 *  names, owners, places and commands, and 0660 for devices that no rule fits.
 *
 *  The hook gives mdev a mount namespace of its own, in which the container's /dev and our rules are where it looks
 *  for them. It gets the devices that are there at the start; one that is plugged in later is there after the next. */

import { mkdirSync, writeFileSync } from 'node:fs';
import type { Fault } from '../../machines/domain/fault.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { type ConfigLine, unquoted } from './lxc-config-file.ts';

/** LXC runs a hook's line behind `exec`, so the commands need a shell of their own. */
const COMMANDS = [
  'cd "$0"',
  'mount -t overlay -o lowerdir=.:/etc mdev /etc',
  'mount --bind "$LXC_ROOTFS_MOUNT/dev" /dev',
  'exec busybox mdev -s',
].join(' && ');

/** The hook for rules that lie in this directory. */
export function deviceHook(directory: string): string {
  return `unshare -m sh -c '${COMMANDS}' '${directory.replaceAll("'", `'\\''`)}'`;
}

/** Writes the rules where the hook looks for them; gives the directory, or undefined when there is nothing to follow. */
export function placeDeviceRules(
  container: ContainerSpec,
  own: readonly ConfigLine[],
  directory: string,
  complain: (fault: Fault) => void,
): string | undefined {
  const rules = container.deviceRules;
  if (rules === undefined) return undefined;
  const obstacle = obstacleTo(container, own);
  if (obstacle !== undefined) {
    complain(obstacle);
    return undefined;
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/mdev.conf`, rules.map((rule) => `${rule}\n`).join(''));
  return directory;
}

/** Why the rules cannot be followed. A /dev that is not made for the start is the container's own, with links in it
 *  that could lead mdev to the host's files. */
function obstacleTo({ name }: ContainerSpec, own: readonly ConfigLine[]): Fault | undefined {
  const last = (key: string) => unquoted(own.findLast((line) => line.key === key)?.value ?? '');
  const fault = (reason: string, fix: string): Fault => {
    const message = `starting ${name}: the rules of its mdev.json are not followed: ${reason}`;
    return { code: 'UNSUPPORTED', message, subject: name, fix };
  };
  if (last('lxc.autodev') === '0') {
    return fault('lxc.autodev = 0 leaves it its own /dev', 'Set lxc.autodev = 1, or remove mdev.json');
  }
  if (last('lxc.idmap') !== '') {
    return fault(
      'no device nodes can be made in a user namespace',
      'Bind the devices it needs with lxc.mount.entry, or remove lxc.idmap',
    );
  }
  return undefined;
}
