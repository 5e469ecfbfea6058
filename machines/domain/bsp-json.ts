/** `bsp/run.json` and `bsp/drivers.json` (state format §13, §12.1). */

import type { ActiveSections } from './drivers.ts';
import { sectionIsActive } from './drivers.ts';
import type { JsonNode, JsonObject } from './json-node.ts';
import { relativePath, relativePathFault } from './names.ts';
import type { Report } from './problem.ts';
import type { BspSpec, DriverSection } from './revision.ts';
import {
  defaulted,
  found,
  list,
  optional,
  quoted,
  record,
  refuseDuplicates,
  type Schema,
  text,
} from './shape.ts';

/** A volume below `bsp/`, with an optional handler, or (with a `/`) a path of the host. */
const bspVolume = text('a file below bsp/ or an absolute path', { minLength: 1 }, (value) =>
  value.startsWith('/')
    ? relativePathFault(value.slice(1))
    : relativePathFault(value.replace(/^[^:/]*:/, '')),
);

const SPEC = '§13';
const fields = record({
  linux: optional(SPEC, 'Kernel', relativePath),
  initrd: optional(SPEC, 'Initial RAM disk', relativePath),
  fdt: optional(SPEC, 'Device tree', relativePath),
  fit: optional(SPEC, 'FIT image; linux, initrd and fdt do not count beside it', relativePath),
  rpiab: optional(SPEC, 'Raspberry Pi boot image; counts when there is no fit', relativePath),
  firmware: optional(SPEC, 'Volume bound to /lib/firmware', bspVolume),
  modules: optional(SPEC, 'Volume bound to /lib/modules/<release>', bspVolume),
  addons: defaulted(SPEC, 'Additions to the initial RAM disk', list(relativePath), []),
});

export const bspSchema: Schema = {
  ...fields.schema,
  patternProperties: {
    '^modules_.': { ...bspVolume.schema, description: 'Volume for one kernel release (state format §13)' },
  },
  anyOf: [['fit'], ['rpiab'], ['linux', 'initrd']].map((required) => ({
    type: 'object',
    properties: Object.fromEntries(required.map((key) => [key, relativePath.schema])),
    required,
  })),
};

export function readBsp(node: JsonNode, report: Report): BspSpec | undefined {
  const values = fields.read(node, report, SPEC);
  if (values === undefined) return undefined;
  const { source, addons, firmware, modules } = values;
  const boot = bootImages(values);
  if (boot === undefined && !hasBootImages(source)) {
    report.problem(
      source,
      SPEC,
      'there is nothing to boot',
      'Add "fit", or "rpiab", or both "linux" and "initrd"',
    );
  }
  const initrdConfig = source.members.get('initrd_config');
  if (initrdConfig !== undefined) {
    report.warn(initrdConfig, `${SPEC}, S-25`, '"initrd_config" has no effect', 'Remove it');
  }
  const modulesByRelease = new Map<string, string>();
  for (const [key, value] of source.members) {
    if (!/^modules_./.test(key)) continue;
    const volume = bspVolume.read(value, report, SPEC);
    if (volume !== undefined) modulesByRelease.set(key.slice('modules_'.length), volume);
  }
  return boot && { boot, addons, firmware, modules, modulesByRelease };
}

function bootImages(
  values: {
    readonly [K in 'linux' | 'initrd' | 'fdt' | 'fit' | 'rpiab']: string | undefined;
  },
): BspSpec['boot'] | undefined {
  const { fit, rpiab, linux, initrd, fdt } = values;
  if (fit !== undefined) return { kind: 'fit', fit };
  if (rpiab !== undefined) return { kind: 'rpiab', rpiab };
  if (linux !== undefined && initrd !== undefined) return { kind: 'kernel', linux, initrd, fdt };
  return undefined;
}

/** The keys are there, whatever was found wrong with their values. */
function hasBootImages({ members }: JsonObject): boolean {
  return members.has('fit') || members.has('rpiab') || (members.has('linux') && members.has('initrd'));
}

const SCOPES: ReadonlyMap<string, DriverSection['scope']> = new Map([
  ['dtb', 'dtb'],
  ['ovl', 'ovl'],
  ['fitconfig', 'fitconfig'],
]);
const DRIVERS = '§12.1, S-22';

/** Editors are told that every section holds arrays of module lines. */
export const driversSchema: Schema = {
  type: 'object',
  patternProperties: {
    '^(all$|dtb:|ovl:|fitconfig:)': {
      type: 'object',
      description: 'Alias to module lines (state format §12.1)',
      additionalProperties: { type: 'array', items: { type: 'string' } },
    },
  },
};

/** The sections in document order. Only a section that is active may refuse the state; `all` always is. */
export function readDriverSections(
  node: JsonNode,
  active: ActiveSections,
  report: Report,
): readonly DriverSection[] {
  if (node.kind !== 'object') {
    report.problem(node, DRIVERS, `expected an object, found ${found(node)}`, 'Write an object of sections');
    return [];
  }
  refuseDuplicates(node, report);
  return [...node.members].flatMap(([key, value]) => {
    if (key === '#spec') return [];
    const place = sectionPlace(key);
    if (place === undefined) {
      const fix = 'Write "all", "dtb:<name>", "ovl:<name>" or "fitconfig:<name>"';
      report.warn(value, DRIVERS, `the section ${quoted(key)} is never active`, fix);
      return [];
    }
    if (value.kind === 'object') return [{ ...place, aliases: readAliases(value, report) }];
    const reason = `expected an object, found ${found(value)}`;
    if (sectionIsActive(place, active)) report.problem(value, DRIVERS, reason, 'Write an object of aliases');
    else report.warn(value, DRIVERS, `${reason}; the section is skipped`, 'Write an object of aliases');
    return [];
  });
}

function sectionPlace(key: string): Pick<DriverSection, 'scope' | 'match'> | undefined {
  if (key === 'all') return { scope: 'all', match: '' };
  const colon = key.indexOf(':');
  const scope = SCOPES.get(key.slice(0, Math.max(colon, 0)));
  return scope && { scope, match: key.slice(colon + 1) };
}

function readAliases(node: JsonObject, report: Report): ReadonlyMap<string, readonly string[]> {
  refuseDuplicates(node, report);
  const aliases = new Map<string, readonly string[]>();
  for (const [alias, value] of node.members) {
    const lines = value.kind === 'array' ? value.items : undefined;
    const texts = lines?.flatMap((line) => (line.kind === 'string' ? [line.value] : []));
    if (lines === undefined || texts === undefined || texts.length < lines.length) {
      const reason = `expected an array of module lines, found ${lines ? 'other values in it' : found(value)}`;
      report.warn(value, DRIVERS, `${reason}; the alias is skipped`, 'Write an array of strings');
    } else aliases.set(alias, texts);
  }
  return aliases;
}
