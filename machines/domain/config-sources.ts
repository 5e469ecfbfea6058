/** Takes the sources of the configuration apart into what they say (logs and metadata §7.2). What they say may be
 *  nonsense; `config.ts` judges that. */

import type { Level, Saying } from './config.ts';
import { findKeyRow } from './config-keys.ts';
import { isSysctlName } from './config-sysctl.ts';

/** Said to the kernel or to containers' scripts, and no configuration. */
const OTHER_WORDS = new Set([
  'pv_rev',
  'pv_try',
  'pv_trying',
  'pv_quickboot',
  'pv_verityoff',
  'pv_bootloader.dtb',
  'pv_bootloader.ovl',
]);

/** A line is a key, `=` and a value, and nothing is trimmed but one white space at its end, which is its newline; at the
 *  end of the file it may be another. Lines without `=` are passed over. */
export function fileSayings(text: string, file: string, level: Level): readonly Saying[] {
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    const equals = line.indexOf('=');
    if (equals < 0) return [];
    const value = line.slice(equals + 1);
    const text = at === lines.length - 1 ? value.replace(/\s$/, '') : value;
    return [{ level, place: `${file}:${at + 1}`, name: line.slice(0, equals), text }];
  });
}

const COMMAND_LINE = 'kernel command line';

/** `pv_log.level=4`, `ph_creds.port=43`; the words of logs and metadata §9, such as `pv_appengine`; and `PV_LOG_LEVEL=4`,
 *  which the kernel puts into the environment of PID 1: this process may be a grandchild that no longer has it. */
export function commandLineSayings(text: string): readonly Saying[] {
  const tokens = text.trim().split(' ');
  return tokens.flatMap((token): readonly Saying[] => {
    const equals = token.indexOf('=');
    if (equals < 0) return wordSayings(token);
    const name = token.slice(0, equals);
    const value = token.slice(equals + 1);
    const said = { place: COMMAND_LINE, written: name, text: value };
    if (OTHER_WORDS.has(name)) return [];
    if (name.startsWith('PV_') || name.startsWith('PH_')) return [{ ...said, level: 'env', name }];
    if (name.startsWith('pv_')) return [{ ...said, level: 'pv cmdline', name: name.slice(3) }];
    if (name.startsWith('ph_')) return [{ ...said, level: 'ph cmdline', name: name.slice(3) }];
    return [];
  });
}

const WORDS: ReadonlyMap<string, Pick<Saying, 'name' | 'text'>> = new Map([
  ['pv_embedded', { name: 'PV_SYSTEM_INIT_MODE', text: 'embedded' }],
  ['pv_standalone', { name: 'PV_SYSTEM_INIT_MODE', text: 'standalone' }],
  ['pv_appengine', { name: 'PV_SYSTEM_INIT_MODE', text: 'appengine' }],
  ['pv_debug', { name: 'PV_DEBUG_SHELL', text: '1' }],
]);

function wordSayings(word: string): readonly Saying[] {
  const said = WORDS.get(word);
  return said === undefined ? [] : [{ level: 'args', place: COMMAND_LINE, written: word, ...said }];
}

/** Full names, in any case. `commandLine`: the kernel hands its own words on to PID 1, so that `pv_PV_POLICY=a` stands
 *  in the environment too, where it would be no key; that has been said already. */
export function environmentSayings(
  environment: Readonly<Record<string, string | undefined>>,
  commandLine: string,
): readonly Saying[] {
  const handedOn = ` ${commandLine}`;
  return Object.keys(environment).flatMap((name): readonly Saying[] => {
    if (!isOfConfig(name) || OTHER_WORDS.has(name)) return [];
    const text = environment[name];
    const isKnown = findKeyRow(name) !== undefined || isSysctlName(name);
    if (text === undefined || (!isKnown && handedOn.includes(` ${name}=`))) return [];
    return [{ level: 'env', place: 'environment', name, text }];
  });
}

/** `PV_` or `PH_`, in any case. */
export function isOfConfig(name: string): boolean {
  const prefix = name.slice(0, 3).toUpperCase();
  return prefix === 'PV_' || prefix === 'PH_';
}
