/** What /proc tells about processes, and signals by number. Watching and signalling by pidfd is the kernel port's. */

import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoOf } from './kernel-error.ts';

/** A process as one look at /proc shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly argv: readonly string[];
}

/** Every living process; zombies and kernel threads have no arguments and are left out. Those that end meanwhile are
 *  too. One look costs a few milliseconds: for rare occasions, not for each container. */
export function listProcesses(): readonly ProcessEntry[] {
  return readdirSync('/proc').flatMap((name): ProcessEntry[] => {
    if (!/^\d+$/.test(name)) return [];
    const pid = Number(name);
    const argv = argumentsOf(pid);
    const parent = argv === undefined ? undefined : parentOf(pid);
    return argv === undefined || parent === undefined ? [] : [{ pid, parent, argv }];
  });
}

/** Undefined when there is no such process, or it is a zombie or a kernel thread. */
export function argumentsOf(pid: number): readonly string[] | undefined {
  const cmdline = readProc(`${pid}/cmdline`);
  return cmdline === undefined || cmdline === '' ? undefined : cmdline.replace(/\0+$/, '').split('\0');
}

/** The given processes and all that descend from them. */
export function withDescendants(
  table: readonly ProcessEntry[],
  pids: ReadonlySet<number>,
): ReadonlySet<number> {
  const family = new Set(pids);
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const { pid, parent } of table) if (family.has(parent)) family.add(pid);
  }
  return family;
}

export function parentOf(pid: number): number | undefined {
  const stat = readProc(`${pid}/stat`);
  // The command, in parentheses, may contain anything.
  const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Zombies included: the pid is not free before the parent has seen them. */
export function childrenOf(pid: number): readonly number[] {
  const listed = readProc(`${pid}/task/${pid}/children`);
  if (listed !== undefined) return listed.split(' ').filter(Boolean).map(Number);
  // A kernel without CONFIG_PROC_CHILDREN.
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

/** The process's pid in the innermost pid namespace it is in. */
export function innermostPid(pid: number): number | undefined {
  const chain = statusField(pid, 'NSpid')?.split(/\s+/);
  const last = chain?.at(-1);
  return last === undefined ? undefined : Number(last);
}

export function blocksSignal(pid: number, signal: number): boolean {
  const mask = statusField(pid, 'SigBlk');
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

/** A signal's number from its name (`SIGPWR`, `SIGRTMIN+3`) or digits, as LXC writes them. */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(text);
  if (realTime !== null) {
    // As the C library has them: the first two belong to it.
    const base = realTime[1] === 'MIN' ? 34 : 64;
    return base + Number(`${realTime[2] ?? '+'}${realTime[3] ?? 0}`);
  }
  return (constants.signals as Record<string, number>)[text];
}

/** `SIGSEGV`, `SIGRTMIN+3`. */
export function signalName(signal: number): string {
  const named = Object.entries(constants.signals).find(([, number]) => number === signal);
  if (named !== undefined) return named[0];
  return signal >= 34 && signal <= 64 ? `SIGRTMIN+${signal - 34}` : `signal ${signal}`;
}

function statusField(pid: number, field: string): string | undefined {
  const status = readProc(`${pid}/status`);
  return status === undefined ? undefined : new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1];
}

/** Undefined when the process, or this file of it, is not there. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ESRCH') return undefined;
    throw error;
  }
}
