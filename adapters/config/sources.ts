/** Reads every source of the configuration that is there before a revision: files, kernel command line, environment (logs
 *  and metadata §7.1). The OEM file comes with the revision: `oem.ts`. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Level, type Saying, settle } from '../../machines/domain/config.ts';
import { findRow } from '../../machines/domain/config-keys.ts';
import { commandLineSayings, environmentSayings, fileSayings } from '../../machines/domain/config-sources.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf } from '../store/files.ts';

const CONFIG_FILE = '/etc/pantavisor.config';

export interface SourceRequest {
  /** Undefined: /etc/pantavisor.config, which need not be there. */
  readonly configFile: string | undefined;
  /** In place of the kernel's. */
  readonly commandLine: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What we say ourselves, of which the run directory decides where to look. */
  readonly own: readonly Saying[];
}

export interface Sources {
  /** Of all levels, `own` included, in no order. */
  readonly sayings: readonly Saying[];
  /** What could not be read and is done without. */
  readonly complaints: readonly Fault[];
}

/** @throws STORE_FAILED the configuration file or the policy that is named cannot be read */
export function readSources({ configFile, commandLine, environment, own }: SourceRequest): Sources {
  const words = commandLine ?? readIfThere('/proc/cmdline') ?? '';
  const first = [
    ...own,
    ...mainFile(configFile),
    ...commandLineSayings(words),
    ...environmentSayings(environment, words),
  ];
  const policy = policyOf(first);
  const sayings = policy === undefined ? first : [...first, ...policyFile(first, policy)];
  const hub = join(settle(sayings).value('PV_SYSTEM_RUNDIR'), 'phconfig/pantahub.config');
  const { sayings: hubSayings, complaints } = optionalFile(hub, 'ph conf file');
  return { sayings: [...sayings, ...hubSayings], complaints };
}

/** The name of the policy in force: of the command line, else of the environment, else of the configuration file, which is
 *  not the order of the levels (logs and metadata §7.1). Undefined: none. */
export function policyOf(sayings: readonly Saying[]): string | undefined {
  const about = sayings.filter(({ name }) => findRow(name)?.key === 'PV_POLICY');
  if (about.length === 0) return undefined;
  const heard = settle(about).judged.filter(({ counts }) => counts);
  const levels: readonly Level[] = ['pv cmdline', 'env', 'pv conf file'];
  const said = levels.map((level) => heard.findLast((candidate) => candidate.level === level));
  const name = said.find((candidate) => candidate !== undefined)?.text;
  return name === '' ? undefined : name;
}

/** A file that need not be there; when it is there and cannot be read, it is complained of and done without. */
export function optionalFile(path: string, level: Level): Sources {
  try {
    return { sayings: fileSayings(readIfThere(path) ?? '', path, level), complaints: [] };
  } catch (error) {
    return { sayings: [], complaints: [unreadable(path, error).fault] };
  }
}

function mainFile(named: string | undefined): readonly Saying[] {
  const path = named ?? CONFIG_FILE;
  try {
    const text = named === undefined ? readIfThere(path) : readFileSync(path, 'utf8');
    return fileSayings(text ?? '', path, 'pv conf file');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function policyFile(sayings: readonly Saying[], policy: string): readonly Saying[] {
  const directory = join(settle(sayings).value('PV_SYSTEM_ETCPANTAVISORDIR'), 'policies');
  const path = join(directory, `${policy}.config`);
  try {
    return fileSayings(readFileSync(path, 'utf8'), path, 'policy');
  } catch (error) {
    throw unreadable(path, error, `Put the policy there, or set PV_POLICY to one that is in ${directory}`);
  }
}

function readIfThere(path: string): string | undefined {
  // Most often it is not there, and an error takes longer to make than all else here.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  return readFileSync(path, 'utf8');
}

function unreadable(path: string, cause: unknown, fix = 'Name a file that can be read'): SupervisorError {
  const errno = errnoOf(cause);
  const message = `reading the configuration ${path} failed: ${errno ?? String(cause)}`;
  return new SupervisorError('STORE_FAILED', message, {
    subject: path,
    fix,
    cause,
    ...(errno === undefined ? {} : { errno }),
  });
}
