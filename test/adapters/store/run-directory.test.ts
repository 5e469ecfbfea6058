import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { processStart, readBootId } from '../../../adapters/store/boot.ts';
import { openRunDirectory } from '../../../adapters/store/run-directory.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { useScratch } from '../scratch.ts';

const MODULE = pathToFileURL(join(import.meta.dirname, '../../../adapters/store/run-directory.ts')).href;
const BOOT = readBootId();

/** Another process that holds the lock of `path` until it is killed. */
async function otherSupervisor(path: string): Promise<ChildProcess> {
  const script = `
    const { openRunDirectory } = await import(${JSON.stringify(MODULE)});
    openRunDirectory(${JSON.stringify(path)}, ${JSON.stringify(BOOT)});
    process.stdout.write('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  return child;
}

describe('the run directory', () => {
  const scratch = useScratch();

  it('is made for root alone', () => {
    const path = join(scratch(), 'a', 'run');
    openRunDirectory(path, BOOT).release();
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  it('refuses a second supervisor with the pid of the first', async () => {
    const path = scratch();
    const first = await otherSupervisor(path);
    assert.throws(
      () => openRunDirectory(path, BOOT),
      (error) => {
        assert.ok(error instanceof SupervisorError);
        assert.equal(error.fault.code, 'BUSY');
        assert.match(error.message, new RegExp(`pid ${first.pid}$`));
        return true;
      },
    );
    first.kill('SIGKILL');
    await once(first, 'exit');
    openRunDirectory(path, BOOT).release();
    assert.deepEqual(readdirSync(join(path, 'lock')), []);
  });

  it('can be had again once it was given back', () => {
    const path = scratch();
    openRunDirectory(path, BOOT).release();
    openRunDirectory(path, BOOT).release();
  });

  const worthless = [
    { why: 'of a dead process', claim: `${2 ** 22 + 1}-1-${BOOT}` },
    { why: 'of a process whose pid was reused', claim: `${process.ppid}-1-${BOOT}` },
    { why: 'of another boot', claim: `${process.ppid}-${processStart(process.ppid)}-${'0'.repeat(36)}` },
    { why: 'that is none', claim: 'README' },
  ];
  for (const { why, claim } of worthless) {
    it(`takes no notice of a claim ${why}`, () => {
      const path = scratch();
      openRunDirectory(path, BOOT).release();
      writeFileSync(join(path, 'lock', claim), '');
      openRunDirectory(path, BOOT).release();
      assert.deepEqual(readdirSync(join(path, 'lock')), []);
    });
  }

  it('says why it could not be made', () => {
    const file = join(scratch(), 'file');
    writeFileSync(file, '');
    assert.throws(
      () => openRunDirectory(join(file, 'run'), BOOT),
      /locking the run directory .* failed: ENOTDIR/,
    );
  });

  it('gives up where no directory can be made', () => {
    assert.throws(
      () => openRunDirectory('/proc/nowhere/run', 'boot'),
      (error) =>
        error instanceof SupervisorError &&
        error.fault.code === 'STORE_FAILED' &&
        error.fault.errno === 'ENOENT' &&
        error.fault.fix !== undefined,
    );
  });
});
