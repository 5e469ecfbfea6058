/** The kernel back-end on system programs, for hosts where the addon cannot be built: mount, umount, losetup
 *  (util-linux), pidwait (procps). Some milliseconds a call. What the programs say in prose is turned back into
 *  the kernel's error names, looking again at the paths where the prose is ambiguous. */

import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { run } from './exec.ts';
import type { Ended, Kernel, MountOptions } from './kernel.ts';
import { ANY_LOOP, requireProcess } from './kernel.ts';
import { errnoOf, errnoOfText, KernelError } from './kernel-error.ts';
import { freeLoopIndexes } from './loop-devices.ts';

const PROGRAMS = ['mount', 'umount', 'losetup', 'pidwait'];
const { PATH = '' } = process.env;
/** System programs live here even when a service's PATH is short. */
const SEARCHED = `${PATH}${delimiter}/usr/sbin${delimiter}/sbin`;

/** Those of our programs that this host lacks. */
export function missingPrograms(): readonly string[] {
  const directories = SEARCHED.split(delimiter).filter((directory) => directory !== '');
  return PROGRAMS.filter((program) => !directories.some((directory) => exists(join(directory, program))));
}

export function createSpawnKernel(loopIndexBase = ANY_LOOP): Kernel {
  return {
    name: 'spawn',

    async mount(source, target, fsType, { readOnly, data }: MountOptions = {}) {
      requireType(fsType, target);
      const options = [readOnly ? 'ro' : 'rw', ...(data === undefined ? [] : [data])].join(',');
      await mount(['-t', fsType, '-o', options, source, target], source, target);
    },

    async mountImage(image, target, fsType) {
      requireType(fsType, target);
      if (loopIndexBase < 0) return mount(['-t', fsType, '-o', 'loop,ro', image, target], image, target);
      const device = await attachFrom(loopIndexBase, image);
      try {
        await mount(['-t', fsType, '-o', 'ro', device, target], device, target);
      } finally {
        // While it is mounted, this makes it free itself.
        await detach(device);
      }
    },

    bind: (source, target) => mount(['--bind', source, target], source, target),

    async bindTree(source, target) {
      await mount(['--rbind', '--make-rslave', source, target], source, target);
    },

    async unmount(target) {
      const { code, stderr } = await program('umount', ['-n', target]);
      if (code !== 0) throw new KernelError(umountErrno(stderr, target), 'umount2', target);
    },

    detachLoop: detach,

    watchProcess(pid, gone) {
      requireProcess(pid);
      return watch(pid, gone);
    },

    signalProcess(pid, signal) {
      requireProcess(pid);
      try {
        process.kill(pid, signal);
        return true;
      } catch (error) {
        if (errnoOf(error) === 'ESRCH') return false;
        throw error;
      }
    },

    run: ([file, ...args]) =>
      new Promise<Ended>((resolve, reject) => {
        const child = spawn(file, args, { cwd: '/', detached: true, stdio: 'ignore' });
        child.on('error', (cause) => {
          reject(new KernelError(errnoOf(cause) ?? 'EIO', 'posix_spawn', file, { cause }));
        });
        child.on('exit', (code, signal) => {
          resolve(code === null ? { kind: 'signal', signal: signal ?? '' } : { kind: 'code', code });
        });
      }),
  };
}

/** mount(8) takes `-t nofoo` for "any type but foo". */
function requireType(fsType: string, target: string): void {
  if (fsType.startsWith('no') || fsType.includes(',')) throw new KernelError('ENODEV', 'mount', target);
}

function program(name: string, args: readonly string[]) {
  return run(name, args, { env: { PATH: SEARCHED } });
}

async function mount(args: readonly string[], source: string, target: string): Promise<void> {
  const { code, stderr } = await program('mount', ['-n', ...args]);
  if (code === 0) return;
  if (/failed to setup loop device/.test(stderr)) throw loopError(source, stderr);
  throw new KernelError(mountErrno(stderr), 'mount', target, { cause: new Error(stderr.trim()) });
}

/** Others may be faster so many times, or be just making the device. */
const LOOP_ATTEMPTS = 64;
const TAKEN: ReadonlySet<string> = new Set(['EBUSY', 'ENOENT', 'ENXIO']);

/** Shows the image on the first free loop device from this number on. */
async function attachFrom(base: number, image: string): Promise<string> {
  let said = '';
  for (const index of freeLoopIndexes(base, LOOP_ATTEMPTS)) {
    const device = `/dev/loop${index}`;
    const { code, stderr } = await program('losetup', ['-r', device, image]);
    if (code === 0) return device;
    said = stderr;
    if (errnoOfImage(image) !== undefined || !TAKEN.has(lastErrno(stderr) ?? '')) break;
  }
  throw loopError(image, said);
}

async function detach(device: string): Promise<void> {
  const { code, stderr } = await program('losetup', ['-d', device]);
  if (code !== 0) throw new KernelError(lastErrno(stderr) ?? 'EIO', 'LOOP_CLR_FD', device);
}

function loopError(image: string, stderr: string): KernelError {
  const cause = new Error(stderr.trim());
  const errno = errnoOfImage(image);
  return errno === undefined
    ? new KernelError(loopErrno(stderr), 'LOOP_CONFIGURE', image, { cause })
    : new KernelError(errno, errno === 'EINVAL' ? 'LOOP_CONFIGURE' : 'open', image, { cause });
}

function mountErrno(text: string): string {
  const said = lastErrno(text);
  if (said !== undefined) return said;
  if (/wrong fs type|bad superblock|bad option/.test(text)) return 'EINVAL';
  if (/unknown filesystem type/.test(text)) return 'ENODEV';
  if (/does not exist/.test(text)) return 'ENOENT';
  if (/not a directory/.test(text)) return 'ENOTDIR';
  if (/already mounted|mount point busy|is busy/.test(text)) return 'EBUSY';
  if (/can't read superblock/.test(text)) return 'EIO';
  if (/not a block device/.test(text)) return 'ENOTBLK';
  if (/write-protected|read-only/.test(text)) return 'EROFS';
  if (/must be superuser|permission denied/i.test(text)) return 'EPERM';
  return 'EIO';
}

function umountErrno(text: string, target: string): string {
  if (/busy/.test(text)) return 'EBUSY';
  if (/must be superuser|permission denied/i.test(text)) return 'EPERM';
  if (/not mounted|no mount point|not found/.test(text)) return exists(target) ? 'EINVAL' : 'ENOENT';
  return lastErrno(text) ?? 'EIO';
}

/** `…: mount(2) system call failed: Structure needs cleaning.` */
function lastErrno(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const errno = errnoOfText(line.slice(line.lastIndexOf(': ') + 2).replace(/\.?\s*$/, ''));
    if (errno !== undefined) return errno;
  }
  return undefined;
}

/** Why no loop device takes this file, as opening and LOOP_CONFIGURE would say; undefined: the file is fine. */
function errnoOfImage(image: string): string | undefined {
  try {
    closeSync(openSync(image, 'r'));
    return statSync(image).isFile() || statSync(image).isBlockDevice() ? undefined : 'EINVAL';
  } catch (error) {
    return errnoOf(error) ?? 'EIO';
  }
}

function loopErrno(text: string): string {
  if (!exists('/dev/loop-control')) return 'ENOENT';
  return /permission/i.test(text) ? 'EPERM' : 'EBUSY';
}

/** pidwait takes pids from a regular file only; this one is unlinked before it is read. */
function watch(pid: number, gone: () => void) {
  const directory = mkdtempSync(join(tmpdir(), 'pidwait-'));
  const path = join(directory, 'pid');
  writeFileSync(path, `${pid}\n`);
  const file = openSync(path, 'r');
  rmSync(directory, { recursive: true });
  const child = spawn('pidwait', ['-F', '/dev/fd/3'], { stdio: ['ignore', 'ignore', 'inherit', file] });
  closeSync(file);
  let open = true;
  child.on('exit', (code, signal) => {
    if (!open) return;
    // 1: there was none any more.
    if (code !== 0 && code !== 1) throw new Error(`pidwait ended by ${signal ?? `exit status ${code}`}`);
    open = false;
    gone();
  });
  return {
    close() {
      if (!open) return;
      open = false;
      child.kill('SIGKILL');
    },
  };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
