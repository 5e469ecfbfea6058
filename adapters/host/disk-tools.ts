/** The system's programs for disks: mkfs, mount, swapon, cryptsetup, veritysetup. Disks are made ready once, so the
 *  milliseconds of a program do not matter, and mount(8) knows every option by its name. Which loop device is
 *  used is theirs to choose: `PV_LOOP_INDEX_BASE` is for the images of containers. What a failure means is said here. */

import { delimiter } from 'node:path';
import { type FaultCode, SupervisorError } from '../../machines/domain/fault.ts';
import { run } from './exec.ts';
import { errnoOf } from './kernel-error.ts';

/** What a failed tool has to say: the fault names `subject`, e.g. `disk "safe"`. */
export interface ToolUse {
  readonly subject: string;
  readonly what: string;
  readonly code?: Extract<FaultCode, 'MOUNT_FAILED' | 'UNMOUNT_FAILED'>;
}

/** Runs a program to its end; gives what it printed. @throws `code`, MOUNT_FAILED unless given */
export type Tool = (use: ToolUse, program: string, ...args: readonly string[]) => Promise<string>;

const PACKAGES: Readonly<Record<string, string>> = {
  cryptsetup: 'Install cryptsetup.',
  veritysetup: 'Install veritysetup (Debian: cryptsetup-bin).',
  'mkfs.ext3': 'Install e2fsprogs.',
  'mkfs.ext4': 'Install e2fsprogs.',
  e2fsck: 'Install e2fsprogs.',
};

/** Making a file system on slow storage takes its time; nothing else comes near. */
const TOOL_TIMEOUT_MS = 600_000;

/** `PATH` of a service may lack the directories of system programs. */
export function createTool(searchPath = process.env['PATH'] ?? ''): Tool {
  const PATH = [searchPath, '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(delimiter);
  return async ({ subject, what, code = 'MOUNT_FAILED' }, program, ...args) => {
    const command = [program, ...args].join(' ');
    const fault = (reason: string, details: { errno?: string; fix: string; cause?: unknown }) =>
      new SupervisorError(code, `${what}: ${reason}`, { subject, ...details });
    try {
      const done = await run(program, args, { env: { PATH }, timeoutMs: TOOL_TIMEOUT_MS });
      if (done.code === 0) return done.stdout;
      const said = (done.stderr.trim() || done.stdout.trim()).split('\n').at(-1);
      const how = `${command} ended with ${done.code ?? done.signal}`;
      throw fault(said ? `${how}: ${said}` : how, { fix: 'Run it by hand to see why; dmesg may say more.' });
    } catch (thrown) {
      if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
        throw fault(`${command} took longer than ${TOOL_TIMEOUT_MS / 1000} s`, {
          fix: 'Run it by hand to see what it waits for.',
        });
      }
      if (errnoOf(thrown) !== 'ENOENT') throw thrown;
      throw fault(`there is no program ${program} (ENOENT)`, {
        errno: 'ENOENT',
        fix: PACKAGES[program] ?? 'Install util-linux.',
        cause: thrown,
      });
    }
  };
}

/** Any failure of a file operation as a fault of this disk. */
export function fileFault(disk: string, doing: string, thrown: unknown): unknown {
  const errno = errnoOf(thrown);
  if (thrown instanceof SupervisorError || errno === undefined) return thrown;
  return new SupervisorError('MOUNT_FAILED', `disk "${disk}": ${doing} failed: ${errno}`, {
    subject: disk,
    errno,
    fix: errno === 'ENOSPC' ? 'Free space on the storage.' : 'The kernel log may say more: dmesg | tail.',
    cause: thrown,
  });
}
