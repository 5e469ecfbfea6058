import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDeviceFacts } from '../../../adapters/host/device-facts.ts';
import { useScratch } from '../scratch.ts';

describe('what is known of the device (state format §12)', () => {
  const scratch = useScratch();

  it('is read from the kernel command line', () => {
    const commandLine = 'quiet pv_bootloader.dtb=acme/board.dtb pv_bootloader.ovl=a,b ro\n';
    const facts = readDeviceFacts({ commandLine, userMeta: '/nowhere', deviceMeta: '/nowhere' });
    assert.equal(facts.deviceTree, 'acme/board.dtb');
    assert.deepEqual(facts.overlays, ['a', 'b']);
    assert.equal(facts.fitConfig, undefined);
  });

  it('has metadata as files, and none outside their directory', () => {
    const storage = scratch();
    const userMeta = join(storage, 'cache/meta');
    mkdirSync(userMeta, { recursive: true });
    writeFileSync(join(userMeta, 'radio.power'), '7\n');
    writeFileSync(join(storage, 'cache/secret'), 'x');
    const facts = readDeviceFacts({ userMeta, deviceMeta: join(storage, 'cache/devmeta') });
    assert.equal(facts.userMeta('radio.power'), '7');
    assert.equal(facts.userMeta('radio'), undefined);
    assert.equal(facts.userMeta('../secret'), undefined);
    assert.equal(facts.deviceMeta('radio.power'), undefined);
    assert.equal(facts.userMeta('k'.repeat(300)), undefined);
  });
});
