import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMountPoint, makeInside } from '../../../adapters/host/mount-points.ts';
import { useScratch } from '../scratch.ts';

describe('a mount point', () => {
  const scratch = useScratch();

  it('is the root of a mount, and nothing else', () => {
    const directory = scratch();
    assert.equal(isMountPoint('/proc'), true);
    assert.equal(isMountPoint('/proc/self'), false);
    assert.equal(isMountPoint(directory), false);
    assert.equal(isMountPoint(join(directory, 'nothing')), false);
  });

  it('is none behind a link', () => {
    const directory = scratch();
    symlinkSync('/', join(directory, 'root'));
    symlinkSync('/proc', join(directory, 'proc'));
    assert.equal(isMountPoint(join(directory, 'proc')), false);
    assert.equal(isMountPoint(join(directory, 'root/proc')), false);
  });

  it('is made with all that leads to it, over no link and no file', () => {
    const base = join(scratch(), 'base');
    makeInside(base, 'etc/example/');
    assert.equal(statSync(join(base, 'etc/example')).mode & 0o777, 0o755);
    mkdirSync(join(base, 'host'));
    symlinkSync(join(base, 'host'), join(base, 'link'));
    writeFileSync(join(base, 'file'), '');
    assert.throws(() => makeInside(base, 'link/etc'), { code: 'ELOOP' });
    assert.throws(() => makeInside(base, 'file'), { code: 'EEXIST' });
    assert.ok(!existsSync(join(base, 'host/etc')));
  });
});
