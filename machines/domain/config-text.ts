/** The configuration as texts: the bytes of `/config` and `/config2` (control API §6.10). */

import type { ConfigEntry } from './config.ts';
import { type ConfigRow, type ConfigValue, findRow } from './config-keys.ts';
import { controlJson } from './control-text.ts';
import { utf8Length } from './utf8.ts';

/** What is shown of a secret. */
export const MASKED = '********';
/** The reference's buffer, less its end. */
const MAX_BYTES = 255;

/** Old names with their values, of all keys that have one. */
export function legacyConfigJson(entries: readonly ConfigEntry[]): string {
  const members = entries.flatMap(({ key, alias, value }) => {
    const row = findRow(key);
    return alias === undefined || row === undefined
      ? []
      : [`${controlJson(alias)}:${controlJson(legacyValue(row, value))}`];
  });
  return `{${members.join(',')}}`;
}

/** Enumerations are told by number. */
function legacyValue(row: ConfigRow, value: ConfigValue): string | number | boolean | null {
  if (row.type === 'ENUM') return (row.names as readonly ConfigValue[]).indexOf(value);
  return value ?? null;
}

/** All keys with the level that won; all values as texts. */
export function configJson(entries: readonly ConfigEntry[]): string {
  return controlJson(
    entries.map(({ key, value, modified }) => {
      const row = findRow(key);
      return { key, value: cut(row === undefined ? String(value) : configText(row, value)), modified };
    }),
  );
}

/** As `/config2` spells a value, before it is cut. */
export function configText({ type }: ConfigRow, value: ConfigValue): string {
  if (value === undefined) return '(null)';
  return type === 'BOOL' ? String(Number(value)) : String(value);
}

/** At most 255 bytes of UTF-8, whole characters. */
function cut(text: string): string {
  if (utf8Length(text) <= MAX_BYTES) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > MAX_BYTES) break;
    end += character.length;
  }
  return text.slice(0, end);
}
