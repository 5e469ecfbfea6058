/** Where the runtime keeps what belongs to a container below the run directory, and what of it the container sees at
 *  /pantavisor (storage §8). */

import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { Layout } from '../../machines/domain/layout.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import type { CgroupKind } from './cgroups.ts';
import { errnoOf } from './kernel-error.ts';
import type { Bind, LxcHostFacts } from './lxc-config.ts';
import { bindsOfAll, bindsOfOwn, makeShares, makeShown } from './shown.ts';

/** Files of one container that its process needs. */
export interface LxcFiles {
  /** Made at each start; also where LXC's own tools look for it. */
  readonly config: string;
  /** Holds the monitor's pid while it lives; LXC writes and removes it. */
  readonly pidFile: string;
  readonly log: string;
  /** Which start the log is of. */
  readonly startedAt: string;
  readonly consoleLog: string;
  /** A directory, for `lxc-devices.ts`. */
  readonly deviceRules: string;
  /** A script, for `remount.ts`. */
  readonly remount: string;
}

/** Short, for it is part of socket names. */
export function lxcPathOf(layout: Layout): string {
  return `${layout.runDir}/lxc`;
}

export function rootfsMountOf(layout: Layout): string {
  return `${layout.runDir}/lxc-rootfs`;
}

export function filesOf(layout: Layout, container: string): LxcFiles {
  const own = `${lxcPathOf(layout)}/${container}`;
  const logs = `${logsOf(layout, container)}/lxc`;
  return {
    config: `${own}/config`,
    pidFile: `${own}/monitor.pid`,
    log: `${logs}/lxc.log`,
    startedAt: `${own}/started-at`,
    consoleLog: `${logs}/console.log`,
    deviceRules: `${own}/mdev`,
    remount: `${own}/remount`,
  };
}

/** Longest "<lxcpath>/<name>" that LXC puts into a socket's name as it is; longer ones it hashes. */
const MAX_NAME_LENGTH = 90;

/** @throws START_FAILED when LXC could not be asked about the container under this path */
export function requireShortPath(layout: Layout, container: string): void {
  const path = `${lxcPathOf(layout)}/${container}`;
  if (Buffer.byteLength(path) < MAX_NAME_LENGTH) return;
  throw new SupervisorError(
    'START_FAILED',
    `starting ${container}: ${path} is too long for LXC's sockets: ${Buffer.byteLength(path)} bytes, less than ${MAX_NAME_LENGTH} are possible`,
    {
      subject: container,
      errno: 'ENAMETOOLONG',
      fix: 'Choose a shorter run directory, such as /run/sv, or a shorter container name.',
    },
  );
}

/** Where the container's sockets are. Bound as a directory, so that sockets of a later supervisor show up in it. */
function doorOf(layout: Layout, container: string): string {
  return `${layout.runDir}/doors/${container}`;
}

function logsOf(layout: Layout, container: string): string {
  return `${layout.runDir}/logs/${layout.revision}/${container}`;
}

/** Storage §8, and the host's log socket where the container wants it. */
export function bindsOf(layout: Layout, container: ContainerSpec, devLog: boolean): readonly Bind[] {
  const { name } = container;
  const door = doorOf(layout, name);
  return [
    ...(seesAll(container) ? bindsOfAll(layout, door) : bindsOfOwn(layout, name, door, logsOf(layout, name))),
    ...((container.devLog ?? devLog) && existsSync('/dev/log')
      ? [{ source: '/dev/log', target: 'dev/log', as: 'file', readOnly: false } as const]
      : []),
  ];
}

function seesAll({ roles }: ContainerSpec): boolean {
  return roles.includes('mgmt');
}

/** Makes what a start needs: what is bound, the mount points in it, and places for files. */
export function makePlaces(layout: Layout, container: ContainerSpec, binds: readonly Bind[]): void {
  const { name } = container;
  const private_ = [`${lxcPathOf(layout)}/${name}`, rootfsMountOf(layout), `${logsOf(layout, name)}/lxc`];
  const sources = binds.filter(({ as }) => as === 'directory').map(({ source }) => source);
  try {
    if (seesAll(container)) makeShown(layout);
    else makeShares(layout, name, doorOf(layout, name));
    for (const directory of [...private_, ...sources]) mkdirSync(directory, { recursive: true });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const path = (error as NodeJS.ErrnoException).path ?? layout.runDir;
    throw new SupervisorError('START_FAILED', `starting ${name}: making ${path} failed: ${errno}`, {
      subject: path,
      errno,
      fix: 'Check space and rights of the run directory and the storage.',
      cause: error,
    });
  }
}

/** What of the host decides how a configuration is made. */
export function readHostFacts(layout: Layout, cgroups: CgroupKind): LxcHostFacts {
  return {
    cgroups,
    kernelRelease: release(),
    needsUnconfined: apparmorIsIncomplete(),
    mountHooks: mountHooks(`${layout.libDir}/pv/hooks_lxc-mount.d`),
    exists: existsSync,
  };
}

/** Every executable there, but those whose work is ours: `export.sh` (`lxc-exports.ts`), `mdev.sh` (`lxc-devices.ts`). */
function mountHooks(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name !== 'export.sh' && name !== 'mdev.sh')
    .sort()
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile() && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** LXC refuses to start under its default profile when the kernel cannot mediate mounts, or the profile is missing. */
function apparmorIsIncomplete(): boolean {
  const security = '/sys/kernel/security/apparmor';
  if (readIfThere('/sys/module/apparmor/parameters/enabled')?.trim() !== 'Y') return false;
  if (!existsSync(`${security}/features/mount/mask`)) return true;
  return !readIfThere(`${security}/profiles`)?.includes('lxc-container-default');
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
