/** Can this machine run containers? Looks at the kernel, the programs and the rights, changes nothing, and says of
 *  each thing whether it is there and what to do when it is not. */

import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { run } from './exec.ts';
import { loadNative } from './native/load.ts';

export type Verdict = 'OK' | 'WARN' | 'FAIL';

export interface Finding {
  readonly what: string;
  readonly verdict: Verdict;
  readonly seen: string;
  /** Undefined when there is nothing to do. */
  readonly fix: string | undefined;
}

export interface ProbeOptions {
  readonly storage: string;
  readonly runDir: string;
  /** The directory of our package.json. */
  readonly packageRoot: string;
  /** `PATH` of the environment. */
  readonly searchPath: string;
  /** Another root than `/`, for tests: `proc`, `sys`, `dev` and `lib` are looked up below it. */
  readonly root?: string;
}

const MIB = 2 ** 20;
/** Magic numbers of statfs(2). */
const CGROUP2 = 0x63677270;
const TMPFS = 0x01021994;

export async function probe(options: ProbeOptions): Promise<readonly Finding[]> {
  const root = options.root ?? '/';
  return [
    rights(root),
    ...fileSystems(root),
    loopDevices(root),
    modules(root),
    cgroups(root),
    await lxc(),
    ...programs(options.searchPath),
    backEnd(options.packageRoot),
    space('storage', options.storage, 64 * MIB),
    space('run directory', options.runDir, 8 * MIB),
    runDirectoryLength(options.runDir),
  ];
}

const ok = (what: string, seen: string): Finding => ({ what, verdict: 'OK', seen, fix: undefined });
const warn = (what: string, seen: string, fix: string): Finding => ({ what, verdict: 'WARN', seen, fix });
const fail = (what: string, seen: string, fix: string): Finding => ({ what, verdict: 'FAIL', seen, fix });

/** Bit of CAP_SYS_ADMIN in a set of capabilities. */
const SYS_ADMIN = 1n << 21n;

/** Root of an unprivileged container may not mount. */
function rights(root: string): Finding {
  const uid = process.getuid?.() ?? -1;
  if (uid !== 0) return fail('rights', `user ${uid}`, 'Run as root: mounts and containers need it');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(text(join(root, 'proc/self/status')))?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & SYS_ADMIN) !== 0n) return ok('rights', 'root');
  return fail('rights', 'root without CAP_SYS_ADMIN', 'Grant it: in a container, make that one privileged');
}

function fileSystems(root: string): readonly Finding[] {
  const known = new Set(
    text(join(root, 'proc/filesystems'))
      .split('\n')
      .map((line) => line.split('\t')[1]),
  );
  return ['squashfs', 'overlay', 'tmpfs'].map((name) => {
    if (known.has(name)) return ok(name, 'in the kernel');
    if (hasModule(root, name))
      return warn(name, 'as a module that is not loaded', `Load it at boot: modprobe ${name}`);
    return fail(
      name,
      `unknown to kernel ${release()}`,
      `Build the kernel with it, or install its module ${name}`,
    );
  });
}

function loopDevices(root: string): Finding {
  if (existsSync(join(root, 'dev/loop-control'))) return ok('loop devices', '/dev/loop-control');
  if (hasModule(root, 'loop'))
    return warn('loop devices', 'as a module that is not loaded', 'Load it at boot: modprobe loop');
  return fail(
    'loop devices',
    'no /dev/loop-control',
    'Build the kernel with CONFIG_BLK_DEV_LOOP, and mount devtmpfs on /dev',
  );
}

function modules(root: string): Finding {
  if (!existsSync(join(root, 'proc/modules'))) {
    const fix =
      'Nothing to do unless bsp/drivers.json names modules: then build them in, or CONFIG_MODULES=y';
    return warn('kernel modules', 'the kernel has no loadable modules', fix);
  }
  const tree = join(root, 'lib/modules', release());
  if (existsSync(tree)) return ok('kernel modules', tree);
  return warn(
    'kernel modules',
    `no ${tree}`,
    'Install the modules of the running kernel, if drivers are needed',
  );
}

function cgroups(root: string): Finding {
  const place = join(root, 'sys/fs/cgroup');
  const what = 'cgroups';
  if (!existsSync(place))
    return fail(what, `no ${place}`, 'Mount them: mount -t cgroup2 none /sys/fs/cgroup');
  const { type } = statfsSync(place);
  if (type === CGROUP2) return ok(what, 'v2 (unified)');
  if (type === TMPFS && existsSync(join(place, 'unified'))) return ok(what, 'v1 with v2 beside it (hybrid)');
  if (type === TMPFS && existsSync(join(place, 'devices'))) return ok(what, 'v1 (legacy)');
  return fail(what, `nothing is mounted on ${place}`, 'Mount them: mount -t cgroup2 none /sys/fs/cgroup');
}

async function lxc(): Promise<Finding> {
  const install = 'Install LXC 5 or later (Debian: apt-get install lxc)';
  try {
    const { stdout } = await run('lxc-start', ['--version'], { timeoutMs: 10_000 });
    const version = stdout.trim();
    const major = Number(version.split('.')[0]);
    if (major >= 5) return ok('LXC', version);
    return warn('LXC', version === '' ? 'it tells no version' : version, install);
  } catch (error) {
    return fail('LXC', error instanceof Error ? error.message : String(error), install);
  }
}

function programs(searchPath: string): readonly Finding[] {
  const wanted = [
    { name: 'mkfifo', fix: 'Install mkfifo (coreutils or busybox): LXC tells by a FIFO', need: fail },
    { name: 'modprobe', fix: 'Install kmod; only drivers need it', need: warn },
    { name: 'mount', fix: 'Install util-linux; only the spawn back-end and handlers need it', need: warn },
  ];
  return wanted.map(({ name, fix, need }) => {
    const found = searchPath.split(delimiter).find((directory) => isExecutable(join(directory, name)));
    return found === undefined ? need(name, 'not on the PATH', fix) : ok(name, join(found, name));
  });
}

function backEnd(packageRoot: string): Finding {
  const native = loadNative(packageRoot);
  if (native.ok) return ok('kernel back-end', 'native');
  return warn(
    'kernel back-end',
    `spawn, slower: ${native.reason}`,
    'Build the native one: npm run setup && npm run prepare',
  );
}

/** Where the directory is, or will be. */
function space(what: string, directory: string, neededBytes: number): Finding {
  const place = existing(directory);
  if (!isWritable(place))
    return fail(what, `${place} cannot be written to`, 'Run as root, or choose another directory');
  const { bavail, bsize } = statfsSync(place);
  const seen = `${Math.floor((bavail * bsize) / MIB)} MiB free in ${place}`;
  return bavail * bsize >= neededBytes
    ? ok(what, seen)
    : fail(what, seen, `Make room: ${neededBytes / MIB} MiB are needed`);
}

/** Sockets below it must fit into 108 bytes, LXC's names too. */
function runDirectoryLength(runDir: string): Finding {
  const what = 'run directory name';
  const length = Buffer.byteLength(runDir);
  if (length <= 40) return ok(what, `${length} bytes`);
  return warn(
    what,
    `${length} bytes`,
    'Choose one of 40 bytes or less: socket addresses below it are limited',
  );
}

function existing(directory: string): string {
  let at = directory;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function hasModule(root: string, name: string): boolean {
  const listed = text(join(root, 'lib/modules', release(), 'modules.dep'));
  return new RegExp(`/${name}\\.ko`).test(listed);
}

function text(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function isWritable(place: string): boolean {
  return isAccessible(place, constants.W_OK);
}

function isExecutable(file: string): boolean {
  return isAccessible(file, constants.X_OK);
}

function isAccessible(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    // Whatever the reason, the answer is no.
    return false;
  }
}
