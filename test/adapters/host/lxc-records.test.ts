import assert from 'node:assert/strict';
import { type CgroupKind, cgroupKind, parseCgroupMounts } from '../../../adapters/host/cgroups.ts';
import { parseEvents } from '../../../adapters/host/lxc-events.ts';
import { exitOf, readTraces } from '../../../adapters/host/lxc-log.ts';

describe('LXC’s events', () => {
  function record(type: number, name: string, value: number): Buffer {
    const bytes = Buffer.alloc(264);
    new Int32Array(bytes.buffer, bytes.byteOffset, 1)[0] = type;
    bytes.write(name, 4);
    new Int32Array(bytes.buffer, bytes.byteOffset + 260, 1)[0] = value;
    return bytes;
  }

  it('are cut out of bytes wherever these end', () => {
    const bytes = Buffer.concat([
      record(0, 'web', 2),
      record(2, 'web', 7 << 8),
      record(9, 'x', 0),
      record(0, 'db', 0),
    ]);
    for (const cut of [0, 1, 263, 264, 265, 800, bytes.length]) {
      const first = parseEvents(bytes.subarray(0, cut));
      const second = parseEvents(Buffer.concat([first.rest, bytes.subarray(cut)]));
      assert.deepEqual(
        [...first.events, ...second.events],
        [
          { type: 'state', name: 'web', state: 'RUNNING' },
          { type: 'exit', name: 'web', waitStatus: 7 << 8 },
          { type: 'state', name: 'db', state: 'STOPPED' },
        ],
      );
      assert.equal(second.rest.length, 0);
    }
  });
});

describe('a wait status', () => {
  const cases = [
    { why: 'exit 0', status: 0, exit: { kind: 'code', code: 0 } },
    { why: 'exit 255', status: 0xff00, exit: { kind: 'code', code: 255 } },
    { why: 'a fault with a core dump', status: 11 | 0x80, exit: { kind: 'signal', signal: 'SIGSEGV' } },
    { why: 'power-off by init', status: 2, exit: { kind: 'code', code: 0 } },
    { why: 'reboot by init', status: 1, exit: { kind: 'signal', signal: 'SIGHUP' } },
  ];
  for (const { why, status, exit } of cases) {
    it(`reads as ${JSON.stringify(exit)} for ${why}`, () => assert.deepEqual(exitOf(status), exit));
  }
});

describe('LXC’s log', () => {
  const at = (level: string, text: string) =>
    `lxc-start web 20260101000000.123 ${level} start - ../src/x.c:f:1 - ${text}`;

  it('names pid, groups, end and errors', () => {
    const log = [
      at(
        'INFO    ',
        'The container process uses "lxc.payload.web-1" as inner and "lxc.payload.web-1" as limit cgroup',
      ),
      at('NOTICE  ', 'Started "/sbin/init" with pid "77"'),
      at('ERROR   ', 'An error occurred in another process (expected sequence number 7)'),
      at('ERROR   ', 'Script exited with status 2'),
      at('INFO    ', 'Child <77> ended on error (7)'),
    ].join('\n');
    assert.deepEqual(readTraces(log), {
      pid: 77,
      exit: { kind: 'code', code: 7 },
      cgroups: ['lxc.payload.web-1'],
      alreadyRunning: false,
      errors: ['Script exited with status 2'],
    });
  });
});

describe('the control groups of a host', () => {
  const v1 = '30 20 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct';
  const named = '31 20 0:2 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,name=systemd';
  const v2 = '32 20 0:3 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
  const cases: { kind: CgroupKind; rows: readonly string[]; hierarchies: readonly string[] }[] = [
    { kind: 'v1', rows: [v1, named], hierarchies: ['cpu,cpuacct', 'name=systemd'] },
    { kind: 'hybrid', rows: [v1, v2], hierarchies: ['cpu,cpuacct', ''] },
    { kind: 'v2', rows: [v2], hierarchies: [''] },
  ];
  for (const { kind, rows, hierarchies } of cases) {
    it(`are ${kind}`, () => {
      const mounts = parseCgroupMounts(['1 0 8:1 / / rw - ext4 /dev/sda rw', ...rows].join('\n'));
      assert.equal(cgroupKind(mounts), kind);
      assert.deepEqual(
        mounts.map(({ hierarchy }) => hierarchy),
        hierarchies,
      );
    });
  }
});
