/** What LXC's log of one container's last start tells: why it did not come about, how it ended, what it used.
 *  From level INFO on it tells all of that; with less the answers become vaguer, never wrong. */

import { readFileSync } from 'node:fs';
import type { Fault } from '../../machines/domain/fault.ts';
import type { Exit } from '../../machines/domain/recovery.ts';
import { errnoOf, errnoOfText } from './kernel-error.ts';
import { signalName } from './processes.ts';

/** By number, as `PV_LXC_LOG_LEVEL` and lxc.log.level count. */
export const LXC_LOG_LEVELS = [
  'TRACE',
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARN',
  'ERROR',
  'CRIT',
  'ALERT',
  'FATAL',
] as const;

export interface LxcTraces {
  /** Init's pid, once it had been executed. */
  readonly pid: number | undefined;
  /** Undefined: it was never told, or it was exit 0, of which LXC says nothing. */
  readonly exit: Exit | undefined;
  /** Names of the control groups made for the start. */
  readonly cgroups: readonly string[];
  readonly alreadyRunning: boolean;
  /** What LXC called an error, in its words, first cause first. */
  readonly errors: readonly string[];
}

export function readTraces(log: string): LxcTraces {
  const messages = log.split('\n').flatMap(parseLine);
  const texts = messages.map(({ text }) => text);
  return {
    pid: startedPid(log),
    exit: lastMatch(
      texts,
      /^Child <\d+> ended on (?:error \((\d+)\)|signal .*\((\d+)\))$/,
      ([, code, signal]) =>
        code === undefined ? signalExit(Number(signal)) : { kind: 'code', code: Number(code) },
    ),
    cgroups: texts.flatMap((text) => {
      const found = /^The (?:monitor|container) process uses "([^"]+)" as/.exec(text)?.[1];
      return found === undefined ? [] : [found];
    }),
    alreadyRunning: texts.includes('Container is already running'),
    errors: messages
      .filter(({ level, text }) => SEVERE.has(level) && !CONSEQUENCES.test(text))
      .map(({ text }) => text),
  };
}

/** Init's pid, once it had been executed. */
export function startedPid(log: string): number | undefined {
  const [, pid] = [...log.matchAll(/ - Started ".*" with pid "(\d+)"$/gm)].at(-1) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/** A wait status as an exit.
 *
 *  Nobody inside can kill init, so two signals mean that init itself called reboot(2) (see its manual page): SIGINT
 *  for halting or powering off, which is an orderly end and counts as exit status 0; SIGHUP for rebooting, which stays
 *  a death by signal, so that every recovery policy that restarts anything restarts it. */
export function exitOf(waitStatus: number): Exit {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? { kind: 'code', code: (waitStatus >> 8) & 0xff } : signalExit(signal);
}

export function isReboot(waitStatus: number): boolean {
  return (waitStatus & 0x7f) === SIGHUP;
}

const SIGHUP = 1;
const SIGINT = 2;

function signalExit(signal: number): Exit {
  return signal === SIGINT ? { kind: 'code', code: 0 } : { kind: 'signal', signal: signalName(signal) };
}

/** A start that failed, in LXC's own words. */
export function startFault(container: string, log: string, logFile: string): Fault {
  const { errors } = readTraces(log);
  const why = errors.slice(0, 2).join('; ') || 'LXC gave no reason';
  const errno = errors.map((error) => errnoOfText(error.split(' - ')[0] ?? '')).find(Boolean);
  const fix = FIXES.find(({ says }) => errors.some((error) => says.test(error)))?.fix;
  return {
    code: 'START_FAILED',
    message: `starting ${container}: ${why}`,
    subject: container,
    ...(errno === undefined ? {} : { errno }),
    fix: `${fix ?? 'Look at what LXC did last'} (log: ${logFile})`,
  };
}

const SEVERE = new Set(['ERROR', 'CRIT', 'ALERT', 'FATAL']);

/** Errors that only say that there was another one before. */
const CONSEQUENCES =
  /^(An error occurred in another process|Received container state|The container failed to start|To get more details|Additional information can|Failed to (setup|spawn|initialize) container|Failed to setup mount entries|Failed to load rcfile|Failed to handle rootfs pinning)/;

const FIXES: readonly { readonly says: RegExp; readonly fix: string }[] = [
  {
    says: /^No such file or directory - Failed to exec/,
    fix: 'Put an executable init where lxc.init.cmd says (default /sbin/init), with its interpreter and libraries',
  },
  {
    says: /Failed to exec/,
    fix: "Check init's mode, interpreter and architecture",
  },
  {
    says: /AppArmor|apparmor/,
    fix: 'Set lxc.apparmor.profile = unconfined in its LXC configuration, or load the profile it names',
  },
  {
    says: /Unsupported config key|Failed to parse config|Invalid argument - .*config/,
    fix: 'Correct the line in its LXC configuration, or write it for the LXC version of this host',
  },
  {
    says: /Value too large for defined data type/,
    fix: 'lxc.namespace.keep must name "user" unless lxc.idmap is set',
  },
  {
    says: /Script exited with status 127/,
    fix: 'Install what its hooks call; device rules (mdev.json) need busybox with mdev, mount and unshare',
  },
  { says: /script|hook/i, fix: 'Run the hook by hand to see what it lacks' },
  {
    says: /^No such file or directory - Failed to mount/,
    fix: 'Check source and target of the lxc.mount.entry; create=dir or create=file makes a missing target',
  },
  { says: /Failed to mount|mount/, fix: 'Check its lxc.mount.entry lines' },
  { says: /cgroup|controller/i, fix: 'Check its lxc.cgroup lines against the controllers this host has' },
  {
    says: /network|veth|bridge|interface/i,
    fix: 'Check its lxc.net lines: the link must exist and the kernel must know the type',
  },
  { says: /seccomp/i, fix: 'Check its lxc.seccomp.profile against the kernel' },
];

interface Message {
  readonly level: string;
  readonly text: string;
}

/** `lxc-start NAME TIME LEVEL category - file:function:line - text`. */
function parseLine(line: string): readonly Message[] {
  const [, level, text] = /^\S+ .* \d{14}\.\d+ ([A-Z]+)\s+\S+ - \S+ - (.*)$/.exec(line) ?? [];
  return level === undefined || text === undefined ? [] : [{ level, text }];
}

function lastMatch<T>(
  texts: readonly string[],
  pattern: RegExp,
  make: (match: RegExpExecArray) => T,
): T | undefined {
  for (const text of texts.toReversed()) {
    const match = pattern.exec(text);
    if (match !== null) return make(match);
  }
  return undefined;
}

/** Empty when there is none. */
export function textIfThere(log: string): string {
  try {
    return readFileSync(log, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
