/** Verified images without a handler script (state format §9.4): manifests, names and mounts are real; the verification is,
 *  where this kernel lacks it, a program that stands for `veritysetup`. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { runVerity } from '../../../adapters/host/verity.ts';
import { fakeMapper } from './fake-mapper.ts';
import { faultOf, image, NEVER, UPPER, useMounterWorld, web } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

const HASH = 'ab'.repeat(32);
const MANIFEST = {
  type: 'dm-verity',
  data_device: 'root.squashfs',
  hash_device: 'root.squashfs.hash',
  root_hash: HASH,
  salt: 'cd',
};

describe('verified images', () => {
  const { device, mounter, ready, at, read } = useMounterWorld('native');
  const manifest = (text: string) => device().write('storage/trails/r1/web/_dm/root.squashfs.json', text);
  const verity = (action: string, ...more: string[]) => {
    const { searchPath, mapper } = fakeMapper(device().root);
    const args = [action, at('storage/trails/r1/web/root.squashfs'), 'web', 'root.squashfs', ...more];
    return runVerity(device().layout, args, { searchPath, mapper });
  };

  it('are opened under their own name, mounted read-only, and closed', async () => {
    ready();
    manifest(JSON.stringify(MANIFEST));
    device().write('storage/trails/r1/web/root.squashfs.hash', 'hashes');
    device().write('volumes/web/root.squashfs/x', '');
    await verity('mount');
    const trail = '/storage/trails/r1/web';
    const open = `veritysetup open ${trail}/root.squashfs pv--dmverity--web-root ${trail}/root.squashfs.hash ${HASH}`;
    assert.equal(fakeMapper(device().root).calls()[0], open);
    assert.equal(read('volumes/web/root.squashfs/etc/name'), 'image');
    await verity('umount');
    assert.deepEqual(device().traces(), UNTOUCHED);
    assert.deepEqual(readdirSync(at('mapper')), ['control']);
    await verity('umount');
  });

  it('that were only opened, by a supervisor that died, are opened anew', async () => {
    ready();
    manifest(JSON.stringify(MANIFEST));
    device().write('storage/trails/r1/web/root.squashfs.hash', 'hashes');
    device().write('volumes/web/root.squashfs/x', '');
    await verity('mount');
    execFileSync('umount', [at('volumes/web/root.squashfs')]);
    await verity('mount');
    assert.equal(read('volumes/web/root.squashfs/etc/name'), 'image');
    await verity('umount');
    assert.deepEqual(device().traces(), UNTOUCHED);
  });

  it('are closed again when they cannot be mounted', async () => {
    ready();
    manifest(JSON.stringify(MANIFEST));
    device().write('storage/trails/r1/web/root.squashfs.hash', 'hashes');
    assert.match((await faultOf(verity('mount'))).message, /^verified image "root\.squashfs" of web: mount /);
    assert.deepEqual(readdirSync(at('mapper')), ['control']);
  });

  for (const { why, text, says } of [
    { why: 'no JSON', text: '{', says: /JSON/ },
    {
      why: 'another type',
      text: JSON.stringify({ ...MANIFEST, type: 'x' }),
      says: /its type is "x", not "dm-verity"/,
    },
    {
      why: 'a file outside',
      text: JSON.stringify({ ...MANIFEST, data_device: '../a' }),
      says: /"data_device": the path contains "\.\."/,
    },
    {
      why: 'an option as hash',
      text: JSON.stringify({ ...MANIFEST, root_hash: '--x' }),
      says: /"root_hash" is no hash/,
    },
  ]) {
    it(`with ${why} in the manifest are refused`, async () => {
      manifest(text);
      const fault = await faultOf(verity('mount'));
      assert.match(fault.message, /the manifest .*_dm\/root\.squashfs\.json cannot be followed/);
      assert.match(fault.message, says);
    });
  }

  it('in a container without the handler script: the mounter says what is missing', async () => {
    ready();
    const mount = () => mounter().mount(web({ volumes: [UPPER, image('root.squashfs', 'dm')] }), NEVER);
    assert.match((await faultOf(mount())).message, /the manifest .* cannot be followed: it cannot be read/);
    manifest(JSON.stringify(MANIFEST));
    const fault = await faultOf(mount());
    assert.match(
      fault.message,
      /verified image "root\.squashfs" of web: (this kernel has no device mapper|.*veritysetup)/,
    );
    assert.deepEqual(device().traces(), UNTOUCHED);
  });
});
