/** One `<container>/run.json` (state format §8): its keys as read, before groups and disks are known.
 *  `state-json.ts` joins it with them.
 *
 *  `exec` is not among them: it is a key of the legacy format's platforms (state format §24), where it replaces init
 *  (storage §7.3). The parser of this format has never read it (§8), so that a container with one runs the init that
 *  its LXC configuration names, and it is passed over like any other unknown key. */

import { defaultRoles } from './defaults.ts';
import { restartPolicy, statusGoal } from './groups-json.ts';
import type { JsonNode, JsonObject } from './json-node.ts';
import { logsSchema, readLoggers } from './logs-json.ts';
import { absolutePath, plainName, relativePath } from './names.ts';
import { containerNetwork } from './network-json.ts';
import type { Report } from './problem.ts';
import { autoRecovery } from './recovery-json.ts';
import { remount } from './remount-json.ts';
import type { ContainerSpec, DriverNeeds, Role } from './revision.ts';
import { services } from './services-json.ts';
import {
  defaulted,
  found,
  list,
  nonEmptyText,
  optional,
  quoted,
  record,
  required,
  type Shape,
  tolerant,
  unread,
  type ValueOf,
  withoutSource,
} from './shape.ts';
import {
  type ImageVolume,
  imageName,
  imageVolume,
  type PlacedVolume,
  readStorage,
  storageSchema,
} from './volumes-json.ts';

const RUNLEVELS: readonly string[] = ['data', 'root', 'platform', 'app'];

const storage = tolerant({
  ...unread(storageSchema),
  wants: 'an object',
  fits: (node) => node.kind === 'object',
});

const role: Shape<Role | 'nobody'> = {
  wants: '"mgmt" or "nobody"',
  schema: { enum: ['mgmt', 'nobody'] },
  fits: () => true,
  read(node, report, spec) {
    if (node.kind === 'string' && (node.value === 'mgmt' || node.value === 'nobody')) return node.value;
    report.warn(node, spec, `the role ${found(node)} is unknown and ignored`, 'Write "mgmt" or "nobody"');
    return undefined;
  },
};

const devLog: Shape<boolean> = tolerant({
  wants: 'true or false',
  schema: { enum: [true, false, 'true', 'false'] },
  fits: (node) =>
    (node.kind === 'word' || node.kind === 'string') && /^(true|false)$/.test(String(node.value)),
  read: (node) => (node.kind === 'word' || node.kind === 'string') && String(node.value) === 'true',
});

const automodfw: Shape<boolean> = tolerant(
  {
    wants: '"no" or "yes"',
    schema: { type: 'string' },
    fits: (node) => node.kind === 'string',
    read: (node) => node.kind !== 'string' || node.value !== 'no',
  },
  'it stays on',
);

const aliases = tolerant(list(nonEmptyText));
const drivers = tolerant(
  record({
    required: defaulted('§12.4', 'Drivers without which the container does not start', aliases, []),
    optional: defaulted('§12.4', 'Drivers loaded when the device has them', aliases, []),
    manual: defaulted('§12.4', 'Drivers the container loads itself', aliases, []),
  }),
);

const fields = record({
  name: required('§8.1', 'Name, equal to the directory', plainName, ''),
  type: required('§8.2, S-12', 'Runtime; "lxc" is the one there is', nonEmptyText, ''),
  config: required('§8.3, S-13', 'LXC configuration, relative to the directory', relativePath, ''),
  'root-volume': optional('§9', 'Root file system', imageName),
  volumes: defaulted('§9', 'Further images', list(imageName), []),
  storage: optional('§9.5', 'Writable volumes by name', storage),
  group: optional('§6', 'Group', nonEmptyText),
  runlevel: optional('§6', 'Deprecated: write group', unread({ enum: RUNLEVELS, deprecated: true })),
  status_goal: optional('§8.5', 'Status to reach; absent: that of the group', statusGoal),
  restart_policy: optional('§8.6', 'Whether a change needs a reboot; absent: as the group', restartPolicy),
  roles: optional('§8.7, S-01', 'mgmt may use the whole control socket', list(role)),
  automodfw: defaulted('§8.8', '"no": modules and firmware of the host stay outside', automodfw, true, 'yes'),
  auto_recovery: optional('§8.9, S-41', 'What follows an exit; absent: as the group', autoRecovery),
  network: optional('§21', 'Place in the network', containerNetwork),
  logs: optional('§10, S-47', 'Files to follow, besides the default ones', unread(logsSchema)),
  'dev-log': optional('§8.10', 'Bind /dev/log of the host', devLog),
  drivers: optional('§12.4', 'Kernel drivers by alias', drivers),
  services: optional('§17.1', 'Services of other containers', services),
  exports: optional('§20', 'Absolute paths shared with the host', list(absolutePath)),
  remount: optional('§18, S-31', 'Mount options by policy and path', remount),
});
export const containerSchema = fields.schema;

/** What run.json says. The group still has to be found, the disks of `storage` resolved. */
export interface ContainerDraft
  extends Omit<
    ContainerSpec,
    'group' | 'statusGoal' | 'restartPolicy' | 'volumes' | 'serviceExports' | 'hasConfigFiles' | 'deviceRules'
  > {
  readonly group: string | undefined;
  /** A group named the deprecated way; `group` wins. */
  readonly runlevel: string | undefined;
  readonly statusGoal: ContainerSpec['statusGoal'] | undefined;
  readonly restartPolicy: ContainerSpec['restartPolicy'] | undefined;
  readonly images: readonly ImageVolume[];
  readonly storage: readonly PlacedVolume[];
  readonly source: JsonObject;
}

/** Reads the run.json of one directory; undefined after telling why it is none. */
export function readContainer(
  node: JsonNode,
  directory: string,
  defaultRole: 'nobody' | 'mgmt',
  report: Report,
): ContainerDraft | undefined {
  const values = fields.read(node, report, '§8');
  if (values === undefined) return undefined;
  const { source, exports, roles } = values;
  if (values.name !== '' && values.name !== directory) {
    const reason = `the name is ${quoted(values.name)}, the directory ${quoted(directory)}`;
    report.problem(source.members.get('name') ?? source, '§8.1, S-29', reason, `Write ${quoted(directory)}`);
  }
  const draft: ContainerDraft = {
    source,
    name: directory,
    type: values.type,
    config: values.config,
    group: values.group,
    runlevel: readRunlevel(values.runlevel, report),
    statusGoal: values.status_goal,
    restartPolicy: values.restart_policy,
    roles: roles === undefined ? defaultRoles(defaultRole) : roles.includes('mgmt') ? ['mgmt'] : [],
    recovery: values.auto_recovery,
    images: readImages(values, report),
    storage: values.storage?.kind === 'object' ? readStorage(values.storage, report) : [],
    drivers: values.drivers === undefined ? NO_DRIVERS : withoutSource(values.drivers),
    loggers: readLoggers(values.logs, directory, report),
    services: values.services === undefined ? NO_SERVICES : withoutSource(values.services),
    exports,
    network: values.network,
    remount: values.remount ?? new Map(),
    automodfw: values.automodfw,
    devLog: values['dev-log'],
  };
  checkMountPoints(draft, report);
  return draft;
}
type RunJson = ValueOf<typeof fields>;

const NO_DRIVERS: DriverNeeds = { required: [], optional: [], manual: [] };
const NO_SERVICES: ContainerSpec['services'] = { required: [], optional: [] };

/** `runlevel`, where it says something (state format §6). */
function readRunlevel(node: JsonNode | undefined, report: Report): string | undefined {
  if (node === undefined) return undefined;
  const level = node.kind === 'string' && RUNLEVELS.includes(node.value) ? node.value : undefined;
  if (level === undefined) {
    report.warn(node, '§6', `the runlevel ${found(node)} is unknown and ignored`, 'Write "group" instead');
  } else {
    report.warn(node, '§6', '"runlevel" is deprecated', `Write "group": ${quoted(level)} instead`);
  }
  return level;
}

function readImages(values: RunJson, report: Report): readonly ImageVolume[] {
  const { 'root-volume': root, volumes, source } = values;
  if (!source.members.has('root-volume')) {
    const reason = 'without a root volume the runtime has nothing to start from';
    report.warn(
      { node: source, missing: 'root-volume' },
      '§9.7, S-14',
      reason,
      'Add "root-volume": an image file',
    );
  }
  const others = volumes.map((volume) => imageVolume(volume, false));
  return root === undefined ? others : [imageVolume(root, true), ...others];
}

/** Two volumes of one name would be mounted over each other. */
function checkMountPoints(draft: ContainerDraft, report: Report): void {
  const names = new Set<string>();
  for (const { name } of [...draft.images, ...draft.storage.map(({ volume }) => volume)]) {
    if (names.has(name)) {
      const reason = `two volumes are named ${quoted(name)} and would be mounted at one place`;
      report.problem(draft.source, '§9.2', reason, 'Rename one of them');
    }
    names.add(name);
  }
}
