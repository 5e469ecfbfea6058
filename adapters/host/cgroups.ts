/** Control groups: how this host has them, and the ones a container leaves behind.
 *
 *  Whether a group is empty is found out in the same way everywhere: kill what `cgroup.procs` lists, wait for each by
 *  the kernel's word on that process, look again. Version 2 could also tell by `cgroup.events`, version 1 tells
 *  nothing; waiting for processes serves both. */

import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';

/** `hybrid`: version 2 is there, but version 1 has the controllers. */
export type CgroupKind = 'v1' | 'hybrid' | 'v2';

export interface CgroupMount {
  /** `` for version 2, else as in /proc/PID/cgroup: `cpu,cpuacct`, `name=systemd`. */
  readonly hierarchy: string;
  readonly directory: string;
  /** The group that the directory shows; not `/` inside a container. */
  readonly root: string;
  /** Where LXC makes its groups, when that is not the directory itself. */
  readonly top?: string;
}

export function cgroupKind(mounts: readonly CgroupMount[]): CgroupKind {
  const hasV2 = mounts.some(({ hierarchy }) => hierarchy === '');
  const hasV1 = mounts.some(({ hierarchy }) => hierarchy !== '');
  if (!hasV2) return 'v1';
  return hasV1 ? 'hybrid' : 'v2';
}

export function readCgroupMounts(): readonly CgroupMount[] {
  return parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** From mountinfo, see proc(5). */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split('\n').flatMap((line): CgroupMount[] => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root, directory] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (root === undefined || directory === undefined) return [];
    if (type === 'cgroup2') return [{ hierarchy: '', directory, root }];
    if (type !== 'cgroup') return [];
    const controllers = options.split(',').filter((option) => !GENERAL_OPTIONS.has(option));
    return [{ hierarchy: controllers.join(','), directory, root }];
  });
}

const GENERAL_OPTIONS = new Set(['rw', 'ro', 'xattr', 'noprefix', 'clone_children', 'none']);

/** The directories of a process's groups, one per hierarchy; the groups at the top are left out. */
export function cgroupsOf(pid: number, mounts: readonly CgroupMount[]): readonly string[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return [];
    throw error;
  }
  return text.split('\n').flatMap((line): string[] => {
    const [, hierarchy, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const mount = mounts.find((candidate) => candidate.hierarchy === hierarchy);
    if (mount === undefined || path === undefined) return [];
    const below = mount.root === '/' ? path : path.slice(mount.root.length);
    return below === '' || below === '/' ? [] : [join(mount.directory, below)];
  });
}

/** The same for an LXC that makes its groups below those of this process (lxc.cgroup.relative). */
export function relativeMounts(mounts: readonly CgroupMount[]): readonly CgroupMount[] {
  return mounts.map((mount) => {
    const [top] = cgroupsOf(process.pid, [mount]);
    return top === undefined ? mount : { ...mount, top };
  });
}

/** Directories of groups with this name where LXC makes them. */
export function cgroupsNamed(name: string, mounts: readonly CgroupMount[]): readonly string[] {
  return mounts
    .map(({ directory, top = directory }) => join(top, name))
    .filter((directory) => existsSync(directory));
}

/** The groups LXC made for one container, for processes somewhere in them. Groups that a configuration puts elsewhere
 *  (lxc.cgroup.dir) may be shared with others, and are left alone. */
export function lxcGroups(directories: readonly string[]): readonly string[] {
  return directories.flatMap((directory) => {
    const group = /^.*?\/lxc\.(?:payload|monitor)\.[^/]+/.exec(directory)?.[0];
    return group === undefined ? [] : [group];
  });
}

/** Every process in the groups and below. */
export function membersOf(directories: readonly string[]): ReadonlySet<number> {
  return new Set(
    directories
      .flatMap(withDescendants)
      .flatMap((directory) => readLines(join(directory, 'cgroup.procs')))
      .map(Number)
      // 0 is a process of a foreign pid namespace; 1 is never a container's.
      .filter((pid) => pid > 1),
  );
}

/** Kills whatever is left in the groups, waits until it is gone, and removes the groups. */
export async function clearCgroups(directories: readonly string[], kernel: Kernel): Promise<void> {
  const present = directories.filter((directory) => existsSync(directory));
  for (let members = membersOf(present); members.size > 0; members = membersOf(present)) {
    await Promise.all([...members].map((pid) => killAndWait(pid, kernel)));
  }
  for (const directory of present) await removeTree(directory);
}

/** Kills a process and resolves when it is gone; at once when there is none. */
export function killAndWait(pid: number, kernel: Kernel): Promise<void> {
  return new Promise((resolve) => {
    // Watched first: then the signal cannot hit another process that took over the number.
    kernel.watchProcess(pid, resolve);
    kernel.signalProcess(pid, 'SIGKILL');
  });
}

/** Removes groups that have no processes, and leaves those that have. */
export async function removeEmptyCgroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    if (membersOf([directory]).size === 0) await removeTree(directory);
  }
}

/** A process leaves its group when its parent has taken note of its end: mostly at once, on a busy machine later, and
 *  nothing tells when. So this looks again, first turn by turn, then every 5 ms for two seconds. */
const TURNS = 100;
const REMOVAL_ATTEMPTS = TURNS + 400;

async function removeTree(directory: string): Promise<void> {
  for (const group of withDescendants(directory).reverse()) {
    for (let attempt = 1; !removed(group, attempt === REMOVAL_ATTEMPTS); attempt += 1) {
      await new Promise<void>((resolve) => {
        if (attempt < TURNS) setImmediate(resolve);
        else setTimeout(resolve, 5);
      });
    }
  }
}

/** False: still busy. The last attempt leaves a busy group, which hinders nobody: LXC chooses another name. */
function removed(group: string, last: boolean): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return true;
    if (errno === 'EBUSY') return last;
    throw error;
  }
}

/** The group and all below it, parents first. */
function withDescendants(directory: string): string[] {
  try {
    const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [directory, ...below.flatMap(({ name }) => withDescendants(join(directory, name)))];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    const errno = errnoOf(error);
    // ENODEV: the group was removed while being read. EOPNOTSUPP: a threaded group, whose parent lists the processes.
    if (errno === 'ENOENT' || errno === 'ENODEV' || errno === 'EOPNOTSUPP' || errno === 'ENOTSUP') return [];
    throw error;
  }
}
