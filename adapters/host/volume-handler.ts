/** Runs the programs that mount volumes in their own way, such as dm-verity (state format §9.4, storage §6.1). */

import { SupervisorError } from '../../machines/domain/fault.ts';
import type { Layout } from '../../machines/domain/layout.ts';
import type { Command } from '../../machines/domain/mount-plan.ts';
import { run } from './exec.ts';

/** Lifecycle §19: limit of a handler command. */
const HANDLER_TIMEOUT_MS = 60_000;

/** @throws `code` when it ends with anything but status 0 or takes longer than a minute; what `run` throws otherwise */
export async function runHandler(
  layout: Layout,
  [program, ...args]: Command,
  code: 'MOUNT_FAILED' | 'UNMOUNT_FAILED',
  signal?: AbortSignal,
): Promise<void> {
  const command = [program, ...args].join(' ');
  const details = { subject: program, fix: 'Run the command by hand to see why.' };
  try {
    const { code: status, stderr } = await run(program, args, {
      ...(signal === undefined ? {} : { signal }),
      timeoutMs: HANDLER_TIMEOUT_MS,
      env: { PV_DISK_VOLDIR: layout.volumes },
    });
    if (status === 0) return;
    const said = stderr.trim().split('\n').at(-1);
    throw new SupervisorError(
      code,
      `${command} ended with status ${status ?? 'none'}${said ? `: ${said}` : ''}`,
      details,
    );
  } catch (thrown) {
    if (!(thrown instanceof DOMException) || thrown.name !== 'TimeoutError') throw thrown;
    throw new SupervisorError(code, `${command} took longer than ${HANDLER_TIMEOUT_MS} ms`, details);
  }
}
