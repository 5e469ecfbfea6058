/** The watchdog's device file, on a plain file and on a FIFO: what is written to it, and what it is asked. */

import assert from 'node:assert/strict';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../adapters/host/exec.ts';
import { buildNative } from '../../../adapters/host/native/build.ts';
import { loadNative } from '../../../adapters/host/native/load.ts';
import { createWatchdog, type WatchdogOptions } from '../../../adapters/host/watchdog.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import { ROOT } from '../../support/sources.ts';
import { useScratch } from '../scratch.ts';

/** A device that takes any timeout, and notes which. */
function askedNative(answer: (seconds: number) => number = (seconds) => seconds) {
  const asked: number[] = [];
  const setWatchdogTimeout = (_: number, seconds: number) => {
    asked.push(seconds);
    return answer(seconds);
  };
  return { asked, native: { setWatchdogTimeout } };
}

function watchdogOn(device: string, native: WatchdogOptions['native']) {
  const complaints: Fault[] = [];
  const watchdog = createWatchdog({
    device,
    timeoutS: 15,
    native,
    complain: (fault) => complaints.push(fault),
  });
  return { watchdog, told: () => complaints.map(({ message }) => message) };
}

describe('the device of the watchdog (logs and metadata §10)', () => {
  const scratch = useScratch();

  it('gets its timeout, a byte with each kick, and V with the closing', () => {
    const device = join(scratch(), 'watchdog');
    writeFileSync(device, '');
    const { asked, native } = askedNative();
    const { watchdog, told } = watchdogOn(device, native);
    watchdog.open();
    watchdog.kick();
    watchdog.kick();
    watchdog.close();
    watchdog.kick();
    assert.deepEqual([readFileSync(device, 'latin1'), asked, told()], ['\0\0V', [15], []]);
  });

  it('is opened once, and once more after it was closed', () => {
    const device = join(scratch(), 'watchdog');
    writeFileSync(device, '');
    const { asked, native } = askedNative();
    const { watchdog } = watchdogOn(device, native);
    watchdog.open();
    watchdog.open();
    watchdog.close();
    watchdog.open();
    watchdog.close();
    assert.deepEqual(asked, [15, 15]);
  });

  it('that is not there is complained of once, and not made (test idea 39)', () => {
    const device = join(scratch(), 'watchdog');
    const { watchdog, told } = watchdogOn(device, askedNative().native);
    for (let time = 0; time < 2; time += 1) {
      watchdog.open();
      watchdog.kick();
      watchdog.close();
    }
    assert.deepEqual(told(), [`opening the watchdog ${device} failed: ENOENT`]);
    assert.ok(!existsSync(device));
  });

  it('that chooses another timeout is told of', () => {
    const device = join(scratch(), 'watchdog');
    writeFileSync(device, '');
    const { watchdog, told } = watchdogOn(device, askedNative(() => 10).native);
    watchdog.open();
    watchdog.close();
    assert.match(told().join(), /was to be set to 15 s and has set itself to 10 s/);
  });

  it('keeps the timeout it has without the addon', () => {
    const device = join(scratch(), 'watchdog');
    writeFileSync(device, '');
    const { watchdog, told } = watchdogOn(device, undefined);
    watchdog.open();
    watchdog.kick();
    watchdog.close();
    assert.match(told().join(), /keeps its own timeout/);
    assert.equal(readFileSync(device, 'latin1'), '\0V');
  });

  it('nothing waits for one that takes nothing', async () => {
    const device = join(scratch(), 'fifo');
    await run('mkfifo', [device]);
    const reader = openSync(device, constants.O_RDWR | constants.O_NONBLOCK);
    const { watchdog, told } = watchdogOn(device, askedNative().native);
    watchdog.open();
    for (let time = 0; time < 70_000; time += 1) watchdog.kick();
    assert.deepEqual(told(), [`kicking the watchdog ${device} failed: EAGAIN`]);
    const taken = Buffer.alloc(65_536);
    assert.equal(readSync(reader, taken), 65_536);
    watchdog.close();
    assert.equal(readSync(reader, taken), 1);
    assert.equal(taken.toString('latin1', 0, 1), 'V');
    closeSync(reader);
  });

  it('is asked by the addon: what is no watchdog says so', async function () {
    this.timeout(60_000);
    await buildNative(ROOT);
    const native = loadNative(ROOT);
    assert.ok(native.ok, native.ok ? '' : native.reason);
    const device = join(scratch(), 'watchdog');
    writeFileSync(device, '');
    const { watchdog, told } = watchdogOn(device, native.value);
    watchdog.open();
    watchdog.close();
    assert.deepEqual(told(), [`setting the watchdog ${device} to 15 s failed: ENOTTY`]);
  });
});
