import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createDeviceProbe } from '../../../adapters/host/device-keys.ts';

describe('looking at the device (logs and metadata §5)', () => {
  const probe = createDeviceProbe({ storage: '/tmp', version: '1.2.3' });
  const said = (...argv: readonly [string, ...string[]]) =>
    execFileSync(argv[0], argv.slice(1), { encoding: 'utf8' }).trim();

  it('tells what uname tells', async () => {
    const device = await probe.identity();
    assert.equal(device.version, '1.2.3');
    assert.equal(device.kernelName, said('uname', '-s'));
    assert.equal(device.kernelRelease, said('uname', '-r'));
    assert.equal(device.kernelVersion, said('uname', '-v'));
    assert.equal(device.nodeName, said('uname', '-n'));
    assert.equal(device.machine, said('uname', '-m'));
    assert.equal(device.bits, Number(said('getconf', 'LONG_BIT')));
    assert.match(device.arch, /^\w+$/);
    assert.doesNotMatch(device.deviceTreeModel, /\0/);
  });

  it('tells memory in bytes and loads in fixed point', async () => {
    const info = await probe.sysinfo();
    assert.equal(info.unitBytes, 1);
    assert.ok(info.totalRam > info.freeRam && info.freeRam > 0);
    assert.equal(info.totalRam % 1024, 0);
    assert.ok(info.uptimeSeconds > 0 && info.processes > 0);
    for (const number of [...info.loads, ...Object.values(info).flat()]) {
      assert.ok(Number.isSafeInteger(number), JSON.stringify(info));
    }
  });

  it('tells the space of the storage', async () => {
    const { totalBytes, freeBytes } = await probe.storage();
    const [blocks, size] = said('stat', '-f', '-c', '%b %S', '/tmp').split(' ').map(Number);
    assert.equal(totalBytes, (blocks ?? 0) * (size ?? 0));
    assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
  });

  it('tells all interfaces, also those without an address', async () => {
    const interfaces = await probe.interfaces();
    assert.deepEqual(interfaces.map(({ name }) => name).sort(), readdirSync('/sys/class/net').sort());
    const lo = interfaces.find(({ name }) => name === 'lo');
    assert.deepEqual(lo?.ipv4, ['127.0.0.1']);
  });

  it('says what it could not look at', async () => {
    const blind = createDeviceProbe({ storage: '/nowhere', version: '1' });
    await assert.rejects(blind.storage(), /looking at the space of \/nowhere failed: ENOENT/);
  });
});
