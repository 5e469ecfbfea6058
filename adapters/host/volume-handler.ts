/** Runs the programs that mount volumes in their own way, such as dm-verity (state format §9.4, storage §6.1). */

import { existsSync } from 'node:fs';
import { type FaultCode, type FaultDetails, SupervisorError } from '../../machines/domain/fault.ts';
import type { Layout } from '../../machines/domain/layout.ts';
import type { Command } from '../../machines/domain/mount-plan.ts';
import { run } from './exec.ts';
import { errnoOf } from './kernel-error.ts';

/** Lifecycle §19: limit of a handler command. */
const HANDLER_TIMEOUT_MS = 60_000;

/** Without a handler `dm` we do what it does (`verity.ts`).
 *  @throws `code` with a fix when there is no such program, or it ends with anything but status 0, or takes longer than
 *  a minute; the reason of `signal` */
export async function runHandler(
  layout: Layout,
  [program, ...args]: Command,
  code: Extract<FaultCode, 'MOUNT_FAILED' | 'UNMOUNT_FAILED'>,
  signal?: AbortSignal,
): Promise<void> {
  const command = [program, ...args].join(' ');
  const fault = (reason: string, details: FaultDetails) =>
    new SupervisorError(code, `${command} ${reason}`, { subject: program, ...details });
  const byHand = `Run it by hand, as PV_DISK_VOLDIR=${layout.volumes} ${command}, to see`;
  try {
    const { code: status, stderr } = await run(program, args, {
      ...(signal === undefined ? {} : { signal }),
      timeoutMs: HANDLER_TIMEOUT_MS,
      env: { PV_DISK_VOLDIR: layout.volumes },
    });
    if (status === 0) return;
    const said = stderr.trim().split('\n').at(-1);
    throw fault(`ended with status ${status ?? 'none'}${said ? `: ${said}` : ''}`, { fix: `${byHand} why.` });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
      throw fault(`took longer than ${HANDLER_TIMEOUT_MS} ms`, { fix: `${byHand} what it waits for.` });
    }
    const errno = errnoOf(thrown);
    if (errno === 'ENOENT' && program.endsWith('/dm') && !existsSync(program)) {
      const { runVerity } = await import('./verity.ts');
      return runVerity(layout, args);
    }
    if (errno === 'ENOENT') {
      const fix = 'Install it with its interpreter, or set PV_SECUREBOOT_HANDLERS=0.';
      throw fault('cannot be run: there is no such handler (ENOENT)', { errno, fix, cause: thrown });
    }
    if (errno === 'EACCES') {
      const fix = `Make it executable: chmod +x ${program}`;
      throw fault('cannot be run: it is not executable (EACCES)', { errno, fix, cause: thrown });
    }
    throw thrown;
  }
}
