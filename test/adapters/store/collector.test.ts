import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realDisk } from '../../../adapters/store/disk.ts';
import { inUseBy } from '../../../adapters/store/mounted.ts';
import type { StoreOptions } from '../../../adapters/store/store.ts';
import { useScratch } from '../scratch.ts';
import { piecesOf, type StoreWorld, sha256, storeIn } from './store-world.ts';

const ROOTS = new Map([['locals/b', 'it is running']]);
const ONLY_A = 'only a has it';

describe('garbage collection (storage §11)', () => {
  const scratch = useScratch();

  /** Revisions 0 and locals/a, which may go, and locals/b; an object that no revision has. */
  async function littered(options: Partial<StoreOptions> = {}): Promise<StoreWorld> {
    const storage = scratch();
    const world = await storeIn(storage, options);
    await world.install('0', { 'web/root': 'shared' });
    await world.install('locals/a', { 'web/root': ONLY_A, 'web/run.json': '{}' });
    await world.install('locals/b', { 'web/root': 'shared', 'web/x.bind': 'bound' });
    await world.revisions.makeCurrent('locals/b');
    await world.put('loose');
    for (const path of [
      'logs/locals/a/f',
      'logs/locals/b/f',
      'disks/rev/locals/a/web/f',
      'disks/perm/web/f',
    ]) {
      mkdirSync(join(storage, path, '..'), { recursive: true });
      writeFileSync(join(storage, path), '');
    }
    return world;
  }
  const has = (world: StoreWorld, path: string) => existsSync(join(world.storage, path));

  it('keeps the roots, and removes the other revisions with logs and revision storage (§15 tests 26, 27)', async () => {
    const world = await littered();
    await world.collector.collect(ROOTS);
    assert.deepEqual(world.names('trails'), ['current', 'locals']);
    assert.deepEqual(world.names('trails/locals'), ['b']);
    assert.deepEqual(world.names('logs/locals'), ['b']);
    assert.deepEqual(world.names('disks/rev/locals'), []);
    assert.ok(has(world, 'disks/perm/web/f'));
  });

  it('removes objects that nothing names, and counts their bytes (§15 test 28)', async () => {
    const world = await littered();
    const { reclaimed, removed } = await world.collector.collect(ROOTS);
    assert.equal(reclaimed, ONLY_A.length + 'loose'.length);
    assert.deepEqual(world.names('objects'), [sha256('shared'), sha256('bound')].sort());
    assert.ok(removed.includes(`objects/${sha256('loose')}`) && removed.includes('trails/locals/a'));
  });

  it('keeps what a root needs although nothing is linked to it: copies, and an installation to come', async () => {
    const world = await littered();
    rmSync(join(world.storage, 'trails/locals/b/web'), { recursive: true });
    await world.collector.collect(ROOTS);
    assert.deepEqual(world.names('objects'), [sha256('shared'), sha256('bound')].sort());
  });

  it('keeps objects with other names, and dot entries', async () => {
    const world = await littered();
    const loose = join(world.storage, 'objects', sha256('loose'));
    linkSync(loose, join(world.storage, 'elsewhere'));
    writeFileSync(join(world.storage, 'objects/.hidden'), '');
    mkdirSync(join(world.storage, 'trails/.hidden'));
    const { kept } = await world.collector.collect(ROOTS);
    const because = 'it has another name in the file system';
    assert.deepEqual(
      kept.find(({ what }) => what.endsWith(sha256('loose'))),
      { what: `objects/${sha256('loose')}`, because },
    );
    assert.ok(has(world, 'objects/.hidden') && has(world, 'trails/.hidden'));
  });

  it('only says what would go, when that is asked, and why each thing stays', async () => {
    const world = await littered();
    const told = await world.collector.collect(ROOTS, { dryRun: true });
    assert.ok(has(world, 'trails/locals/a') && has(world, `objects/${sha256('loose')}`));
    assert.deepEqual(await world.collector.collect(ROOTS), told);
    assert.deepEqual(told.kept.slice(0, 1), [{ what: 'trails/locals/b', because: 'it is running' }]);
    assert.deepEqual(
      new Set(told.kept.slice(1).map(({ because }) => because)),
      new Set(['revision locals/b needs it']),
    );
  });

  it('takes nothing that an upload under way needs', async () => {
    const world = await littered();
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const [existing, coming] = [sha256(ONLY_A), sha256('coming')];
    async function* slow(text: string): AsyncIterable<Uint8Array> {
      yield Buffer.from(text.slice(0, 3));
      await gate;
      yield Buffer.from(text.slice(3));
    }
    const puts = [
      world.objects.put(existing, slow(ONLY_A), undefined),
      world.objects.put(coming, slow('coming'), undefined),
    ];
    const { kept } = await world.collector.collect(ROOTS);
    release();
    await Promise.all(puts);
    for (const id of [existing, coming, sha256('loose')]) assert.ok(has(world, `objects/${id}`), id);
    assert.deepEqual(
      kept.find(({ what }) => what.endsWith(sha256('loose'))),
      { what: `objects/${sha256('loose')}`, because: 'an upload is under way' },
    );
    await world.collector.collect(ROOTS);
    assert.ok(!has(world, `objects/${coming}`));
  });

  it('forgets after ten minutes what came before an upload under way', async () => {
    let now = 0;
    const world = await littered({ now: () => now });
    now = 600_001;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncIterable<Uint8Array> {
      await gate;
      yield Buffer.from('coming');
    }
    const put = world.objects.put(sha256('coming'), slow(), 6);
    await world.collector.collect(ROOTS);
    release();
    await put;
    assert.ok(!has(world, `objects/${sha256('loose')}`));
  });

  it('and an installation wait for each other', async () => {
    const world = await littered();
    const [installed] = await Promise.all([
      world.install('locals/c', { 'web/root': 'of c' }),
      world.collector.collect(new Map([...ROOTS, ['locals/c', 'an update is under way']])),
    ]);
    await world.revisions.install('locals/c', installed.revision, installed.text);
    await world.revisions.verify('locals/c', installed.revision);
  });

  it('keeps what is mounted, and the trail a container has files of (lifecycle §12.4, L-30)', async () => {
    const mounts: string[] = ['1 0 8:1 / / rw - ext4 /dev/sda rw'];
    const world = await littered({ inUse: async () => inUseBy(mounts.join('\n')) });
    mounts.push(`2 1 8:1 ${world.storage}/disks/rev/locals/a/web /volumes/web/data rw - ext4 /dev/sda rw`);
    const first = await world.collector.collect(ROOTS);
    assert.ok(has(world, 'disks/rev/locals/a/web/f') && !has(world, 'trails/locals/a'));
    assert.ok(
      first.kept.some(({ what, because }) => what === 'disks/rev/locals/a' && because === 'it is mounted'),
    );

    mounts.pop();
    await world.install('locals/c', { 'web/x.bind': 'c' });
    mounts.push(
      `2 1 8:1 ${world.storage}/trails/locals/c/web/x.bind /volumes/web/x.bind rw - ext4 /dev/sda rw`,
    );
    const second = await world.collector.collect(ROOTS);
    assert.ok(!has(world, 'disks/rev/locals/a') && has(world, 'trails/locals/c/web/x.bind'));
    assert.ok(second.removed.includes('disks/rev/locals/a'));
  });

  it('goes on when something cannot be removed, and says so', async () => {
    const removeTree = async (path: string) => {
      if (path.endsWith('.removed-a')) throw Object.assign(new Error('immutable'), { code: 'EPERM' });
      await realDisk.removeTree(path);
    };
    const complaints: string[] = [];
    const complain = ({ message }: { message: string }) => complaints.push(message);
    const world = await littered({ disk: { ...realDisk, removeTree }, complain });
    const { kept } = await world.collector.collect(ROOTS);
    assert.deepEqual(
      kept.find(({ what }) => what === 'trails/locals/a'),
      { what: 'trails/locals/a', because: 'it could not be removed: EPERM' },
    );
    assert.ok(!has(world, 'trails/0'));
    await storeIn(world.storage, { disk: { ...realDisk, removeTree }, complain });
    assert.match(complaints.join(), /removing .*locals\/a failed: EPERM/);
  });

  for (const { percent, reserved, realFree } of [
    { percent: 0, reserved: 0, realFree: 333 },
    { percent: 5, reserved: 50, realFree: 283 },
    { percent: 100, reserved: 1001, realFree: 0 },
  ]) {
    it(`counts space with a reserve of ${percent} % (§15 test 30)`, async () => {
      const disk = { ...realDisk, space: async () => ({ total: 1001, free: 333 }) };
      const { collector } = await storeIn(scratch(), { disk, reservedPercent: () => percent });
      assert.deepEqual(await collector.space(), { total: 1001, free: 333, reserved, realFree });
    });
  }

  it('finds an object again that was put while it ran', async () => {
    const world = await littered();
    const name = sha256('late');
    await Promise.all([world.collector.collect(ROOTS), world.objects.put(name, piecesOf('late'), 4)]);
    assert.ok(has(world, `objects/${name}`));
  });
});
