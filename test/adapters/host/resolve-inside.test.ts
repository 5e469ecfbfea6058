import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveInside } from '../../../adapters/host/resolve-inside.ts';

describe('a path as a container would find it', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'inside-'));
    mkdirSync(join(root, 'usr/lib/app'), { recursive: true });
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/file'), '');
    const links = {
      lib: 'usr/lib',
      srv: '/usr/lib/app',
      'usr/up': '../etc',
      'usr/over': '../../../../etc',
      out: '/../../etc/./file',
      chain: '/lib/app',
      top: '/',
      nowhere: '/no/such',
      ring: 'ring2',
      ring2: '/ring',
      below: 'etc/file/x',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  });
  after(() => rmSync(root, { recursive: true }));

  const found: readonly (readonly [string, string, string])[] = [
    ['usr/lib', 'usr/lib', 'no link'],
    ['/etc//./file', 'etc/file', 'spelled at length'],
    ['lib/app', 'usr/lib/app', 'a relative link'],
    ['srv', 'usr/lib/app', 'an absolute link: from the container’s root'],
    ['chain', 'usr/lib/app', 'a link over a link'],
    ['usr/up/file', 'etc/file', '".." in a link'],
    ['usr/over', 'etc', '".." beyond the root stays at the root'],
    ['out', 'etc/file', 'both'],
    ['top/etc', 'etc', 'a link to the root'],
    ['lib/..', 'usr', '".." is where the link led, not where it lies'],
    ['..', '', 'the root itself'],
  ];
  for (const [path, expected, why] of found) {
    it(`${path} is /${expected}: ${why}`, () => {
      assert.equal(resolveInside(root, path), expected === '' ? root : join(root, expected));
    });
  }

  for (const [path, code] of [
    ['nowhere', 'ENOENT'],
    ['usr/none', 'ENOENT'],
    ['ring', 'ELOOP'],
    ['below', 'ENOTDIR'],
  ] as const) {
    it(`${path}: ${code}`, () => assert.throws(() => resolveInside(root, path), { code }));
  }
});
