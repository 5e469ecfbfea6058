/** The configuration: what each level says of each key, which of it counts, and why the rest does not (logs and metadata
 *  §7.1, §7.2). Sources are taken apart in `config-sources.ts`; here they are judged and merged.
 *
 *  What cannot be is told and passed over, as the reference does it: a typing error in a file must not keep a device from
 *  booting. Nothing is passed over in silence. Fatal are only values of our own keys, on which nobody relied before. */

import {
  CONFIG_ROWS,
  type ConfigKey,
  type ConfigRow,
  type ConfigValue,
  findRow,
  type Groups,
  isOwnKey,
  SECRET_KEYS,
} from './config-keys.ts';
import { isSysctlName, SYSCTL_LEVELS, sysctlNameFault } from './config-sysctl.ts';
import { configText, MASKED } from './config-text.ts';
import { meaningOf, type Refusal } from './config-value.ts';
import type { Fault } from './fault.ts';

export type { ConfigKey, ConfigValue } from './config-keys.ts';

/** The text of `modified`, lowest first. Nothing in the reference uses `command`; here it is what the words after
 *  `statevisor run` say: whoever types them outranks every file. */
export const LEVELS = [
  'default',
  'args',
  'pv conf file',
  'ph conf file',
  'policy',
  'oem config',
  'pv cmdline',
  'ph cmdline',
  'env',
  'metadata',
  'command',
] as const;
export type Level = (typeof LEVELS)[number];

const RANKS: ReadonlyMap<Level, number> = new Map(LEVELS.map((level, rank) => [level, rank]));

/** Said by ourselves, of keys that we know. */
const OURS: readonly Level[] = ['default', 'args', 'command'];
const ON_DEVICE = ['pv conf file', 'policy', 'pv cmdline', 'env'] as const;
const OF_HUB = ['ph conf file', 'policy', 'ph cmdline', 'env'] as const;
/** Logs and metadata §7.5. */
const ALLOWED: Readonly<Record<Groups, readonly Level[]>> = {
  P: ON_DEVICE,
  PO: [...ON_DEVICE, 'oem config'],
  POR: [...ON_DEVICE, 'oem config', 'metadata'],
  HO: [...OF_HUB, 'oem config'],
  HOR: [...OF_HUB, 'oem config', 'metadata'],
};

/** Which levels may set a key. */
export function allowedLevels({ groups }: ConfigRow): readonly Level[] {
  return ALLOWED[groups];
}

/** One thing that one source says. */
export interface Saying {
  readonly level: Level;
  /** For people: `/etc/pantavisor.config:3`, `environment`, `--run-dir`. */
  readonly place: string;
  /** Key or old name. */
  readonly name: string;
  /** How the name is written there, where it has a prefix. */
  readonly written?: string;
  readonly text: string;
}

export interface Judged extends Saying {
  /** Undefined for what is no key, sysctls included. */
  readonly key: ConfigKey | undefined;
  readonly counts: boolean;
  /** What is wrong with it; some of a text may be wrong and the rest count. */
  readonly complaint: Refusal | undefined;
  readonly fatal: boolean;
}

export interface Settled {
  value<Key extends ConfigKey>(key: Key): ConfigValue<Key>;
  level(key: ConfigKey): Level;
  /** Everything that was said, lowest level first. */
  readonly judged: readonly Judged[];
}

type Standing = Map<ConfigKey, { readonly value: ConfigValue; readonly level: Level }>;

/** Merges what all levels say: a level overrules its equals and those below. */
export function settle(sayings: readonly Saying[]): Settled {
  const standing: Standing = new Map();
  const judged = sayings
    .toSorted((left, right) => rank(left) - rank(right))
    .map((said) => hear(said, standing));
  return {
    judged,
    level: (key) => standing.get(key)?.level ?? 'default',
    value: <Key extends ConfigKey>(key: Key) =>
      (standing.get(key)?.value ?? findRow(key)?.fallback) as ConfigValue<Key>,
  };
}

function rank({ level }: Saying): number {
  return RANKS.get(level) ?? 0;
}

function hear(said: Saying, standing: Standing): Judged {
  const row = findRow(said.name);
  if (row === undefined) return { ...said, key: undefined, fatal: false, ...strangeName(said) };
  const { key } = row;
  if (!OURS.includes(said.level) && !allowedLevels(row).includes(said.level)) {
    const complaint = {
      reason: 'is not heeded: this key may not be set there',
      fix: `Set it by ${allowedLevels(row).join(', ')}`,
    };
    return { ...said, key, counts: false, complaint, fatal: false };
  }
  const meaning = meaningOf(row, said.text);
  if (meaning.ok) {
    standing.set(key, { value: meaning.value, level: said.level });
    const complaint = meaning.remark && adding(meaning.remark, '; the others count');
    return { ...said, key, counts: true, complaint, fatal: false };
  }
  if (isOwnKey(key)) return { ...said, key, counts: false, complaint: meaning.refusal, fatal: true };
  // As the reference does it, the level is recorded even though the value stays (logs and metadata §7.2).
  if (row.type === 'ENUM') {
    standing.set(key, { value: standing.get(key)?.value ?? row.fallback, level: said.level });
  }
  const complaint = adding(meaning.refusal, '; the value stays as lower levels have it');
  return { ...said, key, counts: false, complaint, fatal: false };
}

function adding({ reason, fix }: Refusal, consequence: string): Refusal {
  return { reason: `${reason}${consequence}`, fix };
}

function strangeName({ name, level }: Saying): Pick<Judged, 'counts' | 'complaint'> {
  if (!isSysctlName(name)) {
    const fix = 'Correct it or leave it out; statevisor config lists the keys';
    return { counts: false, complaint: { reason: 'is not heeded: there is no such key', fix } };
  }
  const fault = sysctlNameFault(name);
  const fix = `Set it by ${SYSCTL_LEVELS.join(', ')}`;
  if (!SYSCTL_LEVELS.includes(level)) {
    return { counts: false, complaint: { reason: 'is not heeded: no sysctl may be set there', fix } };
  }
  if (fault === undefined) return { counts: true, complaint: undefined };
  return { counts: false, complaint: { reason: `is not heeded: ${fault}`, fix: 'Write PV_SYSCTL_<A>_<B>' } };
}

/** Key, value, place, reason and fix. */
export function complaintOf(judged: Judged): Fault | undefined {
  const { key, name, written = name, text, place, complaint } = judged;
  if (complaint === undefined) return undefined;
  const shown = key !== undefined && SECRET_KEYS.has(key) ? MASKED : JSON.stringify(text);
  return {
    code: 'REFUSED',
    message: `${place}: ${written}=${shown} ${complaint.reason}`,
    subject: key ?? name,
    fix: complaint.fix,
  };
}

export function complaintsOf(judged: readonly Judged[]): readonly Fault[] {
  return judged.map(complaintOf).filter((fault) => fault !== undefined);
}

export interface ConfigEntry {
  readonly key: ConfigKey;
  readonly alias: string | undefined;
  readonly value: ConfigValue;
  readonly modified: Level;
}

export interface ConfigExplanation extends ConfigEntry {
  /** What each level said, lowest first; the last accepted one won. */
  readonly said: readonly {
    readonly level: Level;
    /** File and line, environment, …, and the name used there where it is not the key itself. */
    readonly place: string;
    readonly text: string;
    /** Why it does not count; undefined when it does. */
    readonly refused: string | undefined;
  }[];
}

/** All keys in table order. */
export function entriesOf(settled: Settled): readonly ConfigEntry[] {
  return CONFIG_ROWS.map((row) => entryOf(row, settled));
}

/** `name` may be a key or an old name. */
export function explain(name: string, settled: Settled): ConfigExplanation | undefined {
  const row = findRow(name);
  if (row === undefined) return undefined;
  const builtIn = {
    level: 'default' as const,
    place: 'built in',
    text: configText(row, row.fallback),
    refused: undefined,
  };
  const said = settled.judged
    .filter(({ key }) => key === row.key)
    .map(({ level, place, name, written = name, text, counts, complaint }) => ({
      level,
      place: written === row.key ? place : `${place}, ${written}`,
      text,
      refused: counts ? undefined : complaint?.reason,
    }));
  return { ...entryOf(row, settled), said: [builtIn, ...said] };
}

function entryOf({ key, aliases }: ConfigRow, settled: Settled): ConfigEntry {
  return { key, alias: aliases[0], value: settled.value(key), modified: settled.level(key) };
}
