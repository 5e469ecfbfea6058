import assert from 'node:assert/strict';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useScratch } from '../scratch.ts';
import { refused, sha256, storeIn } from './store-world.ts';

describe('the check of a revision (storage §12)', () => {
  const scratch = useScratch();

  it('finds a corrupt byte of an object (§15 test 31)', async () => {
    const world = await storeIn(scratch());
    const { revision } = await world.install('locals/a', { 'web/a': 'one', 'web/b': 'two' });
    writeFileSync(join(world.storage, 'objects', sha256('two')), 'twO');
    const error = await refused(
      world.revisions.verify('locals/a', revision),
      'REFUSED',
      /web\/b has the SHA-256 /,
    );
    assert.equal(error.fault.subject, 'web/b');
  });

  it('puts a missing link back, and refuses a copy in its place (§15 test 32)', async () => {
    const world = await storeIn(scratch());
    const { revision } = await world.install('locals/a', { 'web/root': 'root', 'web/x.bind': 'bound' });
    const root = join(world.storage, 'trails/locals/a/web/root');
    rmSync(root);
    rmSync(join(world.storage, 'trails/locals/a/web/x.bind'));
    await world.revisions.verify('locals/a', revision);
    assert.equal(world.inode('trails/locals/a/web/root'), world.inode(`objects/${sha256('root')}`));
    assert.equal(world.read('trails/locals/a/web/x.bind'), 'bound');
    rmSync(root);
    writeFileSync(root, 'root');
    await refused(
      world.revisions.verify('locals/a', revision),
      'REFUSED',
      /web\/root is no link to its object/,
    );
  });

  for (const { why, spoil } of [
    { why: 'changed', spoil: (path: string) => writeFileSync(path, '{ }') },
    { why: 'missing', spoil: (path: string) => rmSync(path) },
    {
      why: 'a link to the same text',
      spoil: (path: string) => {
        writeFileSync(`${path}.real`, '{}');
        rmSync(path);
        symlinkSync(`${path}.real`, path);
      },
    },
  ]) {
    it(`refuses inline JSON that is ${why} (§15 test 33)`, async () => {
      const world = await storeIn(scratch());
      const { revision } = await world.install('locals/a', { 'web/run.json': '{}' });
      spoil(join(world.storage, 'trails/locals/a/web/run.json'));
      await refused(world.revisions.verify('locals/a', revision), 'REFUSED', /web\/run\.json is /);
    });
  }

  it('leaves to dm-verity what it checks, but not its hashes (§15 test 34)', async () => {
    const world = await storeIn(scratch());
    const manifest = '{"type":"dm-verity","data_device":"root.img","hash_device":"root.hash"}';
    const { revision } = await world.install('locals/a', {
      'web/_dm/root.img.json': manifest,
      'web/root.img': 'image',
      'web/root.hash': 'hashes',
    });
    writeFileSync(join(world.storage, 'objects', sha256('image')), 'imagE');
    await world.revisions.verify('locals/a', revision);
    writeFileSync(join(world.storage, 'objects', sha256('hashes')), 'hasheS');
    await refused(world.revisions.verify('locals/a', revision), 'REFUSED', /web\/root\.hash has/);
  });

  it('names the first wrong file of the document', async () => {
    const world = await storeIn(scratch());
    const { revision } = await world.install('locals/a', { 'a.json': '{"a":1}', 'b.json': '{"b":1}' });
    for (const key of ['a.json', 'b.json']) writeFileSync(join(world.storage, 'trails/locals/a', key), '{}');
    const error = await refused(world.revisions.verify('locals/a', revision), 'REFUSED', /a\.json/);
    assert.equal(error.fault.subject, 'a.json');
  });
});
