/** What is done to one container of LXC: asking for its start, for its end, killing whatever belongs to it. */

import { constants } from 'node:os';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { killAndWait } from './cgroups.ts';
import type { Ended, Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';
import { unquoted } from './lxc-config-file.ts';
import { LXC_LOG_LEVELS, textIfThere } from './lxc-log.ts';
import type { LxcFiles } from './lxc-places.ts';
import { containerOf } from './lxc-survivors.ts';
import { blocksSignal, listProcesses, signalName, signalNumber, withDescendants } from './processes.ts';

/** The container that a command is for. */
export interface LxcTarget {
  readonly name: string;
  readonly files: LxcFiles;
  readonly lxcPath: string;
  /** `PV_LXC_LOG_LEVEL`. */
  readonly logLevel: number;
  readonly kernel: Kernel;
}

/** Ends when the container is RUNNING (0) or will not be. It goes on if we are killed. With `-d`, LXC closes whatever files
 *  it inherits, as with `-C`, which would add nothing.
 *  @throws UNSUPPORTED when there is no LXC */
export async function runLxcStart({ name, files, lxcPath, logLevel, kernel }: LxcTarget): Promise<Ended> {
  const level = LXC_LOG_LEVELS[logLevel] ?? 'INFO';
  const container = ['-P', lxcPath, '-n', name, '-f', files.config, '-d'];
  const traces = ['-o', files.log, '-l', level, '-p', files.pidFile];
  try {
    return await kernel.run(['lxc-start', ...container, ...traces]);
  } catch (cause) {
    const errno = errnoOf(cause);
    throw new SupervisorError('UNSUPPORTED', `starting ${name}: lxc-start cannot be run: ${errno}`, {
      subject: name,
      ...(errno === undefined ? {} : { errno }),
      fix: 'Install LXC (Debian: apt-get install lxc).',
      cause,
    });
  }
}

/** Kills `lxc-start`, the monitor, hooks and whatever else descends from them. Looks again until none is left, for one
 *  may be starting another. */
export async function killFamily({ lxcPath, name, kernel }: LxcTarget): Promise<void> {
  for (;;) {
    const table = listProcesses();
    const ours = table.filter(({ argv }) => containerOf(lxcPath, argv)?.name === name);
    if (ours.length === 0) return;
    const family = withDescendants(table, new Set(ours.map(({ pid }) => pid)));
    await Promise.all([...family].map((pid) => killAndWait(pid, kernel)));
  }
}

const SYSTEMD_HALT = 'SIGRTMIN+3';

/** The configured halt signal; without one, what systemd as init understands, or SIGPWR: as lxc-stop does. Nothing
 *  is configured where the configuration of the start is gone. @throws when init may not be signalled */
export function sendHalt({ files, kernel }: LxcTarget, init: number): void {
  const configured = haltSignal(textIfThere(files.config));
  const systemd = signalNumber(SYSTEMD_HALT) ?? 0;
  const number = configured ?? (blocksSignal(init, systemd) ? systemd : signalNumber('SIGPWR'));
  const named = signalName(number ?? 0);
  if (named in constants.signals) kernel.signalProcess(init, named as NodeJS.Signals);
  // Node has no names for real-time signals.
  else if (number !== undefined) signalByNumber(init, number);
}

function signalByNumber(pid: number, number: number): void {
  try {
    process.kill(pid, number);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function haltSignal(config: string): number | undefined {
  const values = [...config.matchAll(/^lxc\.signal\.halt = ?(.*)$/gm)];
  return signalNumber(unquoted(values.at(-1)?.[1] ?? '').toUpperCase());
}

/** Another one of that name runs under this lxcpath. */
export function occupied(name: string): SupervisorError {
  return new SupervisorError('START_FAILED', `starting ${name}: LXC runs it already`, {
    subject: name,
    errno: 'EBUSY',
    fix: 'Stop it with lxc-stop, or find out which other supervisor uses this run directory.',
  });
}
