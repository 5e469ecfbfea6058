import assert from 'node:assert/strict';
import { readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, realDisk } from '../../../adapters/store/disk.ts';
import { useScratch } from '../scratch.ts';
import { piecesOf, refused, sha256, storeIn } from './store-world.ts';

describe('objects (control API §6.6)', () => {
  const scratch = useScratch();
  const found = async (body: AsyncIterable<Uint8Array> | undefined) => {
    const pieces: Uint8Array[] = [];
    if (body !== undefined) for await (const piece of body) pieces.push(piece);
    return Buffer.concat(pieces);
  };

  for (const { why, bytes } of [
    { why: 'an empty one', bytes: 0 },
    { why: 'a small one', bytes: 5 * 1024 },
    { why: 'one of many pieces', bytes: 5_000_001 },
  ]) {
    it(`come back as they were put: ${why} (§11 test 12)`, async () => {
      const { objects, storage } = await storeIn(scratch());
      const content = Buffer.alloc(bytes, 'statevisor');
      const name = sha256(content);
      await objects.put(name, piecesOf(content.subarray(0, 100), content.subarray(100)), bytes);
      const got = await objects.get(name);
      assert.equal(got?.size, bytes);
      assert.ok((await found(got?.body)).equals(content));
      assert.deepEqual(await objects.list(), [{ sha256: name, size: bytes }]);
      assert.equal(statSync(join(storage, 'objects', name)).mode & 0o777, 0o644);
    });
  }

  it('are listed in order of their names, and nothing else is', async () => {
    const world = await storeIn(scratch());
    const names = await Promise.all(['a', 'b', 'c', 'd'].map((text) => world.put(text)));
    const directory = join(world.storage, 'objects');
    writeFileSync(join(directory, 'short'), '');
    writeFileSync(join(directory, `${'a'.repeat(64)}.tmp`), '');
    symlinkSync('nowhere', join(directory, 'f'.repeat(64)));
    assert.deepEqual(
      (await world.objects.list()).map((object) => object.sha256),
      names.sort(),
    );
  });

  it('of a wrong content are refused, and leave nothing (§11 test 15)', async () => {
    const { objects, names } = await storeIn(scratch());
    await refused(objects.put(sha256('right'), piecesOf('wrong'), 5), 'REFUSED', /has the SHA-256/);
    assert.deepEqual(names('objects'), []);
  });

  it('of which the client breaks off leave nothing, and can be put again (§11 test 16)', async () => {
    const world = await storeIn(scratch());
    async function* torn(): AsyncIterable<Uint8Array> {
      yield Buffer.from('a beg');
      throw new Error('the client is gone');
    }
    await assert.rejects(world.objects.put(sha256('a beginning'), torn(), 11), /the client is gone/);
    assert.deepEqual(world.names('objects'), []);
    await world.put('a beginning');
    assert.equal(world.names('objects').length, 1);
  });

  it('that are there stay the file they are, and their body is read to its end (§11 test 17)', async () => {
    const world = await storeIn(scratch());
    const name = await world.put('content');
    const path = join(world.storage, 'objects', name);
    const before = statSync(path, { bigint: true });
    let ended = false;
    async function* body(): AsyncIterable<Uint8Array> {
      yield Buffer.from('con');
      yield Buffer.from('tent');
      ended = true;
    }
    await world.objects.put(name, body(), 7);
    const after = statSync(path, { bigint: true });
    assert.ok(ended);
    assert.deepEqual([after.ino, after.mtimeNs, after.ctimeNs], [before.ino, before.mtimeNs, before.ctimeNs]);
  });

  it('that are corrupt are replaced (§11 test 18)', async () => {
    const world = await storeIn(scratch());
    const name = await world.put('content');
    writeFileSync(join(world.storage, 'objects', name), 'contenT');
    await world.put('content');
    assert.equal(world.read(`objects/${name}`), 'content');
    assert.deepEqual(world.names('objects'), [name]);
  });

  for (const { why, name } of [
    { why: '63 digits', name: 'a'.repeat(63) },
    { why: 'upper case', name: 'A'.repeat(64) },
    { why: 'a way out', name: `../${'a'.repeat(61)}` },
  ]) {
    it(`have no name of ${why} (§11 test 19)`, async () => {
      const { objects } = await storeIn(scratch());
      await refused(objects.put(name, piecesOf(''), 0), 'REFUSED', /is no object id/);
      assert.equal(await objects.get(name), undefined);
    });
  }

  it('that are not there are undefined', async () => {
    const { objects } = await storeIn(scratch());
    assert.equal(await objects.get('a'.repeat(64)), undefined);
  });

  it('put by two clients at once are one file, which stays the first that was whole', async () => {
    const world = await storeIn(scratch());
    const name = sha256('both');
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncIterable<Uint8Array> {
      yield Buffer.from('bo');
      await gate;
      yield Buffer.from('th');
    }
    const first = world.objects.put(name, slow(), 4);
    await world.put('both');
    const inode = world.inode(`objects/${name}`);
    release();
    await first;
    assert.equal(world.inode(`objects/${name}`), inode);
    assert.deepEqual(world.names('objects'), [name]);
  });

  it('are nowhere before their bytes are synced, and unknown to the client before their name is (R-09)', async () => {
    const calls: string[] = [];
    const shown = (path: string) => (/\/\.[^/]*$/.test(path) ? 'temporary' : (path.split('/').at(-1) ?? ''));
    const disk: Disk = {
      ...realDisk,
      async create(path, mode) {
        const file = await realDisk.create(path, mode);
        calls.push(`create ${shown(path)}`);
        return {
          ...file,
          write: async (bytes) => {
            await file.write(bytes);
            calls.push('write');
          },
          sync: async () => {
            await file.sync();
            calls.push('sync');
          },
        };
      },
      async rename(path, newPath) {
        await realDisk.rename(path, newPath);
        calls.push(`rename ${shown(path)} to ${shown(newPath)}`);
      },
      async syncDirectory(path) {
        await realDisk.syncDirectory(path);
        calls.push(`sync ${shown(path)}`);
      },
    };
    const world = await storeIn(scratch(), { disk });
    calls.length = 0;
    const name = await world.put('content');
    assert.deepEqual(calls, [
      'create temporary',
      'write',
      'sync',
      `rename temporary to ${name}`,
      'sync objects',
    ]);
  });

  it('that do not fit beside the reserve are refused before a byte is read, with nothing kept', async () => {
    const disk: Disk = { ...realDisk, space: async () => ({ total: 1000, free: 100 }) };
    const { objects, names } = await storeIn(scratch(), { disk, reservedPercent: () => 5 });
    let asked = false;
    async function* body(): AsyncIterable<Uint8Array> {
      asked = true;
      yield Buffer.alloc(51);
    }
    const error = await refused(
      objects.put(sha256(Buffer.alloc(51)), body(), 51),
      'STORE_FAILED',
      /51 B wanted, 50 B available/,
    );
    assert.equal(error.fault.errno, 'ENOSPC');
    assert.ok(!asked);
    assert.deepEqual(names('objects'), []);
    await objects.put(sha256(Buffer.alloc(50)), piecesOf(Buffer.alloc(50)), 50);
  });

  it('of unknown length that turn out not to fit are refused, with nothing kept', async () => {
    const disk: Disk = { ...realDisk, space: async () => ({ total: 1000, free: 100 }) };
    const { objects, names } = await storeIn(scratch(), { disk });
    const body = piecesOf(Buffer.alloc(60), Buffer.alloc(60));
    const error = await refused(
      objects.put(sha256(Buffer.alloc(120)), body, undefined),
      'STORE_FAILED',
      /ENOSPC/,
    );
    assert.equal(error.fault.errno, 'ENOSPC');
    assert.deepEqual(names('objects'), []);
  });

  it('that an earlier life was writing are removed when the store is opened', async () => {
    const storage = scratch();
    const first = await storeIn(storage);
    const name = await first.put('content');
    writeFileSync(join(storage, 'objects', '.123-4.new'), 'half');
    await storeIn(storage);
    assert.deepEqual(readdirSync(join(storage, 'objects')), [name]);
  });

  it('of any size let others have their turn while they come', async () => {
    const { objects } = await storeIn(scratch());
    const content = Buffer.alloc(64 * 1024 * 1024, 1);
    let turns = 0;
    let over = false;
    const count = () => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    count();
    await objects.put(sha256(content), piecesOf(content), content.length);
    over = true;
    assert.ok(turns > 100, `the event loop went round ${turns} times`);
  });
});
