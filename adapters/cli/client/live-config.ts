/** `statevisor config --live`: the configuration that a running supervisor has, as `/config2` tells it (control API
 *  §6.10), shown as that of a run is. Which level won is told, what the others said is not. */

import type { ConfigEntry, ConfigKey, Level } from '../../../machines/domain/config.ts';
import { findRow } from '../../../machines/domain/config-keys.ts';
import { meaningOf } from '../../../machines/domain/config-value.ts';
import { showEntries, showEntry } from '../config.ts';
import type { ExitCode, Terminal } from '../output.ts';
import { type ClientFlags, withSession } from './session.ts';

/** Without a key, all of them. 3: there is no such key. */
export function liveConfig(
  name: string | undefined,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, json }) => {
    const entries = (JSON.parse(await get('/config2')) as readonly Entry2[]).map(entryOf);
    if (name === undefined) return showEntries(entries, json, terminal);
    const key = findRow(name)?.key ?? name;
    return showEntry(
      name,
      entries.find((entry) => entry.key === key),
      json,
      terminal,
    );
  });
}

interface Entry2 {
  readonly key: string;
  readonly value: string;
  readonly modified: string;
}

/** A key that we do not know is shown with the text that came. */
function entryOf({ key, value, modified }: Entry2): ConfigEntry {
  const row = findRow(key);
  const meaning = row === undefined || value === '(null)' ? undefined : meaningOf(row, value);
  const known = meaning?.ok === true ? meaning.value : value;
  return {
    key: key as ConfigKey,
    alias: row?.aliases[0],
    value: value === '(null)' ? undefined : known,
    modified: modified as Level,
  };
}
