/** The kernel's wake lock, on a stand-in for its directory in sysfs. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWakeLock } from '../../../adapters/host/wake-locks.ts';
import { useScratch } from '../scratch.ts';

describe('the wake lock (logs and metadata §12, test idea 40)', () => {
  const scratch = useScratch();

  it('writes its name to wake_lock, then to wake_unlock', () => {
    const directory = scratch();
    for (const file of ['wake_lock', 'wake_unlock']) writeFileSync(join(directory, file), '');
    const shown = () =>
      ['wake_lock', 'wake_unlock'].map((file) => readFileSync(join(directory, file), 'utf8'));
    const lock = createWakeLock(directory);
    assert.equal(lock.lock(), true);
    assert.deepEqual(shown(), ['pantavisor', '']);
    assert.equal(lock.unlock(), true);
    assert.deepEqual(shown(), ['pantavisor', 'pantavisor']);
  });

  it('is not there when the kernel has none, and makes no file', () => {
    const directory = scratch();
    const lock = createWakeLock(directory);
    assert.deepEqual([lock.lock(), lock.unlock()], [false, false]);
    assert.ok(!existsSync(join(directory, 'wake_lock')));
  });

  it('is not there without the directory', () => {
    assert.equal(createWakeLock(join(scratch(), 'none')).lock(), false);
  });

  it('is not there when it cannot be written', () => {
    const directory = scratch();
    mkdirSync(join(directory, 'wake_lock'));
    assert.equal(createWakeLock(directory).lock(), false);
  });
});
