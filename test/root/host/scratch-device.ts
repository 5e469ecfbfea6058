/** A storage, a trail and empty mount points in a scratch directory, and what is mounted or attached there. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readLoopDevices } from '../../../adapters/host/loop-devices.ts';
import { mountsBelow, readMountTable } from '../../../adapters/host/mount-table.ts';
import { buildNative } from '../../../adapters/host/native/build.ts';
import { type OpenedKernel, openKernel } from '../../../adapters/host/open-kernel.ts';
import type { Layout } from '../../../machines/domain/layout.ts';
import { ROOT } from '../../support/sources.ts';

export interface ScratchDevice {
  readonly root: string;
  readonly layout: Layout;
  /** Writes a file below the root, directories included. */
  write(path: string, content: string | Buffer, mode?: number): string;
  /** Makes a squashfs of files, named by their path in it. */
  image(path: string, files: Readonly<Record<string, string>>, compression?: string): string;
  /** What is mounted below the root or attached from it. A leak anywhere shows up here. */
  traces(): { readonly mounts: readonly string[]; readonly loops: readonly string[] };
}

export const UNTOUCHED = { mounts: [], loops: [] } as const;

/** The addon is built, not skipped: a run without it would prove half. */
export async function openBoth(
  loopIndexBase?: number,
): Promise<Readonly<Record<'native' | 'spawn', OpenedKernel>>> {
  assert.ok('built' in (await buildNative(ROOT)));
  return {
    native: openKernel(ROOT, 'native', loopIndexBase),
    spawn: openKernel(ROOT, 'spawn', loopIndexBase),
  };
}

/** Call inside `describe`: a fresh device for each test, taken down after it. */
export function useScratchDevice(): () => ScratchDevice {
  let device: ScratchDevice | undefined;
  beforeEach(() => {
    device = scratchDevice(mkdtempSync(join(tmpdir(), 'sv-')));
  });
  afterEach(() => {
    assert.ok(device !== undefined);
    const { root } = device;
    for (const { target } of mountsBelow(readMountTable(), root).toReversed()) {
      execFileSync('umount', ['-l', target]);
    }
    rmSync(root, { recursive: true, force: true });
  });
  return () => {
    assert.ok(device !== undefined);
    return device;
  };
}

function scratchDevice(root: string): ScratchDevice {
  const layout: Layout = {
    storage: join(root, 'storage'),
    runDir: join(root, 'run'),
    volumes: join(root, 'volumes'),
    configs: join(root, 'configs'),
    media: join(root, 'media'),
    libDir: join(root, 'lib'),
    exports: join(root, 'exports'),
    revision: 'r1',
  };
  const write = (path: string, content: string | Buffer, mode = 0o644) => {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content, { mode });
    return full;
  };
  return {
    root,
    layout,
    write,
    image(path, files, compression = 'gzip') {
      const content = mkdtempSync(join(root, 'content-'));
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(content, name)), { recursive: true });
        writeFileSync(join(content, name), text);
      }
      const full = join(root, path);
      mkdirSync(dirname(full), { recursive: true });
      const options = ['-quiet', '-no-progress', '-noappend', '-comp', compression];
      execFileSync('mksquashfs', [content, full, ...options], { stdio: 'ignore' });
      rmSync(content, { recursive: true });
      assert.ok(existsSync(full));
      return full;
    },
    traces: () => ({
      mounts: mountsBelow(readMountTable(), root).map(({ target }) => target.slice(root.length + 1)),
      loops: readLoopDevices()
        .map(({ file }) => file)
        .filter((file) => file.startsWith(`${root}/`)),
    }),
  };
}
