import assert from 'node:assert/strict';
import { readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, realDisk } from '../../../adapters/store/disk.ts';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { useScratch } from '../scratch.ts';
import { refused, storeIn } from './store-world.ts';

const READY = { status: 'NEW', message: MESSAGES.ready, retries: 0 } as const;

describe('records of revisions (storage §1, §2, §4)', () => {
  const scratch = useScratch();

  it('are listed: root revisions in byte order, then local ones (control API §6.7)', async () => {
    const world = await storeIn(scratch());
    for (const name of ['locals/b', '10', 'locals/a', '9']) await world.revisions.writeState(name, '{}');
    await world.revisions.writeCommitMessage('locals/a', 'say "hi"\n');
    await world.revisions.writeProgress('locals/a', READY);
    await world.revisions.makeCurrent('9');
    await world.revisions.writeProgress('locals/c', READY);
    const steps = await world.revisions.list();
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['10', '9', 'locals/a', 'locals/b'],
    );
    assert.deepEqual(
      { ...steps[2], at: 0 },
      {
        name: 'locals/a',
        at: 0,
        commitMessage: 'say "hi"\n',
        progress: '{"status":"NEW","status-msg":"Update ready to be run","progress":0,"retries":0}',
      },
    );
    assert.equal(steps[2]?.at, Math.floor(statSync(join(world.storage, 'trails/locals/a')).mtimeMs));
    assert.equal(steps[0]?.progress, undefined);
  });

  it('of no revision are undefined', async () => {
    const { revisions } = await storeIn(scratch());
    assert.equal(await revisions.state('7'), undefined);
    assert.equal(await revisions.progress('7'), undefined);
    assert.equal(await revisions.isDone('7'), false);
    assert.equal(await revisions.current(), undefined);
    await revisions.remove('7');
  });

  it('name the current revision by relative links, local ones too (§15 test 5)', async () => {
    const world = await storeIn(scratch());
    for (const name of ['locals/x', '0', '0', 'locals/x']) {
      await world.revisions.makeCurrent(name);
      assert.equal(readlinkSync(join(world.storage, 'trails/current')), name);
      assert.equal(readlinkSync(join(world.storage, 'logs/current')), name);
      assert.equal(await world.revisions.current(), name);
    }
  });

  it('are replaced whole: a write that is cut off leaves what was (§15 test 45)', async () => {
    let broken = false;
    const disk: Disk = {
      ...realDisk,
      async create(path, mode) {
        const file = await realDisk.create(path, mode);
        return {
          ...file,
          write: async (bytes) => {
            await file.write(broken ? bytes.subarray(0, 3) : bytes);
            if (broken) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
          },
        };
      },
    };
    const world = await storeIn(scratch(), { disk });
    await world.revisions.writeState('locals/a', '{"a":1}');
    await world.revisions.writeProgress('locals/a', READY);
    broken = true;
    for (const work of [
      () => world.revisions.writeState('locals/a', '{"a":2}'),
      () => world.revisions.writeProgress('locals/a', { ...READY, status: 'DONE' }),
    ]) {
      const { fault } = await refused(
        work(),
        'STORE_FAILED',
        /writing the .* of revision locals\/a failed: ENOSPC/,
      );
      assert.equal(fault.errno, 'ENOSPC');
    }
    assert.equal(await world.revisions.state('locals/a'), '{"a":1}');
    assert.deepEqual(await world.revisions.progress('locals/a'), READY);
    assert.deepEqual(world.names('trails/locals/a/.pvr'), ['json']);
  });

  it('of a state that does not fit beside the reserve are not begun', async () => {
    const disk: Disk = { ...realDisk, space: async () => ({ total: 1000, free: 60 }) };
    const world = await storeIn(scratch(), { disk, reservedPercent: () => 6 });
    const { fault } = await refused(world.revisions.writeState('locals/a', '{}'), 'STORE_FAILED', /ENOSPC/);
    assert.equal(fault.errno, 'ENOSPC');
    assert.deepEqual(world.names('trails'), []);
    await world.revisions.writeProgress('locals/a', READY);
  });

  it('written at once are written in their order', async () => {
    const { revisions } = await storeIn(scratch());
    const retries = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(retries.map((each) => revisions.writeProgress('0', { ...READY, retries: each })));
    assert.equal((await revisions.progress('0'))?.retries, 19);
  });

  describe('error lines (§2, logs and metadata §3)', () => {
    const ERROR = { status: 'ERROR', message: MESSAGES.goalMissed, retries: 0 } as const;
    const line = (msg: string) =>
      JSON.stringify({ tsec: 1, tnano: 0, platform: 'x', lvl: 'ERROR', src: 's', msg });

    it('of the update become part of its last progress record', async () => {
      const { revisions } = await storeIn(scratch());
      revisions.errorSink(line('before'));
      revisions.recordErrors('locals/a');
      revisions.errorSink(line('one'));
      revisions.errorSink(line('two\nlines'));
      await revisions.keepErrors('locals/a');
      await revisions.writeProgress('locals/a', ERROR);
      assert.equal((await revisions.progress('locals/a'))?.logs, `${line('one')}\n${line('two\nlines')}\n`);
    });

    it('survive the end of the supervisor, and are followed by those of the next', async () => {
      const storage = scratch();
      const first = await storeIn(storage);
      first.revisions.recordErrors('locals/a');
      first.revisions.errorSink(line('one'));
      await first.revisions.writeProgress('locals/a', READY);
      const second = await storeIn(storage);
      second.revisions.recordErrors('locals/a');
      second.revisions.errorSink(line('two'));
      await second.revisions.keepErrors('locals/a');
      assert.equal(second.read('trails/locals/a/.pv/logs'), `${line('one')}\n${line('two')}\n`);
    });

    it('are the first whole ones of 4096 bytes', async () => {
      const world = await storeIn(scratch());
      world.revisions.recordErrors('0');
      for (let count = 0; count < 100; count += 1) world.revisions.errorSink(line('ä'.repeat(40)));
      await world.revisions.keepErrors('0');
      const kept = world.read('trails/0/.pv/logs');
      const size = Buffer.byteLength(`${line('ä'.repeat(40))}\n`);
      assert.equal(Buffer.byteLength(kept), Math.floor(4096 / size) * size);
    });

    it('of an earlier attempt are not those of the next', async () => {
      const { revisions } = await storeIn(scratch());
      revisions.recordErrors('0');
      revisions.errorSink(line('one'));
      await revisions.keepErrors('0');
      revisions.recordErrors(undefined);
      revisions.recordErrors('0');
      await revisions.keepErrors('0');
      await revisions.writeProgress('0', ERROR);
      assert.equal((await revisions.progress('0'))?.logs, undefined);
    });
  });
});
