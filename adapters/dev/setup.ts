/** `npm run setup`: the Debian packages that running, building and testing need. Safe to repeat.
 *  It installs as root or through sudo. Where it cannot install, it prints what is missing: on another distribution it
 *  ends with 0, because the list is all it has to give there; on Debian without the rights it ends with 1, because
 *  something is left to do. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Need {
  readonly package: string;
  /** Programs or absolute files; all there: nothing to install. */
  readonly provides: readonly string[];
  readonly why: string;
}

const NEEDS: readonly Need[] = [
  { package: 'lxc', provides: ['lxc-start', 'lxc-stop'], why: 'runs the containers' },
  { package: 'squashfs-tools', provides: ['mksquashfs'], why: 'builds the example images' },
  { package: 'busybox-static', provides: ['busybox'], why: 'is inside the example images' },
  { package: 'kmod', provides: ['modprobe'], why: 'loads kernel modules' },
  { package: 'util-linux', provides: ['losetup', 'unshare'], why: 'loop devices without the native addon' },
  { package: 'mount', provides: ['mount', 'umount'], why: 'mounts without the native addon' },
  { package: 'iproute2', provides: ['ip'], why: 'makes the bridges of network pools' },
  { package: 'nftables', provides: ['nft'], why: 'translates addresses of network pools' },
  { package: 'procps', provides: ['ps', 'pgrep'], why: 'looks at processes in the tests' },
  { package: 'perl-base', provides: ['perl'], why: 'sends the ready signal in the examples' },
];

/** Only asked for when there is no compiler at all. */
const COMPILER: readonly Need[] = [
  { package: 'gcc', provides: ['cc'], why: 'builds the native addon' },
  { package: 'libc6-dev', provides: ['/usr/include/stdio.h'], why: 'builds the native addon' },
];

const { PATH = '' } = process.env;
/** System programs live in directories that are not on every user's PATH. */
const DIRECTORIES = [...PATH.split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isThere(provided: string): boolean {
  if (provided.startsWith('/')) return existsSync(provided);
  return DIRECTORIES.some((directory) => isProgram(join(directory, provided)));
}

/** busybox-static, not busybox: an image needs a busybox that runs without libraries. */
function isMet(need: Need): boolean {
  if (!need.provides.every(isThere)) return false;
  return need.package !== 'busybox-static' || existsSync('/usr/share/doc/busybox-static') || !isDebian();
}

function isDebian(): boolean {
  if (!isThere('apt-get') || !existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
}

function say(line: string): void {
  process.stdout.write(`setup: ${line}\n`);
}

function succeeds(argv: readonly string[], stdio: 'inherit' | 'ignore'): boolean {
  const [program = '', ...rest] = argv;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(program, rest, { stdio, env }).status === 0;
}

/** Prefix that gives root's rights, or undefined. */
function asRoot(): readonly string[] | undefined {
  if (process.getuid?.() === 0) return [];
  return isThere('sudo') && succeeds(['sudo', '-n', 'true'], 'ignore') ? ['sudo', '-n'] : undefined;
}

function install(prefix: readonly string[], packages: readonly string[]): boolean {
  const get = [...prefix, 'apt-get'];
  const quiet = ['-qq', '-y', '--no-install-recommends', 'install', ...packages];
  say(`apt-get install ${packages.join(' ')}`);
  if (!succeeds([...get, '--dry-run', ...quiet], 'ignore')) {
    say('apt-get update');
    if (!succeeds([...get, '-qq', 'update'], 'inherit')) return false;
  }
  if (succeeds([...get, ...quiet], 'inherit')) return true;
  say('apt-get update, and once more');
  return succeeds([...get, '-qq', 'update'], 'inherit') && succeeds([...get, ...quiet], 'inherit');
}

async function main(): Promise<number> {
  const needsCompiler = !['cc', 'gcc', 'clang'].some(isThere);
  const missing = [...NEEDS, ...(needsCompiler ? COMPILER : [])].filter((need) => !isMet(need));
  if (missing.length === 0) {
    say('nothing to do');
    return 0;
  }
  for (const need of missing) say(`missing: ${need.package} (${need.provides.join(', ')}), ${need.why}`);
  if (!isDebian()) {
    say('this is not Debian: install what gives the programs in brackets, then run this again');
    return 0;
  }
  const packages = missing.map((need) => need.package);
  const prefix = asRoot();
  if (prefix === undefined) {
    say(`installing needs root: apt-get install ${packages.join(' ')}`);
    return 1;
  }
  if (!install(prefix, packages)) {
    say('apt-get failed; its messages are above');
    return 1;
  }
  if (needsCompiler) await import('./build.ts');
  say('done');
  return 0;
}

process.exitCode = await main();
