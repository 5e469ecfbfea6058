/** What a text means as the value of a key, and why it means nothing (logs and metadata §7.2). */

import {
  type ConfigKey,
  type ConfigRow,
  type ConfigValue,
  LOG_OUTPUTS,
  UPDATE_OUTPUT,
} from './config-keys.ts';
import { relativePathFault } from './names.ts';

export interface Refusal {
  /** Reads after "this": `is no whole number`. */
  readonly reason: string;
  readonly fix: string;
}

export type Meaning =
  | { readonly ok: true; readonly value: ConfigValue; readonly remark?: Refusal }
  | { readonly ok: false; readonly refusal: Refusal };

/** Of whole numbers with which nothing sensible could be done, though the reference takes them. */
const RANGES: Readonly<Partial<Record<ConfigKey, readonly [least: number, most: number]>>> = {
  PV_LXC_LOG_LEVEL: [0, 8],
  PV_UPDATER_GOALS_TIMEOUT: [0, 2 ** 31 - 1],
  PV_LOOP_INDEX_BASE: [-1, 2 ** 20 - 1],
};

/** Texts that become part of a path. */
const NAMES: Readonly<Partial<Record<ConfigKey, (text: string) => Refusal | undefined>>> = {
  PV_POLICY: (text) =>
    text.includes('/')
      ? {
          reason: 'is no name of a policy: it contains "/"',
          fix: 'Write the name of the file without directory and .config',
        }
      : undefined,
  PV_OEM_NAME: (text) => {
    const fault = text === '' ? undefined : relativePathFault(text);
    return fault === undefined
      ? undefined
      : {
          reason: `is no directory of the revision: ${fault}`,
          fix: 'Write the name of a directory in the revision',
        };
  },
};

export function meaningOf(row: ConfigRow, text: string): Meaning {
  switch (row.type) {
    case 'BOOL':
      return booleanOf(text);
    case 'INT':
      return wholeNumber(row.key, text);
    case 'DURATION':
      return durationOf(text);
    case 'MASK':
      return outputsOf(text);
    case 'ENUM': {
      const name = row.names.find((candidate) => candidate === text);
      return name === undefined
        ? refuse(`is none of ${row.names.join(', ')}`, 'Write one of these')
        : { ok: true, value: name };
    }
    case 'STR': {
      const refusal = NAMES[row.key]?.(text);
      return refusal === undefined ? { ok: true, value: text } : { ok: false, refusal };
    }
    default:
      return row satisfies never;
  }
}

function booleanOf(text: string): Meaning {
  if (/^(?:true|yes|on)$/i.test(text)) return { ok: true, value: true };
  if (/^(?:false|no|off)$/i.test(text)) return { ok: true, value: false };
  if (/^[+-]?\d+$/.test(text)) return { ok: true, value: Number(text) !== 0 };
  return refuse('is neither true, yes, on, false, no, off nor a whole number', 'Write 1 or 0');
}

function wholeNumber(key: ConfigKey, text: string): Meaning {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  const [least, most] = RANGES[key] ?? [-(2 ** 31), 2 ** 31 - 1];
  if (value >= least && value <= most) return { ok: true, value };
  return refuse(`is no whole number from ${least} to ${most}`, 'Write decimal digits and nothing else');
}

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, min: 60, h: 3600, d: 86_400 };

function durationOf(text: string): Meaning {
  const [, digits, unit = ''] = /^(\d+)(s|min|h|d)?$/.exec(text) ?? [];
  const value = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (value < 2 ** 31) return { ok: true, value };
  return refuse('is no duration', 'Write a number of seconds, or one with s, min, h or d, such as 10min');
}

/** Names that are none are complained of; the others count, unless there is no other (logs and metadata §3). */
function outputsOf(text: string): Meaning {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const strange = names.filter((name) => !Object.hasOwn(LOG_OUTPUTS, name));
  const value = names.reduce(
    (mask, name) => mask | (Object.hasOwn(LOG_OUTPUTS, name) ? (LOG_OUTPUTS[name] ?? 0) : 0),
    UPDATE_OUTPUT,
  );
  if (strange.length === 0) return { ok: true, value };
  const remark = {
    reason: `names outputs that do not exist: ${strange.join(', ')}`,
    fix: `Choose from ${Object.keys(LOG_OUTPUTS).join(', ')}`,
  };
  return strange.length === names.length ? { ok: false, refusal: remark } : { ok: true, value, remark };
}

function refuse(reason: string, fix: string): Meaning {
  return { ok: false, refusal: { reason, fix } };
}
