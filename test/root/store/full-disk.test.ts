/** The store on a small file system of its own. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { useScratch } from '../../adapters/scratch.ts';
import { refused, sha256, stateOf, storeIn } from '../../adapters/store/store-world.ts';

const MEGABYTE = 1024 * 1024;

describe('the store on a small disk (control API §6.6, §11 test 20)', () => {
  const mounted: string[] = [];
  // Before the directories go, so it must stand first.
  afterEach(() => {
    for (const target of mounted.splice(0).reverse()) execFileSync('umount', [target]);
  });
  const scratch = useScratch();

  function mount(options: readonly string[], target: string): string {
    mkdirSync(target, { recursive: true });
    execFileSync('mount', [...options, target]);
    mounted.push(target);
    return target;
  }
  const smallDisk = (size: string) => mount(['-t', 'tmpfs', '-o', `size=${size}`, 'small'], scratch());

  async function* zeros(bytes: number): AsyncIterable<Uint8Array> {
    for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536));
  }

  for (const { why, length } of [
    { why: 'of known length', length: 9 * MEGABYTE },
    { why: 'of unknown length', length: undefined },
  ]) {
    it(`refuses an object ${why} that touches the reserve, and keeps nothing`, async () => {
      const storage = smallDisk('10m');
      const { objects } = await storeIn(storage, { reservedPercent: () => 20 });
      const free = statfsSync(storage).bfree;
      const put = objects.put(sha256(Buffer.alloc(9 * MEGABYTE)), zeros(9 * MEGABYTE), length);
      const { fault } = await refused(put, 'STORE_FAILED', /ENOSPC/);
      assert.equal(fault.errno, 'ENOSPC');
      assert.deepEqual(readdirSync(join(storage, 'objects')), []);
      assert.equal(statfsSync(storage).bfree, free);
      await objects.put(sha256(Buffer.alloc(7 * MEGABYTE)), zeros(7 * MEGABYTE), 7 * MEGABYTE);
    });
  }

  it('keeps nothing of an object during whose upload others filled the disk', async () => {
    const storage = smallDisk('10m');
    const { objects } = await storeIn(storage);
    async function* overtaken(): AsyncIterable<Uint8Array> {
      yield* zeros(MEGABYTE);
      writeFileSync(join(storage, 'other'), Buffer.alloc(8 * MEGABYTE));
      yield* zeros(4 * MEGABYTE);
    }
    const { fault } = await refused(
      objects.put(sha256(Buffer.alloc(5 * MEGABYTE)), overtaken(), 5 * MEGABYTE),
      'STORE_FAILED',
      /ENOSPC/,
    );
    assert.equal(fault.errno, 'ENOSPC');
    assert.deepEqual(readdirSync(join(storage, 'objects')), []);
  });

  it('leaves state and progress as they were when the disk is full', async () => {
    const storage = smallDisk('4m');
    const { revisions } = await storeIn(storage);
    await revisions.writeState('locals/a', '{"a":1}');
    await revisions.writeProgress('locals/a', { status: 'NEW', message: MESSAGES.ready, retries: 0 });
    const before = await revisions.progressText('locals/a');
    assert.throws(() => writeFileSync(join(storage, 'other'), Buffer.alloc(5 * MEGABYTE)), /ENOSPC/);
    const { text, revision } = stateOf({ 'web/run.json': '{}' });
    for (const work of [
      () => revisions.writeState('locals/a', text),
      () => revisions.install('locals/b', revision, text),
      () => revisions.writeProgress('locals/a', { status: 'DONE', message: MESSAGES.done, retries: 0 }),
    ]) {
      const { fault } = await refused(work(), 'STORE_FAILED', /ENOSPC/);
      assert.equal(fault.errno, 'ENOSPC');
    }
    assert.equal(await revisions.state('locals/a'), '{"a":1}');
    assert.equal(await revisions.progressText('locals/a'), before);
    assert.deepEqual(
      (await revisions.list()).map(({ name }) => name),
      ['locals/a'],
    );
  });

  it('does not collect revision storage that is really mounted (lifecycle §12.4, L-30)', async () => {
    const storage = smallDisk('10m');
    const { collector } = await storeIn(storage);
    const volume = join(storage, 'disks/rev/locals/a/web/my data');
    mkdirSync(volume, { recursive: true });
    mkdirSync(join(storage, 'disks/rev/locals/b/web'), { recursive: true });
    mount(['--bind', volume], join(scratch(), 'volumes/web/data'));
    const { kept } = await collector.collect(new Map());
    assert.deepEqual(kept, [{ what: 'disks/rev/locals/a', because: 'it is mounted' }]);
    assert.deepEqual(readdirSync(join(storage, 'disks/rev/locals')), ['a']);
  });
});
