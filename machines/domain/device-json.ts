/** What a state says about the device: `device.json`, or the legacy files `groups.json`, `disks.json` and
 *  `disks_v3.json`, which count only without it (state format §5.1, §14, §15, §16). */

import { DEFAULT_GROUPS } from './defaults.ts';
import { diskListSchema, type PlacedDisk, readDisks, readKnownDisks, resolveAliases } from './disks-json.ts';
import { groupList, readGroups } from './groups-json.ts';
import type { JsonNode, JsonObject } from './json-node.ts';
import { deviceNetworkSchema, readPools } from './network-json.ts';
import type { Report } from './problem.ts';
import { remount } from './remount-json.ts';
import type { DiskSpec, GroupSpec, NetworkPool, RemountPolicies, VolumeSpec } from './revision.ts';
import { found, optional, quoted, record, type Schema, unread, type ValueOf } from './shape.ts';
import { type PlacedVolume, readStorage, storageSchema } from './volumes-json.ts';

/** Legacy files that `device.json` displaces. */
const DISPLACED: readonly string[] = ['groups.json', 'disks.json', 'disks_v3.json'];

const fields = record({
  groups: optional(
    '§5',
    'Groups in start order; absent: data, root, platform, app',
    unread(groupList.schema),
  ),
  disks: optional('§14', 'Disks', unread(diskListSchema)),
  disks_v2: optional('§14', 'Further disks', unread(diskListSchema)),
  disks_v3: optional('§14', 'Further disks; unknown types are skipped', unread(diskListSchema)),
  volumes: optional('§14.5', 'Volumes of the BSP', unread(storageSchema)),
  network: optional('§21', 'Address pools', unread(deviceNetworkSchema)),
  remount: optional('§18', 'Mount options by policy and path', remount),
});
export const deviceSchema: Schema = fields.schema;
export const groupsFileSchema: Schema = groupList.schema;
export const disksFileSchema: Schema = diskListSchema;

/** What the containers are read against. */
export interface Device {
  /** Undefined when the state's own groups could not be read. */
  readonly groups: readonly GroupSpec[] | undefined;
  readonly defaultGroups: boolean;
  readonly disks: Disks;
  readonly volumes: readonly VolumeSpec[];
  readonly pools: readonly NetworkPool[];
  readonly remount: RemountPolicies;
  /** Keys of the state that do not count and are no files of the revision. */
  readonly displaced: ReadonlySet<string>;
}

export interface Disks {
  readonly specs: readonly DiskSpec[];
  readonly byName: ReadonlyMap<string, DiskSpec>;
  /** For volumes that name no disk (S-35). */
  readonly fallback: string | undefined;
}

export function readDevice(root: JsonObject, report: Report): Device {
  const node = root.members.get('device.json');
  if (node === undefined) return legacyDevice(root, report);
  const displaced = new Set(DISPLACED.filter((key) => root.members.has(key)));
  for (const key of displaced) {
    const reason = `${quoted(key)} is ignored beside "device.json"`;
    report.warn(root.members.get(key) ?? root, '§5.1, §14.1', reason, 'Move its content to "device.json"');
  }
  const values = fields.read(node, report, '§15');
  const disks = collectDisks(values === undefined ? [] : disksOf(values, report), report);
  return {
    ...groupsOf(values?.groups, report),
    disks,
    volumes: values === undefined ? [] : readVolumes(values, disks, report),
    pools: values?.network === undefined ? [] : readPools(values.network, report),
    remount: values?.remount ?? new Map(),
    displaced,
  };
}

function legacyDevice(root: JsonObject, report: Report): Device {
  const { members } = root;
  const strict = members.get('disks.json');
  const lenient = members.get('disks_v3.json');
  const disks = [
    ...(strict === undefined ? [] : readDisks(strict, report, '§14, §16')),
    ...(lenient === undefined ? [] : readKnownDisks(lenient, report, '§14.1')),
  ];
  return {
    ...groupsOf(members.get('groups.json'), report),
    disks: collectDisks(disks, report),
    volumes: [],
    pools: [],
    remount: new Map(),
    displaced: new Set(),
  };
}

/** State format §5.1, S-11: the built-in groups whenever the state brings none. */
function groupsOf(node: JsonNode | undefined, report: Report): Pick<Device, 'groups' | 'defaultGroups'> {
  if (node === undefined) return { groups: DEFAULT_GROUPS, defaultGroups: true };
  return { groups: readGroups(node, report), defaultGroups: false };
}

function disksOf(values: ValueOf<typeof fields>, report: Report): readonly PlacedDisk[] {
  const { disks, disks_v2, disks_v3 } = values;
  return [
    ...(disks === undefined ? [] : readDisks(disks, report, '§14')),
    ...(disks_v2 === undefined ? [] : readDisks(disks_v2, report, '§14')),
    ...(disks_v3 === undefined ? [] : readKnownDisks(disks_v3, report, '§14.1')),
  ];
}

function collectDisks(disks: readonly PlacedDisk[], report: Report): Disks {
  const defaults = disks.filter(({ spec }) => spec.default);
  for (const { spec, source } of defaults.slice(1)) {
    const reason = `${quoted(spec.name)} is a second default disk; the first one counts`;
    report.warn(source, '§14.4', reason, 'Leave "default" out');
  }
  const byName = resolveAliases(disks, report);
  return { specs: disks.map(({ spec }) => spec), byName, fallback: defaults[0]?.spec.name };
}

function readVolumes(values: ValueOf<typeof fields>, disks: Disks, report: Report): readonly VolumeSpec[] {
  const { volumes, source } = values;
  if (volumes === undefined) {
    const reason = 'there are no device volumes';
    report.warn({ node: source, missing: 'volumes' }, '§14.5', reason, 'Add "volumes": {}');
    return [];
  }
  if (volumes.kind !== 'object') {
    report.problem(volumes, '§9.5, §14.5', `expected an object, found ${found(volumes)}`, 'Write an object');
    return [];
  }
  return readStorage(volumes, report).map((placed) => onDisk(placed, disks, report));
}

/** A volume with the canonical name of its disk. An unknown one stays as written: mounting it fails (§14.4). */
export function onDisk({ volume, source }: PlacedVolume, disks: Disks, report: Report): VolumeSpec {
  if (volume.disk === undefined) return { ...volume, disk: disks.fallback };
  const known = disks.byName.get(volume.disk);
  if (known !== undefined) return { ...volume, disk: known.name };
  const reason = `no disk is named ${quoted(volume.disk)}; mounting ${quoted(volume.name)} will fail`;
  report.warn(source, '§9.7', reason, 'Name a disk of this state, or add it');
  return volume;
}
