/** Root file systems of the examples: busybox, the example's own files, and `ready` for who signals readiness.
 *  Made from what the machine has, reproducibly: same inputs, same bytes. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ImageSource {
  readonly container: string;
  /** The example's own part of the file system. Without `sbin/init` the image is data alone, and gets no busybox. */
  readonly root: string;
  /** Gets `/bin/ready`, which tells the supervisor that the container is ready. */
  readonly signals: boolean;
}

const READY = fileURLToPath(new URL('parts/ready', import.meta.url));
const BUSYBOX = '/bin/busybox';
const PERL = '/usr/bin/perl';
const EMPTY = ['dev', 'etc', 'pantavisor', 'proc', 'root', 'run', 'srv', 'sys', 'tmp', 'var/log'];

/** The same times, owner and compression everywhere. Every kernel with squashfs reads gzip; level 1 because nobody ships
 *  these. */
const REPRODUCIBLE = [
  '-mkfs-time',
  '0',
  '-all-time',
  '0',
  '-all-root',
  '-no-xattrs',
  '-comp',
  'gzip',
  '-Xcompression-level',
  '1',
];

/** What an image is made from, as text that changes with it. */
export function imageRecipe({ root, signals }: ImageSource): string {
  const files = filesOf(root).map(({ path, mode }) => [path, mode, digest(join(root, path))]);
  return JSON.stringify({ files, ready: signals ? digest(READY) : null });
}

/** The bytes of the squashfs. Needs mksquashfs, and busybox linked statically where there is an init. */
export function buildImage(source: ImageSource): Uint8Array {
  const scratch = mkdtempSync(join(tmpdir(), 'statevisor-image-'));
  try {
    const tree = join(scratch, 'root');
    mkdirSync(tree);
    const files = filesOf(source.root);
    if (files.some(({ path }) => path === 'sbin/init')) addBase(tree);
    if (source.signals) addReady(tree);
    for (const { path, mode } of files) addFile(join(source.root, path), join(tree, path), mode);
    openDirectories(tree);
    const image = join(scratch, 'image');
    output('mksquashfs', [tree, image, '-quiet', '-no-progress', ...REPRODUCIBLE]);
    return readFileSync(image);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function addBase(tree: string): void {
  for (const directory of EMPTY) mkdirSync(join(tree, directory), { recursive: true });
  addFile(BUSYBOX, join(tree, 'bin/busybox'), 0o755);
  const applets = output(BUSYBOX, ['--list']).trim().split('\n');
  for (const applet of applets) {
    if (applet !== 'busybox') symlinkSync('busybox', join(tree, 'bin', applet));
  }
}

function addReady(tree: string): void {
  addFile(READY, join(tree, 'bin/ready'), 0o755);
  addFile(PERL, join(tree, PERL), 0o755);
  for (const [library] of output('ldd', [PERL]).matchAll(/\/\S+/g)) {
    addFile(library, join(tree, library), 0o755);
  }
}

/** @throws Error that names the program and its complaint */
function output(program: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${program}: ${error.message}. Run "npm run setup".`);
  if (status !== 0) throw new Error(`${program} failed: ${stderr.trim()}`);
  return stdout;
}

function addFile(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}

/** Whatever the umask made of them. */
function openDirectories(tree: string): void {
  chmodSync(tree, 0o755);
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
}

/** Regular files below `root`. Modes depend on the executable bit alone, not on the umask of a checkout. */
function filesOf(root: string): { path: string; mode: number }[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({
      path: file.slice(root.length + 1),
      mode: statSync(file).mode & 0o100 ? 0o755 : 0o644,
    }));
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
