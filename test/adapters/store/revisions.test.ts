import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realDisk } from '../../../adapters/store/disk.ts';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { useScratch } from '../scratch.ts';
import { refused, sha256, stateOf, storeIn } from './store-world.ts';

const READY = { status: 'NEW', message: MESSAGES.ready, retries: 0 } as const;

describe('revisions on disk (storage §1, §4)', () => {
  const scratch = useScratch();

  describe('installing', () => {
    it('links each object, so that it is the same file (§15 test 1)', async () => {
      const world = await storeIn(scratch());
      await world.install('locals/a', { 'web/root.squashfs': 'root', 'bsp/x/y/z.json': 'of an object' });
      for (const [key, content] of [
        ['web/root.squashfs', 'root'],
        ['bsp/x/y/z.json', 'of an object'],
      ] as const) {
        const object = `objects/${sha256(content)}`;
        assert.equal(world.inode(`trails/locals/a/${key}`), world.inode(object));
        assert.equal(statSync(join(world.storage, object)).nlink, 2);
      }
    });

    it('writes inline JSON byte for byte, and passes its own check (§15 test 2)', async () => {
      const world = await storeIn(scratch());
      const json = '{"a" : 1,\n"a":\t1.0e0, "\\u0041\\/":"ä" }';
      const { revision } = await world.install('locals/a', { 'web/run.json': json });
      assert.equal(world.read('trails/locals/a/web/run.json'), json);
      await world.revisions.verify('locals/a', revision);
    });

    it('expands nothing that is no file of the revision, and says where objects are (§15 tests 3, 6)', async () => {
      const world = await storeIn(scratch());
      const { text } = await world.install('locals/a', { 'web/run.json': '{}' });
      assert.deepEqual(world.names('trails/locals/a'), ['.pv', '.pvr', 'web']);
      assert.equal(world.read('trails/locals/a/.pvr/json'), text);
      assert.equal(
        world.read('trails/locals/a/.pvr/config'),
        JSON.stringify({ ObjectsDir: join(world.storage, 'objects') }),
      );
    });

    it('copies what containers may write', async () => {
      const world = await storeIn(scratch());
      await world.install('locals/a', { 'web/state.bind': 'bound', 'web/x.data/sub/f': 'data' });
      for (const [key, content] of [
        ['web/state.bind', 'bound'],
        ['web/x.data/sub/f', 'data'],
      ] as const) {
        assert.equal(world.read(`trails/locals/a/${key}`), content);
        assert.notEqual(world.inode(`trails/locals/a/${key}`), world.inode(`objects/${sha256(content)}`));
      }
    });

    it('refuses to copy an object that is not what its name says', async () => {
      const world = await storeIn(scratch());
      const id = await world.put('content');
      writeFileSync(join(world.storage, 'objects', id), 'contenT');
      const { revision, text } = stateOf({ 'web/state.bind': id });
      await refused(
        world.revisions.install('locals/a', revision, text),
        'REFUSED',
        /web\/state\.bind: the object/,
      );
      assert.deepEqual(world.names('trails/locals/a/web'), []);
      assert.deepEqual(await world.revisions.list(), []);
    });

    it('names all missing objects at once, and shows no such revision', async () => {
      const world = await storeIn(scratch());
      const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
      const { revision, text } = stateOf({ 'web/a': a, 'web/b': b, 'web/run.json': '{}' });
      const missing = /^2 objects are not in .*: web\/a \(a+\), web\/b \(b+\)$/;
      await refused(world.revisions.install('locals/a', revision, text), 'NOT_FOUND', missing);
      assert.deepEqual(await world.revisions.list(), []);
    });

    it('finishes what an earlier installation began, and takes what is there as it is', async () => {
      const world = await storeIn(scratch());
      const { revision, text } = await world.install('locals/a', {
        'web/root': 'root',
        'web/x.bind': 'bound',
        'web/run.json': '{}',
      });
      const trail = join(world.storage, 'trails/locals/a');
      for (const gone of ['web/root', 'web/run.json', '.pv/installed', '.pvr/json'])
        rmSync(join(trail, gone));
      writeFileSync(join(trail, 'web/x.bind'), 'written by the container');
      await world.revisions.install('locals/a', revision, text);
      assert.equal(world.inode('trails/locals/a/web/root'), world.inode(`objects/${sha256('root')}`));
      assert.equal(world.read('trails/locals/a/web/run.json'), '{}');
      assert.equal(world.read('trails/locals/a/web/x.bind'), 'written by the container');
      assert.equal(await world.revisions.state('locals/a'), text);
    });

    it('leaves directories to the containers whose they are, once the revision was whole', async () => {
      const world = await storeIn(scratch());
      const { revision, text } = await world.install('locals/a', { 'web/x.data/sub/f': 'data' });
      rmSync(join(world.storage, 'trails/locals/a/web/x.data/sub/f'));
      await world.revisions.install('locals/a', revision, text);
      await world.revisions.verify('locals/a', revision);
      assert.deepEqual(world.names('trails/locals/a/web/x.data/sub'), []);
    });

    it('follows no link that a container has laid in a directory of its own', async () => {
      const world = await storeIn(scratch());
      const { revision, text } = await world.install('locals/a', { 'web/x.data/sub/f': 'data' });
      const trail = join(world.storage, 'trails/locals/a');
      const host = join(world.storage, 'host');
      mkdirSync(host);
      rmSync(join(trail, 'web/x.data/sub'), { recursive: true });
      symlinkSync(host, join(trail, 'web/x.data/sub'));
      rmSync(join(trail, '.pv/installed'));
      await world.revisions.install('locals/a', revision, text);
      assert.deepEqual(world.names('host'), []);
    });

    it('replaces the files of a state that was replaced, and until then keeps them', async () => {
      const world = await storeIn(scratch());
      await world.install('0', { 'web/root': 'old', '_config/web/etc/old': 'old file', 'a.json': '{"a":1}' });
      await world.revisions.markDone('0');
      await world.revisions.writeCommitMessage('0', 'a note');
      const id = await world.put('new');
      const next = stateOf({ 'web/root': id, 'a.json': '{"a":2}' });
      await world.revisions.writeState('0', next.text);
      assert.equal(world.read('trails/0/web/root'), 'old');
      assert.equal(await world.revisions.isDone('0'), false);
      await world.revisions.install('0', next.revision, next.text);
      await world.revisions.verify('0', next.revision);
      assert.deepEqual(world.names('trails/0'), ['.pv', '.pvr', 'a.json', 'web']);
      assert.equal((await world.revisions.list())[0]?.commitMessage, 'a note');
    });

    it('links what the boot loader starts, and replaces such links (§9)', async () => {
      const world = await storeIn(scratch());
      const [linux, initrd] = [await world.put('linux'), await world.put('initrd')];
      const boot = { kind: 'kernel', linux: 'kernel.img', initrd: 'pantavisor', fdt: undefined } as const;
      const bsp = {
        boot,
        addons: ['more'],
        firmware: undefined,
        modules: undefined,
        modulesByRelease: new Map(),
      };
      const files = { 'bsp/kernel.img': linux, 'bsp/pantavisor': initrd, 'bsp/more': linux };
      const { revision, text } = stateOf(files, { bsp });
      mkdirSync(join(world.storage, 'trails/7/.pv'), { recursive: true });
      writeFileSync(join(world.storage, 'trails/7/.pv/pv-kernel.img'), 'of another time');
      await world.revisions.install('7', revision, text);
      await world.revisions.install('7', revision, text);
      for (const [asset, id] of [
        ['pv-kernel.img', linux],
        ['pv-initrd.img', initrd],
        ['pv-initrd.img.0', linux],
      ]) {
        assert.equal(world.inode(`trails/7/.pv/${asset}`), world.inode(`objects/${id}`));
      }
    });

    it('copies where the file system has no hard links, and such copies pass the check', async () => {
      const link = () => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }));
      const world = await storeIn(scratch(), { disk: { ...realDisk, link } });
      const { revision } = await world.install('locals/a', { 'web/root': 'root' });
      await world.revisions.verify('locals/a', revision);
      writeFileSync(join(world.storage, 'trails/locals/a/web/root'), 'rooT');
      await refused(world.revisions.verify('locals/a', revision), 'REFUSED', /web\/root has the SHA-256/);
    });

    it('refuses a key that leads out, and a name that is none', async () => {
      const world = await storeIn(scratch());
      const { revision, text } = stateOf({ '../../../x.json': '{}' });
      await refused(
        world.revisions.install('locals/a', revision, text),
        'REFUSED',
        /leads out of the revision/,
      );
      for (const name of ['locals/..', '..', 'current', '.pv', 'a/b', '']) {
        await refused(world.revisions.writeState(name, '{}'), 'REFUSED', /is no name of a revision/);
        await refused(world.revisions.remove(name), 'REFUSED', /is no name of a revision/);
        await refused(world.revisions.makeCurrent(name), 'REFUSED', /is no name of a revision/);
      }
      assert.deepEqual(world.names('trails'), ['locals']);
    });
  });

  describe('replacing', () => {
    it('makes another revision of a name at one stroke, without progress and mark', async () => {
      const world = await storeIn(scratch());
      await world.install('0', { 'web/root': 'old', 'web/old.json': '{}' });
      await world.revisions.writeProgress('0', READY);
      await world.revisions.markDone('0');
      const next = stateOf({ 'web/root': await world.put('new') });
      await world.revisions.replace('0', next.revision, next.text);
      await world.revisions.verify('0', next.revision);
      assert.equal(world.read('trails/0/web/root'), 'new');
      assert.deepEqual(world.names('trails/0/web'), ['root']);
      assert.deepEqual(world.names('trails'), ['0']);
      assert.equal(await world.revisions.progressText('0'), undefined);
      assert.equal(await world.revisions.isDone('0'), false);
      assert.equal(await world.revisions.state('0'), next.text);
    });

    it('leaves what was when objects are missing', async () => {
      const world = await storeIn(scratch());
      const { text } = await world.install('0', { 'web/root': 'old' });
      const next = stateOf({ 'web/root': 'a'.repeat(64) });
      await refused(world.revisions.replace('0', next.revision, next.text), 'NOT_FOUND', /web\/root/);
      assert.equal(await world.revisions.state('0'), text);
      assert.deepEqual(world.names('trails'), ['0']);
    });

    for (const cutAt of [1, 2]) {
      it(`leaves the old or the new one, whole, when it is cut off at rename ${cutAt}`, async () => {
        const storage = scratch();
        let trailRenames = 0;
        const rename = async (path: string, newPath: string) => {
          if (/trails\/[^/]*$/.test(path)) trailRenames += 1;
          if (trailRenames === cutAt) throw new Error('cut');
          await realDisk.rename(path, newPath);
        };
        const world = await storeIn(storage, { disk: { ...realDisk, rename } });
        const old = await world.install('0', { 'web/root': 'old' });
        const next = stateOf({ 'web/root': await world.put('new') });
        await assert.rejects(world.revisions.replace('0', next.revision, next.text), /cut/);
        const later = await storeIn(storage);
        const whole = cutAt === 1 ? old : next;
        assert.equal(await later.revisions.state('0'), whole.text);
        await later.revisions.verify('0', whole.revision);
        assert.deepEqual(later.names('trails'), ['0']);
      });
    }
  });
});
