/** The examples' images, made with the real tools. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExample } from '../../examples/build.ts';

describe('example images', () => {
  let directory: string;
  let state: Record<string, string>;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'statevisor-images-'));
    state = build('first', 0o022);
  });

  after(() => {
    rmSync(directory, { recursive: true });
  });

  function build(into: string, umask: number): Record<string, string> {
    const before = process.umask(umask);
    try {
      const file = buildExample('quickstart', join(directory, into), { images: 'squashfs' });
      return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    } finally {
      process.umask(before);
    }
  }

  function imageOf(container: string): string {
    return join(directory, 'first', 'objects', String(state[`${container}/root.squashfs`]));
  }

  function listing(container: string): string {
    return execFileSync('unsquashfs', ['-lln', imageOf(container)], { encoding: 'utf8' });
  }

  it('are the same bytes each time, whatever the umask', () => {
    assert.deepEqual(build('second', 0o077), state);
  });

  it('have an executable init and busybox, and belong to root', () => {
    const files = listing('base');
    assert.match(files, /^-rwxr-xr-x 0\/0 .* squashfs-root\/sbin\/init$/m);
    assert.match(files, /^-rwxr-xr-x 0\/0 .* squashfs-root\/bin\/busybox$/m);
    assert.match(files, /squashfs-root\/bin\/sh -> busybox$/m);
    assert.doesNotMatch(files, /^\S+ (?!0\/0 )\d+\/\d+ /m);
  });

  it('carry the program that signals readiness only where the goal is READY', () => {
    assert.match(listing('web'), /squashfs-root\/bin\/ready$/m);
    assert.doesNotMatch(listing('base'), /squashfs-root\/bin\/ready$/m);
  });

  it('are data alone where there is no init', () => {
    const files = listing('assets');
    assert.match(files, /squashfs-root\/index\.html$/m);
    assert.doesNotMatch(files, /busybox/);
  });
});
