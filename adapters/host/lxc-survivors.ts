/** Finds LXC's processes of one lxcpath by a look at /proc: `lxc-start` while it starts a container, and the monitor
 *  that stays with it. Neither records nor LXC's help are needed, so it also finds what was being started when an
 *  earlier supervisor was killed. */

import { readFileSync } from 'node:fs';
import { errnoOf } from './kernel-error.ts';
import { argumentsOf, childrenOf, innermostPid, listProcesses, parentOf } from './processes.ts';

export interface FoundContainer {
  /** Its monitor. */
  readonly monitor: number | undefined;
  /** `lxc-start` processes that have not finished yet, and a monitor so young that it looks like one of them. */
  readonly starters: readonly number[];
}

/** By container name. */
export type Found = ReadonlyMap<string, FoundContainer>;

/** @param pidFileOf where `lxc-start` was told to write the monitor's pid */
export function findContainers(lxcPath: string, pidFileOf: (container: string) => string): Found {
  for (let attempt = 1; ; attempt += 1) {
    const found = lookOnce(lxcPath, pidFileOf);
    // A process that starts another one and ends during the look hides both. LXC's sockets show such a container.
    if (attempt === 3 || socketNames(lxcPath).every((name) => found.has(name))) return found;
  }
}

/** Whose process this is, if it is LXC's and of this lxcpath. */
export function containerOf(
  lxcPath: string,
  argv: readonly string[],
): { readonly name: string; readonly titled: boolean } | undefined {
  const [first = ''] = argv;
  const title = `[lxc monitor] ${lxcPath} `;
  if (first.startsWith(title)) return { name: first.slice(title.length), titled: true };
  if (!/(^|\/)lxc-start$/.test(first) || optionOf(argv, '-P') !== lxcPath) return undefined;
  const name = optionOf(argv, '-n');
  return name === undefined ? undefined : { name, titled: false };
}

/** Hooks may be children of the monitor too; init is the one that is first in its pid namespace.
 *  @param named who it is by LXC's log: to see that it is so takes less than to look for it */
export function initOf(monitor: number, named?: number): number | undefined {
  if (named !== undefined && parentOf(named) === monitor) return named;
  const children = childrenOf(monitor);
  return children.find((pid) => innermostPid(pid) === 1) ?? children[0];
}

export function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Does a living monitor of this container stand in the pid file? */
export function isMonitored(lxcPath: string, container: string, pidFile: string): boolean {
  const pid = readPid(pidFile);
  const argv = pid === undefined ? undefined : argumentsOf(pid);
  return argv !== undefined && containerOf(lxcPath, argv)?.name === container;
}

function lookOnce(lxcPath: string, pidFileOf: (container: string) => string): Found {
  const found = new Map<string, { monitor: number | undefined; starters: number[] }>();
  for (const entry of listProcesses()) {
    const owner = containerOf(lxcPath, entry.argv);
    if (owner === undefined) continue;
    const container = found.get(owner.name) ?? { monitor: undefined, starters: [] };
    found.set(owner.name, container);
    if (owner.titled || readPid(pidFileOf(owner.name)) === entry.pid) container.monitor = entry.pid;
    else container.starters.push(entry.pid);
  }
  return found;
}

/** Names in LXC's command sockets, `@<lxcpath>/<name>/command`. */
function socketNames(lxcPath: string): readonly string[] {
  const start = `@${lxcPath}/`;
  const end = '/command';
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map((row) => row.slice(row.indexOf('@')))
    .filter((path) => path.startsWith(start) && path.endsWith(end))
    .map((path) => path.slice(start.length, -end.length));
}

function optionOf(argv: readonly string[], option: string): string | undefined {
  const at = argv.indexOf(option);
  return at < 0 ? undefined : argv[at + 1];
}
