/** The LXC configuration a container is started with: its own lines, includes in place and paths moved to where this
 *  host has them, then what the supervisor adds (storage §7.3, §8). Text in, text out; `lxc.ts` reads and writes.
 *
 *  LXC lets the last value win, and lets lists grow, so ours come last. */

import type { Fault } from '../../machines/domain/fault.ts';
import type { Lease } from '../../machines/domain/ipam.ts';
import { type Layout, localPath, rootfsDir } from '../../machines/domain/layout.ts';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import type { CgroupKind } from './cgroups.ts';
import { type ConfigLine, unquoted } from './lxc-config-file.ts';
import { deviceHook } from './lxc-devices.ts';

export interface LxcHostFacts {
  readonly cgroups: CgroupKind;
  readonly kernelRelease: string;
  /** AppArmor is on, but without what LXC's default profile needs. */
  readonly needsUnconfined: boolean;
  /** Absolute, executable (storage §8). */
  readonly mountHooks: readonly string[];
  readonly exists: (path: string) => boolean;
}

/** Where the supervisor has what it gives to this container. */
export interface LxcPlaces {
  /** An empty directory on which LXC mounts root file systems, each in a namespace of its own. */
  readonly rootfsMount: string;
  readonly consoleLog: string;
  readonly consoleLogBytes: number;
  readonly binds: readonly Bind[];
  /** Directory with the rules for its device nodes; undefined: no nodes. */
  readonly deviceRules?: string | undefined;
  /** The hook that applies its remount policy, after all others; undefined: no policy. */
  readonly remount?: string | undefined;
}

export interface Bind {
  readonly source: string;
  /** In the container, without a leading slash. */
  readonly target: string;
  readonly as: 'directory' | 'file';
  readonly readOnly: boolean;
}

export interface LxcConfigInput {
  readonly container: ContainerSpec;
  readonly own: readonly ConfigLine[];
  readonly layout: Layout;
  readonly places: LxcPlaces;
  readonly host: LxcHostFacts;
  /** `PV_LXC_LOG_LEVEL`. */
  readonly logLevel: number;
  readonly relativeCgroups: boolean;
  /** Its place in a network pool; without one its own lines decide. */
  readonly lease?: Lease | undefined;
}

/** What can be refused before LXC is asked (state format §8.2). */
export function refusal({ name, type }: ContainerSpec): Fault | undefined {
  if (type === 'lxc') return undefined;
  return {
    code: 'START_FAILED',
    message: `starting ${name}: there is no runtime for containers of type "${type}"`,
    subject: name,
    fix: 'Set "type" to "lxc" in its run.json.',
  };
}

/** `lxc.log.level` is always ours. Storage §7.3 has `PV_LXC_LOG_LEVEL` win over a level that the container sets; here
 *  it also counts where none is set, for LXC's own default, ERROR, would leave out what tells how a start went and how
 *  an unsupervised container ended (`lxc-log.ts`). */
export function lxcConfig(input: LxcConfigInput): string {
  const { container, own, host } = input;
  const kept = own.filter((line) => !isOurs(line.key)).flatMap((line) => forHost(line, host.cgroups));
  const lines = [
    `# Made at each start of ${container.name} from ${container.config}; changes are lost.`,
    ...kept.map((line) => written(moved(line, input.layout))),
    '# What the supervisor adds.',
    ...added(input, kept).map(written),
  ];
  return `${lines.join('\n')}\n`;
}

function added(input: LxcConfigInput, own: readonly ConfigLine[]): readonly ConfigLine[] {
  const { container, layout, places, host, lease } = input;
  return [
    line('lxc.rootfs.path', `dir:${rootfsDir(layout, container.name)}`),
    line('lxc.rootfs.mount', places.rootfsMount),
    ...hostName(container, own),
    line('lxc.log.level', String(input.logLevel)),
    // Stock LXC puts its own "container=lxc" over this; LXC builds that let a configuration name the type use it.
    line('lxc.environment', `container=pv-${container.group || 'unknown'}`),
    ...(input.relativeCgroups ? [line('lxc.cgroup.relative', '1')] : []),
    ...(host.cgroups === 'v2' ? [line('lxc.cgroup2.devices.allow', 'a')] : []),
    ...namespaceKeep(own, lease),
    ...(lease === undefined ? [] : network(lease)),
    ...(host.needsUnconfined && !has(own, 'lxc.apparmor.profile')
      ? [line('lxc.apparmor.profile', 'unconfined')]
      : []),
    ...consoleLog(places, own),
    ...[...places.binds, ...hostBinds(container, host)].map(mountEntry),
    ...(places.deviceRules === undefined ? [] : [line('lxc.hook.mount', deviceHook(places.deviceRules))]),
    ...host.mountHooks.map((hook) => line('lxc.hook.mount', hook)),
    ...(places.remount === undefined ? [] : [line('lxc.hook.mount', places.remount)]),
  ];
}

/** Keys that only the supervisor sets. `lxc.ephemeral` would let LXC delete the root file system when the container
 *  stops; `lxc.monitor.signal.pdeath` must stay KILL, or init outlives a killed monitor unseen. */
function isOurs(key: string): boolean {
  return (
    ['lxc.rootfs.path', 'lxc.rootfs.mount', 'lxc.ephemeral', 'lxc.monitor.signal.pdeath'].includes(key) ||
    key.startsWith('lxc.log.')
  );
}

/** Limits under their version 2 names; the others only make LXC warn there. */
const V2_NAMES: ReadonlyMap<string, string> = new Map([
  ['lxc.cgroup.memory.limit_in_bytes', 'lxc.cgroup2.memory.max'],
  ['lxc.cgroup.pids.max', 'lxc.cgroup2.pids.max'],
  ['lxc.cgroup.cpuset.cpus', 'lxc.cgroup2.cpuset.cpus'],
  ['lxc.cgroup.cpuset.mems', 'lxc.cgroup2.cpuset.mems'],
]);

/** Storage §7.3: on version 2, device rules of version 1 are dropped, and all devices allowed. */
function forHost(own: ConfigLine, cgroups: CgroupKind): readonly ConfigLine[] {
  if (cgroups !== 'v2') return [own];
  if (own.key.startsWith('lxc.cgroup.devices.')) return [];
  return [{ ...own, key: V2_NAMES.get(own.key) ?? own.key }];
}

/** Moves the paths of the host that a line names; paths in the container stay. */
function moved(own: ConfigLine, layout: Layout): ConfigLine {
  if (own.key === 'lxc.mount.entry') return { ...own, value: movedEntry(own.value, own.directory, layout) };
  return HOST_PATHS.test(own.key) ? { ...own, value: movedPaths(own.value, layout) } : own;
}

const HOST_PATHS = /^lxc\.(hook\.|net\..*\.script\.|seccomp\.profile$)/;

/** An fstab line: the source and the options are the host's, the target is the container's. */
function movedEntry(value: string, directory: string, layout: Layout): string {
  const [source = '', target = '', type = '', options = '', ...rest] = value.split(/\s+/);
  const bound = options.split(',').some((option) => option === 'bind' || option === 'rbind');
  const absolute = bound && !source.startsWith('/') ? `${directory}/${source}` : source;
  return [movedPaths(absolute, layout), target, type, movedPaths(options, layout), ...rest].join(' ').trim();
}

function movedPaths(text: string, layout: Layout): string {
  return text.replace(
    /(^|[\s=:,"'])(\/(?:volumes|configs|exports)(?:\/[^\s:,"']*)?)(?=$|[\s:,"'])/g,
    (_, before, path) => `${before}${localPath(layout, path)}`,
  );
}

/** State format §21: the host name given in run.json, else the configured one, else the container's name. */
function hostName(container: ContainerSpec, own: readonly ConfigLine[]): readonly ConfigLine[] {
  const given = container.network?.hostname;
  if (given !== undefined) return [line('lxc.uts.name', given)];
  return has(own, 'lxc.uts.name') ? [] : [line('lxc.uts.name', container.name)];
}

/** LXC takes a list of namespaces to keep as "unshare all others", the user namespace included, which cannot work
 *  without a mapping of ids. With an address of a pool the network is never kept (logs and metadata §15). */
function namespaceKeep(own: readonly ConfigLine[], lease: Lease | undefined): readonly ConfigLine[] {
  const given = listed(own, 'lxc.namespace.keep');
  const kept = given.filter((namespace) => lease === undefined || namespace !== 'net');
  const needsUser = kept.length > 0 && !kept.includes('user') && !has(own, 'lxc.idmap');
  const keep = needsUser ? [...kept, 'user'] : kept;
  if (keep.join() === given.join()) return [];
  const cleared = line('lxc.namespace.keep', '');
  return keep.length === 0 ? [cleared] : [cleared, line('lxc.namespace.keep', keep.join(' '))];
}

/** Logs and metadata §15. */
function network({ pool, link, address, prefix, mac }: Lease): readonly ConfigLine[] {
  const lines = [
    ['type', pool.type === 'bridge' ? 'veth' : 'macvlan'],
    ['link', link],
    ['name', 'eth0'],
    ['flags', 'up'],
    ['hwaddr', mac],
    ['ipv4.address', `${address}/${prefix}`],
    ['ipv4.gateway', pool.gateway],
  ] as const;
  return lines.map(([key, value]) => line(`lxc.net.0.${key}`, value));
}

/** One older generation is kept beside the file. */
function consoleLog(places: LxcPlaces, own: readonly ConfigLine[]): readonly ConfigLine[] {
  if (lastValue(own, 'lxc.console.path') === 'none') return [];
  return [
    line('lxc.console.logfile', places.consoleLog),
    line('lxc.console.size', String(places.consoleLogBytes)),
    line('lxc.console.rotate', '1'),
  ];
}

/** State format §8.8. */
function hostBinds(container: ContainerSpec, host: LxcHostFacts): readonly Bind[] {
  if (!container.automodfw) return [];
  return ['/lib/firmware', `/lib/modules/${host.kernelRelease}`]
    .filter(host.exists)
    .map((path) => ({ source: path, target: path.slice(1), as: 'directory', readOnly: true }));
}

function mountEntry({ source, target, as, readOnly }: Bind): ConfigLine {
  const create = as === 'directory' ? 'create=dir' : 'create=file';
  const options = ['bind', ...(readOnly ? ['ro'] : []), create].join(',');
  return line('lxc.mount.entry', `${escaped(source)} ${escaped(target)} none ${options} 0 0`);
}

/** As in fstab. */
function escaped(path: string): string {
  return path.replace(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function line(key: string, value: string): ConfigLine {
  return { key, value, directory: '/' };
}

function written({ key, value }: ConfigLine): string {
  return `${key} = ${value}`.trimEnd();
}

function lastValue(lines: readonly ConfigLine[], key: string): string | undefined {
  const value = lines.findLast((candidate) => candidate.key === key)?.value;
  return value === undefined ? undefined : unquoted(value);
}

/** An empty value clears. */
function has(lines: readonly ConfigLine[], key: string): boolean {
  return (lastValue(lines, key) ?? '') !== '';
}

/** All values of a list key since it was last cleared. */
function listed(lines: readonly ConfigLine[], key: string): readonly string[] {
  const mine = lines.filter((candidate) => candidate.key === key);
  return mine
    .slice(mine.findLastIndex(({ value }) => value === '') + 1)
    .flatMap(({ value }) => value.split(/\s+/));
}
