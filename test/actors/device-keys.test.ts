import assert from 'node:assert/strict';
import { createDeviceKeys } from '../../actors/device-keys.ts';
import { openMetadata } from '../../actors/metadata.ts';
import type { DeviceProbe } from '../../actors/ports.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import { createFakeProbe } from '../../sim/fake-device-keys.ts';

const nothing = async () => undefined;
const files = { read: async () => [], write: nothing, writeVolatile: nothing, remove: nothing };

async function started(probe: Partial<DeviceProbe> = {}) {
  const complaints: Fault[] = [];
  const complain = (fault: Fault) => complaints.push(fault);
  const base = await openMetadata({ files, complain });
  const keys = createDeviceKeys({
    metadata: base,
    probe: { ...createFakeProbe(() => 4_200), ...probe },
    revisionName: 'locals/blue',
    status: 'STARTED',
    reservedPercent: () => 5,
    wallTime: () => 1_500,
    complain,
  });
  return { keys, base, complaints };
}

describe('the device keys of the supervisor (logs and metadata §5)', () => {
  it('stand in the list', async () => {
    const { keys } = await started();
    await keys.complete;
    const all = Object.fromEntries(keys.metadata.entries());
    assert.deepEqual(Object.keys(all).sort(), [
      'interfaces',
      'pantahub.claimed',
      'pantahub.online',
      'pantavisor.arch',
      'pantavisor.cpumodel',
      'pantavisor.dtmodel',
      'pantavisor.mode',
      'pantavisor.revision',
      'pantavisor.status',
      'pantavisor.uname',
      'pantavisor.version',
      'storage',
      'sysinfo',
      'time',
    ]);
    assert.equal(all['pantahub.claimed'], '0');
    assert.equal(all['pantahub.online'], '0');
    assert.equal(all['pantavisor.mode'], 'local');
    assert.equal(all['pantavisor.revision'], 'locals/blue');
    assert.equal(all['pantavisor.arch'], 'aarch64/64/EL');
    assert.match(all['sysinfo'] ?? '', /^\{"uptime":5,/);
    assert.match(all['time'] ?? '', /"tv_sec":1,"tv_usec":500000/);
    assert.equal(
      all['storage'],
      '{"total":1048576000,"free":734003200,"reserved":52428800,"real_free":681574400}',
    );
  });

  it('follow the status of the revision', async () => {
    const { keys } = await started();
    assert.equal(keys.metadata.get('pantavisor.status'), 'STARTED');
    keys.hear({ type: 'revision', at: 1, status: 'READY', goal: 'ACHIEVED' });
    keys.hear({ type: 'group', at: 1, name: 'app', status: 'STOPPED', goal: 'ACHIEVED' });
    assert.equal(keys.metadata.get('pantavisor.status'), 'READY');
  });

  it('look at storage and interfaces when the list is read, once for all who read at the same time (R-13)', async () => {
    let looks = 0;
    const storage = async () => {
      looks += 1;
      return { totalBytes: 100, freeBytes: 100 - looks };
    };
    const { keys } = await started({ storage });
    await keys.complete;
    assert.equal(looks, 1);
    await Promise.all([keys.metadata.refresh?.(), keys.metadata.refresh?.()]);
    assert.equal(looks, 2);
    assert.match(keys.metadata.get('storage') ?? '', /"free":98,/);
  });

  it('replace what clients wrote under their names', async () => {
    const { keys, base } = await started();
    await base.put('pantavisor.status', 'forged');
    await base.delete('storage');
    keys.hear({ type: 'revision', at: 1, status: 'STARTED', goal: 'ACHIEVED' });
    await keys.metadata.refresh?.();
    assert.equal(keys.metadata.get('pantavisor.status'), 'STARTED');
    assert.notEqual(keys.metadata.get('storage'), undefined);
  });

  it('keep what they had when the device cannot tell, and say so', async () => {
    const storage = () => Promise.reject(new SupervisorError('UNSUPPORTED', 'no storage'));
    const { keys, complaints } = await started({ storage });
    await keys.complete;
    assert.equal(keys.metadata.get('storage'), undefined);
    assert.notEqual(keys.metadata.get('interfaces'), undefined);
    assert.deepEqual(
      complaints.map(({ message }) => message),
      ['no storage'],
    );
  });
});
