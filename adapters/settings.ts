/** What a run is told from outside: the command line over the environment over the defaults. Read once, passed on as
 *  data. Keys of the environment are those of the specification (logs and metadata §6); durations there are seconds. */

import { dirname, resolve } from 'node:path';
import type { KernelName } from './host/kernel.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** The words after `statevisor run`, as they were written. */
export interface RunFlags {
  readonly state: string;
  readonly storage?: string;
  readonly runDir?: string;
  readonly volumes?: string;
  readonly configs?: string;
  readonly goalTimeout?: string;
  readonly logLevel?: string;
  readonly kernel?: string;
  readonly json?: boolean;
}

/** Directories are absolute. */
export interface RunSettings {
  readonly stateFile: string;
  readonly storage: string;
  readonly runDir: string;
  readonly volumes: string;
  readonly configs: string;
  readonly exports: string;
  readonly media: string;
  readonly libDir: string;
  readonly defaultGoalTimeoutMs: number;
  readonly defaultRole: 'nobody' | 'mgmt';
  /** S-02: own groups take a container without one into the last of them. */
  readonly lastGroupFallback: boolean;
  readonly initMode: 'embedded' | 'standalone' | 'appengine';
  /** 0 TRACE to 8 FATAL. */
  readonly lxcLogLevel: number;
  /** Containers see the host's /dev/log unless they say otherwise. */
  readonly devLog: boolean;
  readonly handlers: boolean;
  readonly handlerArgs: readonly string[];
  readonly verityOff: boolean;
  readonly logLevel: LogLevel;
  /** Undefined: native where its addon is there. */
  readonly kernel: KernelName | undefined;
  readonly json: boolean;
}

/** A setting that cannot be: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws UsageError naming the setting and what it may be */
export function readSettings(flags: RunFlags, environment: Environment): RunSettings {
  const runDir = resolve(flags.runDir ?? environment['PV_SYSTEM_RUNDIR'] ?? '/run/statevisor');
  const directory = (flag: string | undefined, key: string, otherwise: string) =>
    resolve(flag ?? environment[key] ?? otherwise);
  return {
    stateFile: flags.state,
    storage: directory(flags.storage, 'PV_STORAGE_MNTPOINT', dirname(flags.state)),
    runDir,
    volumes: directory(flags.volumes, 'PV_DISK_VOLDIR', `${runDir}/volumes`),
    configs: directory(flags.configs, 'PV_SYSTEM_CONFDIR', `${runDir}/configs`),
    exports: directory(undefined, 'PV_DISK_EXPORTSDIR', `${runDir}/exports`),
    media: directory(undefined, 'PV_SYSTEM_MEDIADIR', '/media'),
    libDir: directory(undefined, 'PV_SYSTEM_LIBDIR', '/lib'),
    defaultGoalTimeoutMs:
      1000 * seconds('--goal-timeout', flags.goalTimeout ?? environment['PV_UPDATER_GOALS_TIMEOUT'], 120),
    defaultRole:
      oneOf('PV_CONTAINER_DEFAULT_ROLE', environment['PV_CONTAINER_DEFAULT_ROLE'], ['nobody', 'mgmt']) ??
      'nobody',
    lastGroupFallback:
      oneOf('PV_CONTAINER_DEFAULT_GROUP', environment['PV_CONTAINER_DEFAULT_GROUP'], ['none', 'last']) ===
      'last',
    initMode:
      oneOf('PV_SYSTEM_INIT_MODE', environment['PV_SYSTEM_INIT_MODE'], [
        'embedded',
        'standalone',
        'appengine',
      ]) ?? 'embedded',
    lxcLogLevel: Number(oneOf('PV_LXC_LOG_LEVEL', environment['PV_LXC_LOG_LEVEL'], [...'012345678']) ?? '2'),
    devLog: oneOf('PV_LOG_AUTO_DEVLOG', environment['PV_LOG_AUTO_DEVLOG'], ['0', '1']) !== '0',
    handlers: oneOf('PV_SECUREBOOT_HANDLERS', environment['PV_SECUREBOOT_HANDLERS'], ['0', '1']) !== '0',
    handlerArgs: words(environment['PV_VOLMOUNT_DM_EXTRA_ARGS']),
    verityOff: environment['pv_verityoff'] !== undefined,
    logLevel: oneOf('--log-level', flags.logLevel, LOG_LEVELS) ?? 'warn',
    kernel: oneOf('--kernel', flags.kernel, ['native', 'spawn']),
    json: flags.json ?? false,
  };
}

function seconds(name: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < 0) {
    throw new UsageError(`${name} is a number of seconds, 0 or more, not ${JSON.stringify(value)}`);
  }
  return number;
}

function oneOf<T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new UsageError(`${name} is one of ${allowed.join(', ')}, not ${JSON.stringify(value)}`);
  }
  return found;
}

function words(text: string | undefined): readonly string[] {
  return text?.split(/\s+/).filter((word) => word !== '') ?? [];
}
