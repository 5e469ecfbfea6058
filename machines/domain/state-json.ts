/** State JSON text → Revision, or every problem found with its place, reason and fix (state format, R-11).
 *  The parts of the document are read by the files named `*-json.ts`; gaps are filled by `defaults.ts`. */

import { readBsp, readDriverSections } from './bsp-json.ts';
import { type ContainerDraft, readContainer } from './container-json.ts';
import { automaticGroups, inherit } from './defaults.ts';
import { type Device, onDisk, readDevice } from './device-json.ts';
import type { ActiveSections } from './drivers.ts';
import type { JsonNode, JsonObject } from './json-node.ts';
import { JSON_LIMITS, readJson } from './json-text.ts';
import { readDeviceRules } from './mdev-json.ts';
import { type Problem, Report } from './problem.ts';
import type { ContainerSpec, GroupSpec, Revision, RevisionFile, ServiceExport } from './revision.ts';
import { missingServices, readExports } from './services-json.ts';
import { found, quoted, refuseDuplicates } from './shape.ts';
import { classify, readFiles, type StateFiles } from './state-files.ts';
import { byteOrder } from './utf8.ts';

export const STATE_FORMAT = 'pantavisor-service-system@1';
const LEGACY_FORMAT = 'pantavisor-multi-platform@1';

export interface ParseOptions {
  /** `PV_CONTAINER_DEFAULT_ROLE`: what a container without `roles` has. */
  readonly defaultRole: 'nobody' | 'mgmt';
  /** S-02, for states that rely on it: a container without a group goes to the last one of the state's own groups. */
  readonly lastGroupFallback: boolean;
  /** Of the text in UTF-8; more is refused. */
  readonly maxBytes: number;
  /** `appengine` does not interpret `bsp/run.json` (state format §13). */
  readonly initMode: 'embedded' | 'standalone' | 'appengine';
  /** A malformed section of `bsp/drivers.json` refuses the state only when it is active (state format §12.1). */
  readonly activeSections: ActiveSections;
}

const PARSE_DEFAULTS: ParseOptions = {
  defaultRole: 'nobody',
  lastGroupFallback: false,
  maxBytes: JSON_LIMITS.maxBytes,
  initMode: 'embedded',
  activeSections: { deviceTree: undefined, overlays: [], fitConfig: undefined },
};

/** Problems and warnings are in document order. */
export type Parsed =
  | { readonly ok: true; readonly revision: Revision; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

export function parseState(text: string, options: Partial<ParseOptions> = {}): Parsed {
  const settings = { ...PARSE_DEFAULTS, ...options };
  const report = new Report();
  const json = readJson(text, { maxBytes: settings.maxBytes });
  let revision: Revision | undefined;
  if (json.ok) revision = readState(text, json.root, settings, report);
  else report.textProblem({ ...json.fault, node: json.fault.parent, spec: '§1.4' });
  const { problems, warnings } = report.settle(text);
  if (revision === undefined || problems.length > 0) return { ok: false, problems, warnings };
  return { ok: true, revision, warnings };
}

function readState(
  text: string,
  root: JsonNode,
  options: ParseOptions,
  report: Report,
): Revision | undefined {
  if (root.kind !== 'object') {
    report.problem(root, '§1.1', `expected an object, found ${found(root)}`, 'Write a state: a JSON object');
    return undefined;
  }
  refuseDuplicates(root, report);
  if (!isKnownFormat(root, report)) return undefined;
  const device = readDevice(root, report);
  const drafts = readContainers(root, options, report);
  const names = new Set(drafts.map(({ name }) => name));
  const state = readFiles(text, root, names, device.displaced, report);
  const groups = assignGroups(drafts, device, options, report);
  const bsp = root.members.get('bsp/run.json');
  const drivers = root.members.get('bsp/drivers.json');
  return {
    groups: device.groups ?? [],
    defaultGroups: device.defaultGroups,
    containers: finishContainers(root, drafts, groups, device, state, report),
    bsp: bsp === undefined || options.initMode === 'appengine' ? undefined : readBsp(bsp, report),
    driverSections: drivers === undefined ? [] : readDriverSections(drivers, options.activeSections, report),
    disks: device.disks.specs,
    deviceVolumes: device.volumes,
    networkPools: device.pools,
    remount: device.remount,
    files: state.files,
    signatures: state.signatures,
  };
}

/** State format §2, §24, S-10. A missing `#spec` is told with whatever else is wrong; another format is not read. */
function isKnownFormat(root: JsonObject, report: Report): boolean {
  const fix = `Write "#spec": ${quoted(STATE_FORMAT)}`;
  const node = root.members.get('#spec');
  if (node === undefined) {
    report.problem({ node: root, missing: '#spec' }, '§2, S-10', 'the format of the state is not named', fix);
    return true;
  }
  if (node.kind === 'string' && node.value === STATE_FORMAT) return true;
  const legacy = node.kind === 'string' && node.value === LEGACY_FORMAT;
  const reason = legacy
    ? `the legacy format ${quoted(LEGACY_FORMAT)} is not supported`
    : `the format ${found(node)} is unknown`;
  report.problem(node, legacy ? '§24' : '§2, S-10', reason, fix);
  return false;
}

/** In container order: byte order of the key `<dir>/run.json` (state format §1.2). */
function readContainers(root: JsonObject, options: ParseOptions, report: Report): readonly ContainerDraft[] {
  const keys: { key: string; directory: string; node: JsonNode }[] = [];
  for (const [key, node] of root.members) {
    const place = classify(key);
    if (place.kind === 'container') keys.push({ key, directory: place.directory, node });
  }
  return keys
    .sort((left, right) => byteOrder(left.key, right.key))
    .flatMap(({ directory, node }) => readContainer(node, directory, options.defaultRole, report) ?? []);
}

/** The group of each container (state format §6). A container with a problem gets any, to let the reading go on. */
function assignGroups(
  drafts: readonly ContainerDraft[],
  { groups, defaultGroups }: Device,
  { lastGroupFallback }: ParseOptions,
  report: Report,
): ReadonlyMap<string, GroupSpec> {
  const assigned = new Map<string, GroupSpec>();
  if (groups === undefined) return assigned;
  const byName = new Map(groups.map((group) => [group.name, group]));
  const known = groups.map(({ name }) => quoted(name)).join(', ');
  const wanted = drafts.map(({ name, group, runlevel, source }) => ({
    name,
    group: group ?? runlevel,
    runlevel,
    source,
  }));
  const automatic = defaultGroups ? automaticGroups(wanted) : undefined;
  for (const { name, group, runlevel, source } of wanted) {
    for (const [key, value] of [
      ['group', group],
      ['runlevel', runlevel],
    ] as const) {
      const node = source.members.get(key);
      if (node === undefined || value === undefined || byName.has(value)) continue;
      report.problem(node, '§6', `there is no group ${quoted(value)}`, `Write one of ${known}`);
    }
    const where = { node: source, missing: 'group' };
    const choice = automatic?.get(name);
    if (group === undefined && choice !== undefined) {
      const reason = `container ${quoted(name)} names no group and is put into ${quoted(choice)}`;
      report.warn(where, '§6, S-03', reason, `Add "group": ${quoted(choice)}`);
    } else if (group === undefined && lastGroupFallback) {
      const last = groups.at(-1)?.name ?? '';
      const reason = `container ${quoted(name)} names no group and is put into the last one, ${quoted(last)}`;
      report.warn(where, '§6, S-02', reason, `Add "group": ${quoted(last)}`);
    } else if (group === undefined && !source.members.has('group')) {
      const reason = `container ${quoted(name)} names no group, and the state has its own groups`;
      report.problem(where, '§6, R-02, S-02', reason, `Add "group": one of ${known}`);
    }
    const chosen = byName.get(group ?? choice ?? '') ?? groups.at(-1);
    if (chosen !== undefined) assigned.set(name, chosen);
  }
  return assigned;
}

function finishContainers(
  root: JsonObject,
  drafts: readonly ContainerDraft[],
  groups: ReadonlyMap<string, GroupSpec>,
  device: Device,
  { files, configured }: StateFiles,
  report: Report,
): readonly ContainerSpec[] {
  const pools = new Set(device.pools.map(({ name }) => name));
  const containers = drafts.flatMap((draft) => {
    checkPromises(draft, files, pools, report);
    const group = groups.get(draft.name);
    if (group === undefined) return [];
    const { source: _, runlevel: __, images, storage, ...keys } = draft;
    return [
      {
        ...keys,
        ...inherit(draft, group),
        volumes: [...images, ...storage.map((placed) => onDisk(placed, device.disks, report))],
        serviceExports: exportsOf(root, draft.name, report),
        hasConfigFiles: configured.has(draft.name),
        deviceRules: rulesFor(root, draft.name, report),
      },
    ];
  });
  checkNeeds(drafts, containers, report);
  return containers;
}

/** Said beforehand only: whether the bus that offers `system-bus` is on is not the state's to say (state format §17.1). */
function checkNeeds(
  drafts: readonly ContainerDraft[],
  specs: readonly ContainerSpec[],
  report: Report,
): void {
  const sources = new Map(drafts.map(({ name, source }) => [name, source]));
  for (const { container, service } of missingServices(specs, true)) {
    const source = sources.get(container);
    const where = source?.members.get('services') ?? source;
    const reason = `no container offers the required service ${quoted(service)}`;
    const fix = 'Add it to the services.json of a container, or make it optional';
    if (where !== undefined) report.warn(where, '§17.1', reason, fix);
  }
}

/** Wherever services.json stands in the document (S-38). */
function exportsOf(root: JsonObject, container: string, report: Report): readonly ServiceExport[] {
  const node = root.members.get(`${container}/services.json`);
  return node === undefined ? [] : readExports(node, report);
}

/** The rules of mdev.json, beside run.json (state format §22). */
function rulesFor(root: JsonObject, container: string, report: Report): readonly string[] | undefined {
  const node = root.members.get(`${container}/mdev.json`);
  return node === undefined ? undefined : readDeviceRules(node, report);
}

/** What parses, and is bound to fail when the container starts, is said beforehand. */
function checkPromises(
  { source, name, type, config, images, network }: ContainerDraft,
  files: ReadonlyMap<string, RevisionFile>,
  pools: ReadonlySet<string>,
  report: Report,
): void {
  if (type !== 'lxc' && type !== '') {
    const reason = `no runtime is called ${quoted(type)}; the container cannot start`;
    report.warn(source.members.get('type') ?? source, '§8.2', reason, 'Write "lxc"');
  }
  const wanted = [
    { file: config, key: 'config' },
    ...images
      .filter(({ format }) => format !== 'data')
      .map(({ file, root }) => ({ file, key: root ? 'root-volume' : 'volumes' })),
  ];
  for (const { file, key } of wanted) {
    const path = `${name}/${file}`;
    if (file === '' || files.has(path)) continue;
    const reason = `the state has no file ${quoted(path)}; the container cannot start`;
    report.warn(source.members.get(key) ?? source, '§9.7', reason, `Add ${quoted(path)} with its object id`);
  }
  const pool = network?.pool;
  if (pool !== undefined && !pools.has(pool)) {
    const reason = `device.json has no usable pool ${quoted(pool)}; the container cannot start`;
    report.warn(
      source.members.get('network') ?? source,
      '§21',
      reason,
      'Name a pool of device.json, or add it',
    );
  }
}
