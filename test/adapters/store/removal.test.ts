import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, realDisk } from '../../../adapters/store/disk.ts';
import { useScratch } from '../scratch.ts';
import { sha256, storeIn } from './store-world.ts';

describe('removing a revision (storage §11)', () => {
  const scratch = useScratch();

  const leavings = [
    'logs/locals/a/web/console',
    'disks/rev/locals/a/web/data/f',
    'pv/volume-disk/d/rev/locals/a/f',
  ];

  async function used(storage: string, disk?: Disk) {
    const world = await storeIn(storage, disk === undefined ? {} : { disk });
    await world.install('locals/a', { 'web/root': 'root' });
    for (const path of [...leavings, 'disks/perm/web/data/f']) {
      mkdirSync(join(storage, path, '..'), { recursive: true });
      writeFileSync(join(storage, path), '');
    }
    return world;
  }

  it('takes trail, logs and revision storage, and leaves the rest', async () => {
    const world = await used(scratch());
    await world.revisions.remove('locals/a');
    assert.deepEqual(world.names('trails/locals'), []);
    for (const path of leavings) assert.ok(!existsSync(join(world.storage, path)), path);
    assert.ok(existsSync(join(world.storage, 'disks/perm/web/data/f')));
    assert.deepEqual(world.names('objects'), [sha256('root')]);
  });

  it('is finished by the next life when it was cut off, and the revision is gone meanwhile', async () => {
    const storage = scratch();
    let cut = false;
    const removeTree = (path: string) => {
      if (cut) return Promise.reject(new Error('cut'));
      return realDisk.removeTree(path);
    };
    const world = await used(storage, { ...realDisk, removeTree });
    cut = true;
    await assert.rejects(world.revisions.remove('locals/a'), /cut/);
    assert.deepEqual(await world.revisions.list(), []);
    assert.equal(await world.revisions.state('locals/a'), undefined);
    await storeIn(storage);
    assert.deepEqual(world.names('trails/locals'), []);
    for (const path of leavings) assert.ok(!existsSync(join(storage, path)), path);
  });

  it('finishes nothing that belongs to a revision of the same name that came later', async () => {
    const storage = scratch();
    const world = await used(storage);
    mkdirSync(join(storage, 'trails/locals/.removed-a/web'), { recursive: true });
    await storeIn(storage);
    assert.deepEqual(world.names('trails/locals'), ['a']);
    for (const path of leavings) assert.ok(existsSync(join(storage, path)), path);
  });

  it('follows no link', async () => {
    const world = await used(scratch());
    const host = join(world.storage, 'host');
    mkdirSync(host);
    writeFileSync(join(host, 'f'), '');
    symlinkSync(host, join(world.storage, 'trails/locals/a/web/out'));
    await world.revisions.remove('locals/a');
    assert.ok(lstatSync(join(host, 'f')).isFile());
  });
});
