/** `statevisor config`: the configuration as a run would have it, and who said what of a key. How it is shown does not
 *  depend on where it comes from: that of a running supervisor is fetched by `client/live-config.ts`. */

import {
  allowedLevels,
  type ConfigEntry,
  type ConfigExplanation,
  type ConfigValue,
  complaintsOf,
  entriesOf,
  explain,
  settle,
} from '../../machines/domain/config.ts';
import {
  CONFIG_ROWS,
  type ConfigKey,
  findRow,
  isOwnKey,
  SECRET_KEYS,
} from '../../machines/domain/config-keys.ts';
import { configText, MASKED } from '../../machines/domain/config-text.ts';
import { describeFault } from '../../machines/domain/fault.ts';
import { type RunFlags, readRunSources } from '../settings.ts';
import { EXIT, type ExitCode, type Paint, painter, type Terminal } from './output.ts';

export type ConfigFlags = Partial<Omit<RunFlags, 'state'>>;

/** Without a key, all of them. 0 ok · 1 a run would refuse it, or a file cannot be read · 3 there is no such key. */
export function config(name: string | undefined, flags: ConfigFlags, terminal: Terminal): ExitCode {
  const { sayings, complaints } = readRunSources(flags, terminal.environment);
  const settled = settle(sayings);
  for (const fault of [...complaints, ...complaintsOf(settled.judged)]) {
    terminal.err.write(`statevisor: ${describeFault(fault)}\n`);
  }
  const shown =
    name === undefined
      ? showEntries(entriesOf(settled), flags.json === true, terminal)
      : showExplanation(name, explain(name, settled), flags.json === true, terminal);
  return settled.judged.some(({ fatal }) => fatal) ? EXIT.failed : shown;
}

/** A line, or with `json` an object, for each key. */
export function showEntries(entries: readonly ConfigEntry[], json: boolean, terminal: Terminal): ExitCode {
  terminal.out.write(
    json
      ? `${JSON.stringify(entries.map(entryJson), undefined, 2)}\n`
      : entriesText(entries, painter(terminal.out, terminal)),
  );
  return EXIT.ok;
}

/** @param explanation undefined when `name` is no key */
export function showExplanation(
  name: string,
  explanation: ConfigExplanation | undefined,
  json: boolean,
  terminal: Terminal,
): ExitCode {
  if (explanation === undefined) {
    terminal.err.write(`statevisor: ${noSuchKey(name)}\n`);
    return EXIT.notFound;
  }
  terminal.out.write(
    json
      ? `${JSON.stringify(explanationJson(explanation), undefined, 2)}\n`
      : explanationText(explanation, painter(terminal.out, terminal)),
  );
  return EXIT.ok;
}

/** The value in force alone, of a configuration of which no more is known. `entry` is undefined when `name` is no key. */
export function showEntry(
  name: string,
  entry: ConfigEntry | undefined,
  json: boolean,
  terminal: Terminal,
): ExitCode {
  if (entry === undefined) {
    terminal.err.write(`statevisor: ${noSuchKey(name)}\n`);
    return EXIT.notFound;
  }
  terminal.out.write(
    json
      ? `${JSON.stringify(entryJson(entry), undefined, 2)}\n`
      : `${headline(entry, painter(terminal.out, terminal))}${aboutKey(entry.key)}`,
  );
  return EXIT.ok;
}

function entriesText(entries: readonly ConfigEntry[], paint: Paint): string {
  const rows = entries.map(({ key, value, modified }) => ({ key, text: shownValue(key, value), modified }));
  const keyWidth = Math.max(...rows.map(({ key }) => key.length));
  const textWidth = Math.min(40, Math.max(...rows.map(({ text }) => text.length)));
  return rows
    .map(({ key, text, modified }) => {
      const level = modified === 'default' ? paint('dim', modified) : paint('cyan', modified);
      const own = isOwnKey(key) ? paint('dim', '  (only here)') : '';
      return `${key.padEnd(keyWidth)}  ${text.padEnd(textWidth)}  ${level}${own}\n`;
    })
    .join('');
}

function entryJson({ key, alias, value, modified }: ConfigEntry): object {
  const secret = SECRET_KEYS.has(key) && value !== undefined;
  return {
    key,
    alias: alias ?? null,
    value: secret ? MASKED : (value ?? null),
    modified,
    own: isOwnKey(key),
  };
}

function explanationText(explanation: ConfigExplanation, paint: Paint): string {
  const { key, said } = explanation;
  const winner = said.findLast(({ refused }) => refused === undefined);
  const rows = said.map((one) => ({ ...one, text: shownText(key, one.text) }));
  const width = (of: (row: (typeof rows)[number]) => string) =>
    Math.max(...rows.map((row) => of(row).length));
  const [levels, places, texts] = [
    width(({ level }) => level),
    width(({ place }) => place),
    width(({ text }) => text),
  ];
  const lines = rows.map((row, at) => {
    const note =
      said[at] === winner
        ? paint('green', 'in force')
        : row.refused === undefined
          ? 'overruled'
          : paint('yellow', row.refused);
    return `  ${row.level.padEnd(levels)}  ${row.place.padEnd(places)}  ${row.text.padEnd(texts)}  ${note}\n`;
  });
  return `${headline(explanation, paint)}${lines.join('')}${aboutKey(key)}`;
}

function headline({ key, value, modified }: ConfigEntry, paint: Paint): string {
  const from = modified === 'default' ? 'by default' : `from ${modified}`;
  return `${paint('bold', key)} is ${shownValue(key, value)}, ${from}\n`;
}

function aboutKey(key: ConfigKey): string {
  const row = findRow(key);
  if (row === undefined) return '';
  const values = row.type === 'ENUM' ? `${row.names.join(', ')}` : KINDS[row.type];
  const names = row.aliases.length === 0 ? '' : `old name ${row.aliases.join(', ')}; `;
  return `${names}takes ${values}; may be set by ${allowedLevels(row).join(', ')}\n`;
}

const KINDS = {
  BOOL: '1 or 0',
  INT: 'a whole number',
  DURATION: 'seconds, or a number with s, min, h or d',
  STR: 'a text',
  MASK: 'log outputs separated by commas',
} as const;

function explanationJson(explanation: ConfigExplanation): object {
  const said = explanation.said.map((one) => ({
    ...one,
    text: shownText(explanation.key, one.text),
    refused: one.refused ?? null,
  }));
  return { ...entryJson(explanation), said };
}

function shownValue(key: ConfigKey, value: ConfigValue): string {
  const row = findRow(key);
  const text = row === undefined ? String(value) : configText(row, value);
  return value === undefined ? text : shownText(key, text);
}

function shownText(key: ConfigKey, text: string): string {
  return SECRET_KEYS.has(key) && text !== '(null)' ? MASKED : text;
}

function noSuchKey(name: string): string {
  const part = name.toUpperCase().replaceAll('.', '_');
  const similar = CONFIG_ROWS.map(({ key }) => key).filter((key) => key.includes(part));
  const hint =
    similar.length === 0
      ? 'statevisor config lists all keys'
      : `Did you mean ${similar.slice(0, 8).join(', ')}?`;
  return `there is no key ${JSON.stringify(name)}. ${hint}`;
}
