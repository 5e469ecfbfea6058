import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployTrail, revisionId } from '../../../adapters/store/trail.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import type { Revision, RevisionFile } from '../../../machines/domain/revision.ts';
import { useScratch } from '../scratch.ts';

const ID = { root: 'a'.repeat(64), config: 'b'.repeat(64), bind: 'c'.repeat(64) };
const TEXT = '{ "#spec": "pantavisor-service-system@1" }';

function revision(files: Readonly<Record<string, string>>): Revision {
  const entries = Object.entries(files).map(([key, value]): [string, RevisionFile] => [
    key,
    /^\w{64}$/.test(value)
      ? { kind: 'object', id: value, owner: undefined }
      : { kind: 'json', text: value, owner: undefined },
  ]);
  return {
    groups: [],
    defaultGroups: true,
    containers: [],
    bsp: undefined,
    driverSections: [],
    disks: [],
    deviceVolumes: [],
    networkPools: [],
    remount: new Map(),
    files: new Map(entries),
    signatures: new Map(),
  };
}

describe('the trail of a revision (storage §1, §4)', () => {
  const scratch = useScratch();
  const name = revisionId(TEXT);

  function storageWith(...ids: readonly string[]): string {
    const storage = scratch();
    mkdirSync(join(storage, 'objects'));
    for (const id of ids) writeFileSync(join(storage, 'objects', id), `object ${id}`);
    return storage;
  }

  it('is named after the text of the state JSON', () => {
    assert.equal(name, revisionId(TEXT));
    assert.match(name, /^locals\/[0-9a-f]{12}$/);
    assert.notEqual(name, revisionId(`${TEXT} `));
  });

  it('links objects, copies what is bound writable, and writes inline JSON byte for byte', () => {
    const storage = storageWith(ID.root, ID.bind);
    const json = '{ "name" :\t"web",\n"x":"\\u0041\\/" }';
    const trail = deployTrail({
      storage,
      name,
      revision: revision({ 'web/root.squashfs': ID.root, 'web/state.bind': ID.bind, 'web/run.json': json }),
      text: TEXT,
    });
    const inode = (path: string) => statSync(path).ino;
    assert.equal(inode(join(trail, 'web/root.squashfs')), inode(join(storage, 'objects', ID.root)));
    assert.notEqual(inode(join(trail, 'web/state.bind')), inode(join(storage, 'objects', ID.bind)));
    assert.equal(readFileSync(join(trail, 'web/state.bind'), 'utf8'), `object ${ID.bind}`);
    assert.equal(readFileSync(join(trail, 'web/run.json'), 'utf8'), json);
    assert.equal(readFileSync(join(trail, '.pvr/json'), 'utf8'), TEXT);
    assert.deepEqual(JSON.parse(readFileSync(join(trail, '.pvr/config'), 'utf8')), {
      ObjectsDir: join(storage, 'objects'),
    });
  });

  it('gives a container copies of what it may write, and writes through no link of its (storage §6.1)', () => {
    const storage = storageWith(ID.bind);
    const request = { storage, name, revision: revision({ 'web/x.data/f': ID.bind }), text: TEXT };
    const trail = deployTrail(request);
    const file = join(trail, 'web/x.data/f');
    assert.notEqual(statSync(file).ino, statSync(join(storage, 'objects', ID.bind)).ino);
    rmSync(file);
    writeFileSync(join(storage, 'host'), 'of the host');
    symlinkSync(join(storage, 'host'), join(trail, 'web/x.data', `.${process.pid}.new`));
    deployTrail(request);
    assert.equal(readFileSync(file, 'utf8'), `object ${ID.bind}`);
    assert.equal(readFileSync(join(storage, 'host'), 'utf8'), 'of the host');
  });

  it('keeps what is there, and fills in what is gone', () => {
    const storage = storageWith(ID.root, ID.bind);
    const request = {
      storage,
      name,
      revision: revision({ 'web/root.squashfs': ID.root, 'web/state.bind': ID.bind }),
      text: TEXT,
    };
    const trail = deployTrail(request);
    writeFileSync(join(trail, 'web/state.bind'), 'written by the container');
    rmSync(join(trail, 'web/root.squashfs'));
    deployTrail(request);
    assert.equal(readFileSync(join(trail, 'web/state.bind'), 'utf8'), 'written by the container');
    assert.ok(existsSync(join(trail, 'web/root.squashfs')));
  });

  it('names all missing objects at once, and places nothing', () => {
    const storage = storageWith(ID.root);
    const files = {
      'web/root.squashfs': ID.root,
      'web/lxc.container.conf': ID.config,
      'web/x.bind': ID.bind,
    };
    assert.throws(
      () => deployTrail({ storage, name, revision: revision(files), text: TEXT }),
      (error) => {
        assert.ok(error instanceof SupervisorError);
        assert.equal(error.fault.code, 'NOT_FOUND');
        assert.match(
          error.message,
          /^2 objects are not in .*objects: web\/lxc\.container\.conf \(b+\), web\/x\.bind \(c+\)$/,
        );
        return true;
      },
    );
    assert.ok(!existsSync(join(storage, 'trails')));
  });

  it('refuses a key that leads out of it', () => {
    const storage = storageWith();
    const files = { '../../../etc/passwd.json': '{}' };
    assert.throws(
      () => deployTrail({ storage, name, revision: revision(files), text: TEXT }),
      /leads out of the revision/,
    );
  });

  it('says which file could not be written, and why', () => {
    const storage = storageWith();
    const files = { 'web/run.json': '{}', 'web/run.json/deeper.json': '{}' };
    assert.throws(
      () => deployTrail({ storage, name, revision: revision(files), text: TEXT }),
      /(writing|looking at) .*deeper\.json failed: (ENOTDIR|EEXIST)/,
    );
  });
});
