import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CgroupKind, cgroupKind, parseCgroupMounts } from '../../../adapters/host/cgroups.ts';
import { type LxcConfigInput, lxcConfig } from '../../../adapters/host/lxc-config.ts';
import { readLxcConfig } from '../../../adapters/host/lxc-config-file.ts';
import { parseEvents } from '../../../adapters/host/lxc-events.ts';
import { exitOf, readTraces } from '../../../adapters/host/lxc-log.ts';
import type { Layout } from '../../../machines/domain/layout.ts';
import type { ContainerSpec } from '../../../machines/domain/revision.ts';
import { containerSpec } from '../../support/revision.ts';

const layout: Layout = {
  storage: '/st',
  runDir: '/run/sv',
  volumes: '/run/sv/volumes',
  configs: '/run/sv/configs',
  media: '/media',
  libDir: '/lib/sv',
  exports: '/run/sv/exports',
  revision: '3',
};

interface Given {
  readonly own?: readonly string[];
  readonly spec?: Partial<ContainerSpec>;
  readonly cgroups?: CgroupKind;
  readonly host?: Partial<LxcConfigInput['host']>;
}

/** Lines after the first comment. */
function made({ own = [], spec = {}, cgroups = 'hybrid', host = {} }: Given): readonly string[] {
  const text = lxcConfig({
    container: containerSpec('web', 'app', spec),
    own: own.map((line) => {
      const [key = '', ...value] = line.split(' = ');
      return { key, value: value.join(' = '), directory: '/st/trails/3/web' };
    }),
    layout,
    places: { rootfsMount: '/run/sv/lxc-rootfs', consoleLog: '/log', consoleLogBytes: 4096, binds: [] },
    host: {
      cgroups,
      kernelRelease: '6.1.0',
      needsUnconfined: false,
      mountHooks: [],
      exists: () => false,
      ...host,
    },
    logLevel: 2,
  });
  return text.trimEnd().split('\n').slice(1);
}

describe('the LXC configuration (storage §7.3, §8)', () => {
  it('is the container’s own, then what the supervisor adds', () => {
    assert.deepEqual(made({ own: ['lxc.tty.max = 0'] }), [
      'lxc.tty.max = 0',
      '# What the supervisor adds.',
      'lxc.rootfs.path = dir:/run/sv/volumes/web/rootfs',
      'lxc.rootfs.mount = /run/sv/lxc-rootfs',
      'lxc.uts.name = web',
      'lxc.log.level = 2',
      'lxc.environment = container=pv-app',
      'lxc.console.logfile = /log',
      'lxc.console.size = 4096',
      'lxc.console.rotate = 1',
    ]);
  });

  const host = { needsUnconfined: true, mountHooks: ['/lib/sv/pv/hooks/mdev.sh'], exists: () => true };
  const cases: { why: string; given: Given; has?: readonly string[]; hasNot?: readonly RegExp[] }[] = [
    {
      why: 'never lets LXC delete a root file system, log elsewhere or leave init behind',
      given: {
        own: [
          'lxc.ephemeral = 1',
          'lxc.log.file = /x',
          'lxc.monitor.signal.pdeath = 0',
          'lxc.rootfs.path = /x',
        ],
      },
      hasNot: [/ephemeral/, /log\.file/, /pdeath/, /= \/x/],
    },
    {
      why: 'moves the host’s paths, not the container’s',
      given: {
        own: [
          'lxc.mount.entry = /volumes/web/data volumes/web/data none bind,create=dir 0 0',
          'lxc.mount.entry = overlay srv overlay lowerdir=/configs/web:/volumes/web/a,upperdir=/volumes/web/b 0 0',
          'lxc.mount.entry = /volumesque/web mnt none bind 0 0',
          'lxc.mount.entry = data mnt none rbind 0 0',
          'lxc.mount.entry = tmpfs tmp tmpfs size=1M 0 0',
          'lxc.hook.mount = /volumes/web/hook /exports/db/x',
          'lxc.init.cmd = /volumes/web/init',
        ],
      },
      has: [
        'lxc.mount.entry = /run/sv/volumes/web/data volumes/web/data none bind,create=dir 0 0',
        'lxc.mount.entry = overlay srv overlay lowerdir=/run/sv/configs/web:/run/sv/volumes/web/a,upperdir=/run/sv/volumes/web/b 0 0',
        'lxc.mount.entry = /volumesque/web mnt none bind 0 0',
        'lxc.mount.entry = /st/trails/3/web/data mnt none rbind 0 0',
        'lxc.mount.entry = tmpfs tmp tmpfs size=1M 0 0',
        'lxc.hook.mount = /run/sv/volumes/web/hook /run/sv/exports/db/x',
        'lxc.init.cmd = /volumes/web/init',
      ],
    },
    {
      why: 'keeps a configured host name',
      given: { own: ['lxc.uts.name = own'] },
      has: ['lxc.uts.name = own'],
      hasNot: [/uts\.name = web/],
    },
    {
      why: 'allows all devices on version 2 and translates the common limits',
      given: {
        cgroups: 'v2',
        own: [
          'lxc.cgroup.devices.deny = a',
          'lxc.cgroup.memory.limit_in_bytes = 50M',
          'lxc.cgroup2.cpu.max = 1',
        ],
      },
      has: ['lxc.cgroup2.devices.allow = a', 'lxc.cgroup2.memory.max = 50M', 'lxc.cgroup2.cpu.max = 1'],
      hasNot: [/devices\.deny/],
    },
    {
      why: 'leaves version 1 rules where version 1 has the controllers',
      given: { own: ['lxc.cgroup.devices.deny = a'] },
      has: ['lxc.cgroup.devices.deny = a'],
      hasNot: [/cgroup2/],
    },
    {
      why: 'keeps the user namespace with other kept ones',
      given: { own: ['lxc.namespace.keep = net ipc'] },
      has: ['lxc.namespace.keep =', 'lxc.namespace.keep = net ipc user'],
    },
    {
      why: 'does not when ids are mapped',
      given: { own: ['lxc.namespace.keep = net', 'lxc.idmap = u 0 100000 65536'] },
      hasNot: [/keep = net user/],
    },
    {
      why: 'logs no console that the container has switched off',
      given: { own: ['lxc.console.path = none'] },
      hasNot: [/console\.logfile/],
    },
    {
      why: 'goes without AppArmor where LXC’s profile cannot work',
      given: { host },
      has: ['lxc.apparmor.profile = unconfined'],
    },
    {
      why: 'unless the container names a profile',
      given: { host, own: ['lxc.apparmor.profile = mine'] },
      hasNot: [/unconfined/],
    },
    {
      why: 'shows firmware and modules, and runs the host’s hooks (state format §8.8)',
      given: { host },
      has: [
        'lxc.mount.entry = /lib/firmware lib/firmware none bind,ro,create=dir 0 0',
        'lxc.mount.entry = /lib/modules/6.1.0 lib/modules/6.1.0 none bind,ro,create=dir 0 0',
        'lxc.hook.mount = /lib/sv/pv/hooks/mdev.sh',
      ],
    },
    {
      why: 'unless automodfw is "no"',
      given: { host, spec: { automodfw: false } },
      hasNot: [/lib\/modules/],
    },
    {
      why: 'says pv-unknown without a group',
      given: { spec: { group: '' } },
      has: ['lxc.environment = container=pv-unknown'],
    },
  ];
  for (const { why, given, has = [], hasNot = [] } of cases) {
    it(why, () => {
      const lines = made(given);
      for (const line of has) assert.ok(lines.includes(line), `${line}\nis not in\n${lines.join('\n')}`);
      for (const pattern of hasNot) assert.doesNotMatch(lines.join('\n'), pattern);
    });
  }
});

describe('a container’s own LXC configuration', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lxc-config-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function read(files: Readonly<Record<string, string>>): readonly string[] {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(directory, name, '..'), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    return readLxcConfig('web', join(directory, 'a.conf')).map(({ key, value }) => `${key}=${value}`);
  }

  it('is read with its includes in place, files and directories', () => {
    const files = {
      'a.conf': '# first\n\nlxc.a = 1\nlxc.include = sub/b.conf\n lxc.include="d"\nlxc.z=',
      'sub/b.conf': 'lxc.b = 2\nlxc.include = c.conf',
      'sub/c.conf': 'lxc.c = x = y',
      'd/2.conf': 'lxc.d = 2',
      'd/1.conf': 'lxc.d = 1',
      'd/other': 'lxc.d = 3',
    };
    assert.deepEqual(read(files), ['lxc.a=1', 'lxc.b=2', 'lxc.c=x = y', 'lxc.d=1', 'lxc.d=2', 'lxc.z=']);
  });

  it('is read with its fstab as mount entries', () => {
    const files = { 'a.conf': 'lxc.mount.fstab = fstab', fstab: '# x\nproc proc proc defaults 0 0\n' };
    assert.deepEqual(read(files), ['lxc.mount.entry=proc proc proc defaults 0 0']);
  });

  const refused: { why: string; files: Readonly<Record<string, string>>; says: RegExp }[] = [
    { why: 'a circle', files: { 'a.conf': 'lxc.include = a.conf' }, says: /round in circles \(ELOOP\)/ },
    { why: 'a missing file', files: { 'a.conf': 'lxc.include = no' }, says: /\/no: .* missing \(ENOENT\)/ },
    { why: 'a line that is none', files: { 'a.conf': 'lxc.a = 1\nwhat' }, says: /a\.conf:2: "what"/ },
  ];
  for (const { why, files, says } of refused) {
    it(`is refused for ${why}`, () => assert.throws(() => read(files), says));
  }
});

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
