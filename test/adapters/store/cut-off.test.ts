import assert from 'node:assert/strict';
import { type Disk, realDisk } from '../../../adapters/store/disk.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { useScratch } from '../scratch.ts';
import { type StoreWorld, sha256, stateOf, storeIn } from './store-world.ts';

/** The real one, but nothing is synced: a process that ends loses nothing by that, and the test is fast. */
const UNSYNCED: Disk = {
  ...realDisk,
  async create(path, mode) {
    return { ...(await realDisk.create(path, mode)), sync: () => Promise.resolve() };
  },
  syncDirectory: () => Promise.resolve(),
};

/** A disk that goes away at change `last`, which is made by half at most, and the count of changes made. */
function mortal(last: number): { readonly disk: Disk; readonly changes: () => number } {
  let changes = 0;
  const change = <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      changes += 1;
      if (changes >= last) throw new Error('cut off');
      return work(...args);
    };
  };
  const { link, rename, unlink, symlink, mkdir, removeTree, syncDirectory } = UNSYNCED;
  const create = change(async (path: string, mode: number) => {
    const file = await UNSYNCED.create(path, mode);
    return { write: change(file.write), sync: change(file.sync), close: file.close };
  });
  const changing = { link, rename, unlink, symlink, mkdir, removeTree, syncDirectory };
  const cut = Object.fromEntries(
    Object.entries(changing).map(([name, work]) => [
      name,
      change(work as (...args: unknown[]) => Promise<void>),
    ]),
  ) as Pick<Disk, keyof typeof changing>;
  return { disk: { ...UNSYNCED, ...cut, create }, changes: () => changes };
}

const OLD = stateOf({ 'web/root': sha256('old'), 'web/x.bind': sha256('bound'), 'web/run.json': '{"v": 1}' });
const NEW = stateOf({ 'web/root': sha256('new'), 'db/root': sha256('old'), 'web/run.json': '{"v": 2}' });
const DONE = { status: 'DONE', message: MESSAGES.done, retries: 0 } as const;

/** Everything that an update asks of the store, in its order; each step may have been made before. */
async function update(world: StoreWorld): Promise<void> {
  const { revisions, collector } = world;
  for (const content of ['old', 'bound', 'new']) await world.put(content);
  await revisions.writeState('locals/a', OLD.text);
  await revisions.install('locals/a', OLD.revision, OLD.text);
  await revisions.writeState('locals/a', NEW.text);
  await revisions.install('locals/a', NEW.revision, NEW.text);
  await revisions.verify('locals/a', NEW.revision);
  await revisions.replace('0', NEW.revision, NEW.text);
  await revisions.makeCurrent('locals/a');
  await revisions.writeProgress('locals/a', DONE);
  await revisions.markDone('locals/a');
  await collector.collect(new Map([['locals/a', 'it is running']]));
}

/** The points of one test take a few seconds. */
const PARTS = 6;

describe('a store whose supervisor ends in the middle of a change (R-09)', () => {
  const scratch = useScratch();

  for (let part = 1; part <= PARTS; part += 1) {
    it(`is finished by the next one, wherever that was: change ${part} and every ${PARTS}th after it`, async () => {
      const whole = mortal(Number.POSITIVE_INFINITY);
      await update(await storeIn(scratch(), { disk: whole.disk }));
      const points = whole.changes();
      assert.ok(points > 80, `only ${points} changes`);
      for (let point = part; point <= points; point += PARTS) await dieAt(point, scratch());
    });
  }
});

async function dieAt(point: number, storage: string): Promise<void> {
  const { disk } = mortal(point);
  await assert.rejects(storeIn(storage, { disk }).then(update), /cut off/, `point ${point}`);
  const next = await storeIn(storage, { disk: UNSYNCED });
  for (const { name } of await next.revisions.list()) {
    const text = await next.revisions.state(name);
    assert.ok(text === OLD.text || text === NEW.text, `point ${point}: ${name} has half a state`);
    const { revision } = text === OLD.text ? OLD : NEW;
    await next.revisions.install(name, revision, text).catch(onlyMissing);
  }
  await update(next);
  assert.deepEqual(next.names('objects'), [sha256('new'), sha256('old')].sort(), `point ${point}`);
  assert.deepEqual(next.names('trails'), ['current', 'locals'], `point ${point}`);
  assert.deepEqual(next.names('trails/locals/a/.pv'), ['done', 'installed', 'progress'], `point ${point}`);
  assert.equal(next.read('trails/locals/a/.pvr/json'), NEW.text);
}

/** A collection that had begun may have taken objects of what it was to remove. */
function onlyMissing(error: unknown): void {
  if (!(error instanceof SupervisorError && error.fault.code === 'NOT_FOUND')) throw error;
}
