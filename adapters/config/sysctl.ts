/** Writes kernel parameters of the configuration (logs and metadata §7.3).
 *
 *  Core dumps: the reference always hands them to its crash handler first. Here that is done where it can do good: on a
 *  device (init mode embedded or standalone) which has that handler and lets us write. Elsewhere, on a developer's machine
 *  above all, dumps would vanish into a program that does not exist, so the parameter is left alone. */

import { accessSync, closeSync, constants, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settled } from '../../machines/domain/config.ts';
import { type Sysctl, sysctlsOf } from '../../machines/domain/config-sysctl.ts';
import type { Fault } from '../../machines/domain/fault.ts';
import { fileError } from '../store/files.ts';

/** Where things are; tests have a tree of their own. */
export interface SysctlPlaces {
  readonly root: string;
  readonly crashHandler: string;
}

const PLACES: SysctlPlaces = { root: '/proc/sys', crashHandler: '/lib/pv/pvcrash' };

/** Returns what could not be written; the rest is. */
export function writeSysctls(settled: Settled, places: SysctlPlaces = PLACES): readonly Fault[] {
  const last = new Map<string, Sysctl>();
  for (const sysctl of [...coreDumps(settled, places), ...sysctlsOf(settled.judged)]) {
    last.set(pathOf(sysctl, places.root), sysctl);
  }
  return [...last].flatMap(([path, sysctl]) => write(path, sysctl));
}

function coreDumps(settled: Settled, { root, crashHandler }: SysctlPlaces): readonly Sysctl[] {
  const onDevice = settled.value('PV_SYSTEM_INIT_MODE') !== 'appengine';
  const parameter = join(root, 'kernel/core_pattern');
  if (!onDevice || !allows(crashHandler, constants.X_OK) || !allows(parameter, constants.W_OK)) return [];
  const text = `|${crashHandler} --skip`;
  return [
    {
      name: 'sysctl.kernel.core_pattern',
      text,
      place: 'built in',
      words: ['kernel', 'core_pattern'],
      exact: true,
    },
  ];
}

function write(path: string, { name, text, place }: Sysctl): readonly Fault[] {
  try {
    // Never creates: a parameter that is not there is a mistake, not a new file.
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
    try {
      writeFileSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
    return [];
  } catch (error) {
    const doing = `writing ${JSON.stringify(text)} to ${path}, as ${name} (${place}) demands,`;
    return [fileError('STORE_FAILED', doing, path, error).fault];
  }
}

/** An underscore parts directories where what stands before it is one: `net_ipv4_ip_forward` is `net/ipv4/ip_forward`. */
function pathOf({ words, exact }: Sysctl, root: string): string {
  if (exact) return join(root, ...words);
  let directory = root;
  let name = '';
  for (const word of words) {
    if (name !== '' && isDirectory(join(directory, name))) {
      directory = join(directory, name);
      name = word;
    } else {
      name = name === '' ? word : `${name}_${word}`;
    }
  }
  return join(directory, name);
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Whatever the reason, what follows cannot lie in it; writing tells more.
    return false;
  }
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
