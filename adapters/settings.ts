/** What a run is told from outside: the words after `statevisor run` over the configuration (logs and metadata §7) over
 *  the defaults. Read once, passed on as data.
 *
 *  Where nothing is said, a run differs from the reference, which has a device for itself and may put things into the root
 *  directory; this also runs beside other systems, from a shell. `/config2` tells what is in force:
 *
 *  | key                                               | here                          | reference                        |
 *  |---------------------------------------------------|-------------------------------|----------------------------------|
 *  | PV_SYSTEM_RUNDIR                                  | /run/statevisor               | /pv                              |
 *  | PV_DISK_VOLDIR, PV_SYSTEM_CONFDIR,                | volumes, configs, exports     | /volumes, /configs, /exports     |
 *  | PV_DISK_EXPORTSDIR                                | in the run directory          |                                  |
 *  | PV_STORAGE_MNTPOINT                               | the directory of STATE        | unset                            |
 *  | PV_CACHE_USRMETADIR, PV_CACHE_DEVMETADIR,         | the same places in what       | cache/meta, cache/devmeta, logs/ |
 *  | PV_LOG_DIR, PV_DROPBEAR_CACHE_DIR                 | PV_STORAGE_MNTPOINT says      | and cache/dropbear in /storage   |
 *  | PV_LOG_LEVEL                                      | 2, warnings                   | 0, only what is fatal            |
 *
 *  The init mode is `embedded` as there, and does nothing to the machine that a developer would mind: kernel parameters are
 *  in `config/sysctl.ts`, /lib/firmware and /lib/modules in `machines/domain/bsp-plan.ts` (`ownsMachine`). */

import { dirname, join, resolve } from 'node:path';
import { complaintOf, complaintsOf, type Saying, type Settled, settle } from '../machines/domain/config.ts';
import type { ConfigKey } from '../machines/domain/config-keys.ts';
import { describeFault, type Fault } from '../machines/domain/fault.ts';
import { readOem } from './config/oem.ts';
import { readSources, type Sources } from './config/sources.ts';
import type { KernelName } from './host/kernel.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** The words after `statevisor run`, as they were written. */
export interface RunFlags {
  readonly state?: string;
  readonly storage?: string;
  readonly runDir?: string;
  readonly volumes?: string;
  readonly configs?: string;
  readonly goalTimeout?: string;
  /** The configuration file, in place of /etc/pantavisor.config. */
  readonly config?: string;
  /** In place of the kernel's command line. */
  readonly cmdline?: string;
  readonly logLevel?: string;
  readonly kernel?: string;
  readonly json?: boolean;
  /** Play the boot loader. */
  readonly appengine?: boolean;
}

/** Directories are absolute. */
export interface RunSettings {
  /** Undefined: the store and the boot record say what is run. */
  readonly stateFile: string | undefined;
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
  /** The first loop device to be used; -1: any. */
  readonly loopIndexBase: number;
  readonly logLevel: LogLevel;
  /** Undefined: native where its addon is there. */
  readonly kernel: KernelName | undefined;
  readonly json: boolean;
  /** In place of the kernel's command line; undefined: that of the kernel. */
  readonly commandLine: string | undefined;
  readonly fitConfig: string | undefined;
  readonly userMeta: string;
  readonly deviceMeta: string;
  /** Everything that was said: the configuration begins with it (`actors/config.ts`). */
  readonly sayings: readonly Saying[];
  /** The same, merged. */
  readonly settled: Settled;
  /** What of it does not count, and sources that could not be read. */
  readonly complaints: readonly Fault[];
}

/** A setting that cannot be: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws UsageError naming the setting and what it may be; STORE_FAILED a file that is named cannot be read */
export function readSettings(flags: RunFlags, environment: Environment): RunSettings {
  const sources = readRunSources(flags, environment);
  const config = settle(sources.sayings);
  refuseFatal(config);
  if (flags.state === undefined && (config.value('PV_STORAGE_MNTPOINT') ?? '') === '') {
    throw new UsageError('what is run? Name a STATE, or by --storage what has revisions and a boot record');
  }
  const directory = (key: ConfigKey) => directoryOf(config, key);
  return {
    stateFile: flags.state,
    storage: directory('PV_STORAGE_MNTPOINT'),
    runDir: directory('PV_SYSTEM_RUNDIR'),
    volumes: directory('PV_DISK_VOLDIR'),
    configs: directory('PV_SYSTEM_CONFDIR'),
    exports: directory('PV_DISK_EXPORTSDIR'),
    media: directory('PV_SYSTEM_MEDIADIR'),
    libDir: directory('PV_SYSTEM_LIBDIR'),
    defaultRole: config.value('PV_CONTAINER_DEFAULT_ROLE'),
    lastGroupFallback: config.value('PV_CONTAINER_DEFAULT_GROUP') === 'last',
    initMode: config.value('PV_SYSTEM_INIT_MODE'),
    handlers: config.value('PV_SECUREBOOT_HANDLERS'),
    verityOff: environment['pv_verityoff'] !== undefined,
    loopIndexBase: config.value('PV_LOOP_INDEX_BASE'),
    logLevel: oneOf('--log-level', flags.logLevel, LOG_LEVELS) ?? logLevelOf(config.value('PV_LOG_LEVEL')),
    kernel: oneOf('--kernel', flags.kernel, ['native', 'spawn']),
    json: flags.json ?? false,
    commandLine: flags.cmdline,
    fitConfig: config.value('PV_BOOTLOADER_FITCONFIG'),
    userMeta: directory('PV_CACHE_USRMETADIR'),
    deviceMeta: directory('PV_CACHE_DEVMETADIR'),
    ...settingsOfRevision(config),
    sayings: sources.sayings,
    settled: config,
    complaints: [...sources.complaints, ...complaintsOf(config.judged)],
  };
}

/** With what the OEM file of the revision in `trail` says; `complaints` are those about that file. */
export function withOem(settings: RunSettings, trail: string): RunSettings {
  if ((settings.settled.value('PV_OEM_NAME') ?? '') === '') return { ...settings, complaints: [] };
  const oem = readOem(settings.sayings, trail);
  const sayings = [...settings.sayings, ...oem.sayings];
  const config = settle(sayings);
  const complaints = complaintsOf(config.judged.filter(({ level }) => level === 'oem config'));
  return {
    ...settings,
    ...settingsOfRevision(config),
    sayings,
    settled: config,
    complaints: [...oem.complaints, ...complaints],
  };
}

/** What an OEM file may change. */
function settingsOfRevision(
  config: Settled,
): Pick<RunSettings, 'defaultGoalTimeoutMs' | 'lxcLogLevel' | 'devLog' | 'handlerArgs'> {
  return {
    defaultGoalTimeoutMs: 1000 * config.value('PV_UPDATER_GOALS_TIMEOUT'),
    lxcLogLevel: config.value('PV_LXC_LOG_LEVEL'),
    devLog: config.value('PV_LOG_AUTO_DEVLOG'),
    handlerArgs: words(config.value('PV_VOLMOUNT_DM_EXTRA_ARGS')),
  };
}

/** Of the log on stderr, after a number of `PV_LOG_LEVEL`: 0 FATAL, 1 ERROR, 2 WARN, 3 INFO, 4 DEBUG, 5 and above all. */
export function logLevelOf(level: number): LogLevel {
  return LOG_LEVELS[Math.max(0, Math.min(level, LOG_LEVELS.length - 1))] ?? 'warn';
}

/** All sources as a run reads them, with our own defaults and the words of the command line.
 *  @throws UsageError, STORE_FAILED a file that is named cannot be read */
export function readRunSources(flags: Partial<RunFlags>, environment: Environment): Sources {
  const { sayings, complaints } = readSources({
    configFile: flags.config,
    commandLine: flags.cmdline,
    environment,
    own: [byDefault('PV_SYSTEM_RUNDIR', '/run/statevisor'), ...wordsOfRun(flags)],
  });
  const storage =
    flags.state === undefined ? [] : [byDefault('PV_STORAGE_MNTPOINT', resolve(dirname(flags.state)))];
  const places = placesIn(settle([...sayings, ...storage]));
  return { sayings: [...sayings, ...storage, ...places], complaints };
}

function placesIn(config: Settled): readonly Saying[] {
  const runDir = config.value('PV_SYSTEM_RUNDIR');
  const storage = config.value('PV_STORAGE_MNTPOINT') ?? '';
  return [
    byDefault('PV_LOG_LEVEL', '2'),
    byDefault('PV_DISK_VOLDIR', join(runDir, 'volumes')),
    byDefault('PV_SYSTEM_CONFDIR', join(runDir, 'configs')),
    byDefault('PV_DISK_EXPORTSDIR', join(runDir, 'exports')),
    ...(storage === ''
      ? []
      : [
          byDefault('PV_CACHE_USRMETADIR', join(storage, 'cache/meta')),
          byDefault('PV_CACHE_DEVMETADIR', join(storage, 'cache/devmeta')),
          byDefault('PV_DROPBEAR_CACHE_DIR', join(storage, 'cache/dropbear')),
          byDefault('PV_LOG_DIR', join(storage, 'logs/')),
        ]),
  ];
}

function byDefault(name: ConfigKey, text: string): Saying {
  return { level: 'default', place: 'statevisor run', name, text };
}

function wordsOfRun(flags: Partial<RunFlags>): readonly Saying[] {
  const place = (flag: string, name: ConfigKey, text: string | undefined): readonly Saying[] =>
    text === undefined ? [] : [{ level: 'command', place: flag, name, text: resolve(text) }];
  const { goalTimeout } = flags;
  return [
    ...place('--storage', 'PV_STORAGE_MNTPOINT', flags.storage),
    ...place('--run-dir', 'PV_SYSTEM_RUNDIR', flags.runDir),
    ...place('--volumes', 'PV_DISK_VOLDIR', flags.volumes),
    ...place('--configs', 'PV_SYSTEM_CONFDIR', flags.configs),
    ...(goalTimeout === undefined ? [] : [goalTimeoutWord(goalTimeout)]),
  ];
}

function goalTimeoutWord(text: string): Saying {
  const said: Saying = { level: 'command', place: '--goal-timeout', name: 'PV_UPDATER_GOALS_TIMEOUT', text };
  if (settle([said]).judged[0]?.counts === true) return said;
  throw new UsageError(
    `--goal-timeout is a number of seconds, whole and 0 or more, not ${JSON.stringify(text)}`,
  );
}

/** A value that one of our own keys cannot have. */
function refuseFatal({ judged }: Settled): void {
  const fatal = judged.find((said) => said.fatal);
  const complaint = fatal === undefined ? undefined : complaintOf(fatal);
  if (complaint !== undefined) throw new UsageError(describeFault(complaint));
}

/** An empty text would be whatever directory the run was started in. */
function directoryOf(config: Settled, key: ConfigKey): string {
  const text = config.value(key);
  if (typeof text === 'string' && text !== '') return resolve(text);
  throw new UsageError(`${key} is the path of a directory, not ${JSON.stringify(text)}`);
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
