/** Disks of `device.json` and of the legacy `disks.json`, `disks_v3.json` (state format §14). */

import type { JsonArray, JsonNode } from './json-node.ts';
import { plainName } from './names.ts';
import type { Report } from './problem.ts';
import type { DiskSpec } from './revision.ts';
import {
  defaulted,
  found,
  list,
  nonEmptyText,
  oneOf,
  optional,
  quoted,
  record,
  required,
  type Schema,
  type Shape,
  text,
  type ValueOf,
} from './shape.ts';

const TYPES = [
  'dm-crypt-caam',
  'dm-crypt-dcp',
  'dm-crypt-versatile',
  'swap-disk',
  'volume-disk',
  'dual',
] as const;
const INIT_ORDER = [
  'primary',
  'secondary',
  'create-primary',
  'create-secondary',
  'copy-once-to-primary',
] as const;
const FORMATTED: readonly string[] = ['swap-disk', 'volume-disk'];

/** One of some words; another value is warned about and as good as absent. */
function knownWord<const W extends string>(words: readonly W[]): Shape<W> {
  const strict = oneOf(words);
  return {
    ...strict,
    read(node, report, spec) {
      const word = words.find((known) => node.kind === 'string' && known === node.value);
      if (word !== undefined) return word;
      report.warn(node, spec, `${found(node)} is unknown and ignored`, `Write ${strict.wants}`);
      return undefined;
    },
  };
}

/** Only the text `yes` counts. */
const yes: Shape<boolean> = {
  wants: '"yes" or "no"',
  schema: { enum: ['yes', 'no'] },
  fits: (node) => node.kind === 'string',
  read(node, report, spec) {
    if (node.kind === 'string' && (node.value === 'yes' || node.value === 'no')) return node.value === 'yes';
    report.warn(node, spec, `${found(node)} does not count as "yes"`, 'Write "yes" or "no"');
    return false;
  },
};

const plain = text('a string');
const fields = {
  name: required('§14.2', 'Name, unique among names and aliases', plainName, ''),
  path: optional('§14.2', 'Image, size and key (crypt), or device or file', plain),
  mode: optional('§14.2', 'Kind of key blob (crypt)', knownWord(['mainline', 'nxp'])),
  format: optional('§14.2', 'File system', knownWord(['ext4', 'ext3', 'swap'])),
  format_options: optional('§14.2', 'Options of the formatting program', plain),
  mount_options: optional('§14.2', 'Options of the mount', plain),
  mount_target: optional('§14.2', 'Where it is mounted', plain),
  provision: optional('§14.2', 'How the device is made', plain),
  provision_options: optional('§14.2', 'Options of the provisioning', plain),
  uuid: optional('§14.2', 'UUID of the file system', plain),
  default: defaulted('§14.4', 'Serves volumes that name no disk', yes, false, 'no'),
  migrate_keyblob: defaulted('§14.2', 'Convert an old key blob', yes, false, 'no'),
  aliases: defaulted('§14.3', 'Other names', list(nonEmptyText), []),
  disks: defaulted('§14.2', 'Inner disks (dual)', list(nonEmptyText), []),
  init_order: defaulted('§14.2', 'Steps of making it ready (dual)', list(knownWord(INIT_ORDER)), []),
};
const body = record(fields);
const disk = record({ ...fields, type: required('§14.2', 'Kind of disk', oneOf(TYPES), 'volume-disk') });

/** Editors are told the strict form of both kinds of array. */
export const diskListSchema: Schema = list(disk, 1).schema;

/** A disk and where it is written. */
export interface PlacedDisk {
  readonly spec: DiskSpec;
  readonly source: JsonNode;
}

/** The disks of an array that refuses unknown types (§14.1). */
export function readDisks(node: JsonNode, report: Report, spec: string): readonly PlacedDisk[] {
  const values = list(disk, 1).read(node, report, spec) ?? [];
  return values.map((value) => {
    if (value.type === 'dual') {
      const fix = 'Move it to "disks_v3"';
      report.warn(value.source, '§14.1', 'a disk of type "dual" stands outside disks_v3', fix);
    }
    return placed(value, value.type, report);
  });
}

/** The disks of an array that skips unknown types with a warning (`disks_v3`, §14.1). */
export function readKnownDisks(node: JsonNode, report: Report, spec: string): readonly PlacedDisk[] {
  if (node.kind !== 'array' || node.items.length === 0) {
    report.problem(node, spec, `expected a non-empty array, found ${found(node)}`, 'Leave the key out');
    return [];
  }
  return [...knownDisks(node, report, spec)];
}

function* knownDisks(node: JsonArray, report: Report, spec: string): Iterable<PlacedDisk> {
  for (const item of node.items) {
    const type = item.kind === 'object' ? item.members.get('type') : undefined;
    const known = TYPES.find((word) => type?.kind === 'string' && word === type.value);
    if (item.kind === 'object' && known === undefined) {
      const what = type === undefined ? 'no type' : `the unknown type ${found(type)}`;
      report.warn(type ?? item, '§14.1', `a disk of ${what} is skipped`, `Write ${oneOf(TYPES).wants}`);
      continue;
    }
    const value = body.read(item, report, spec);
    if (value !== undefined && known !== undefined) yield placed(value, known, report);
  }
}

function placed(value: ValueOf<typeof body>, type: string, report: Report): PlacedDisk {
  if (FORMATTED.includes(type) && value.format === undefined) {
    const fix = 'Add "format": "ext4", "ext3" or "swap"';
    report.warn(value.source, '§14.2', `the ${type} ${quoted(value.name)} has no format`, fix);
  }
  const spec: DiskSpec = {
    name: value.name,
    type,
    path: value.path,
    mode: value.mode,
    format: value.format,
    formatOptions: value.format_options,
    mountOptions: value.mount_options,
    mountTarget: value.mount_target,
    provision: value.provision,
    provisionOptions: value.provision_options,
    uuid: value.uuid,
    default: value.default,
    migrateKeyblob: value.migrate_keyblob,
    aliases: value.aliases,
    disks: value.disks,
    initOrder: value.init_order,
  };
  return { spec, source: value.source };
}

/** Every name and alias of all disks by the disk it means (§14.3); tells the report of what is ambiguous. */
export function resolveAliases(disks: readonly PlacedDisk[], report: Report): ReadonlyMap<string, DiskSpec> {
  const byName = new Map<string, DiskSpec>();
  for (const { spec, source } of disks) {
    if (spec.name !== '' && byName.has(spec.name)) {
      report.problem(
        source,
        '§14.3',
        `a second disk is named ${quoted(spec.name)}`,
        'Give each disk its own name',
      );
    } else byName.set(spec.name, spec);
  }
  for (const { spec, source } of disks) {
    const own = new Set<string>();
    for (const alias of spec.aliases) {
      const taken = byName.get(alias);
      if (own.has(alias) || (taken !== undefined && taken !== spec)) {
        const reason = `the alias ${quoted(alias)} is already a name or alias of ${quoted(taken?.name ?? '')}`;
        report.problem(source, '§14.3', reason, 'Remove it from one of them');
      }
      own.add(alias);
      if (taken === undefined) byName.set(alias, spec);
    }
  }
  return byName;
}
