import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CgroupKind } from '../../../adapters/host/cgroups.ts';
import { type LxcConfigInput, lxcConfig } from '../../../adapters/host/lxc-config.ts';
import { readLxcConfig } from '../../../adapters/host/lxc-config-file.ts';
import type { Lease } from '../../../machines/domain/ipam.ts';
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

const LEASE: Lease = {
  pool: {
    name: 'lan',
    type: 'bridge',
    bridge: 'br-lan',
    parent: undefined,
    subnet: '10.77.0.0/24',
    gateway: '10.77.0.1',
    nat: false,
  },
  link: 'br-lan',
  address: '10.77.0.2',
  prefix: 24,
  mac: '02:00:0a:4d:00:02',
};

interface Given {
  readonly own?: readonly string[];
  readonly spec?: Partial<ContainerSpec>;
  readonly cgroups?: CgroupKind;
  readonly host?: Partial<LxcConfigInput['host']>;
  readonly lease?: Lease;
  readonly relativeCgroups?: boolean;
  readonly deviceRules?: string;
}

/** Lines after the first comment. */
function made(given: Given): readonly string[] {
  const { own = [], spec = {}, cgroups = 'hybrid', host = {}, lease, relativeCgroups = false } = given;
  const text = lxcConfig({
    container: containerSpec('web', 'app', spec),
    own: own.map((line) => {
      const [key = '', ...value] = line.split(' = ');
      return { key, value: value.join(' = '), directory: '/st/trails/3/web' };
    }),
    layout,
    places: {
      rootfsMount: '/run/sv/lxc-rootfs',
      consoleLog: '/log',
      consoleLogBytes: 4096,
      binds: [],
      deviceRules: given.deviceRules,
    },
    host: {
      cgroups,
      kernelRelease: '6.1.0',
      needsUnconfined: false,
      mountHooks: [],
      exists: () => false,
      ...host,
    },
    logLevel: 2,
    relativeCgroups,
    lease,
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

  const host = { needsUnconfined: true, mountHooks: ['/lib/sv/pv/hooks/remount.sh'], exists: () => true };
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
      why: 'puts it into its network pool, out of the host’s network (logs and metadata §15)',
      given: { own: ['lxc.namespace.keep = net ipc'], lease: LEASE },
      has: [
        'lxc.namespace.keep =',
        'lxc.namespace.keep = ipc user',
        'lxc.net.0.type = veth',
        'lxc.net.0.link = br-lan',
        'lxc.net.0.name = eth0',
        'lxc.net.0.flags = up',
        'lxc.net.0.hwaddr = 02:00:0a:4d:00:02',
        'lxc.net.0.ipv4.address = 10.77.0.2/24',
        'lxc.net.0.ipv4.gateway = 10.77.0.1',
      ],
    },
    {
      why: 'keeps no namespace when it was the network alone',
      given: { own: ['lxc.namespace.keep = net'], lease: LEASE },
      has: ['lxc.namespace.keep ='],
      hasNot: [/keep =.*user/],
    },
    {
      why: 'hangs it on the parent of a macvlan',
      given: { lease: { ...LEASE, pool: { ...LEASE.pool, type: 'macvlan' }, link: 'eth1' } },
      has: ['lxc.net.0.type = macvlan', 'lxc.net.0.link = eth1'],
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
        'lxc.hook.mount = /lib/sv/pv/hooks/remount.sh',
      ],
    },
    {
      why: 'makes device nodes before the hooks of the host run (state format §22)',
      given: { host, deviceRules: "/run/s'v/mdev" },
      has: [
        'lxc.hook.mount = unshare -m sh -c \'cd "$0" && mount -t overlay -o lowerdir=.:/etc mdev /etc && ' +
          "mount --bind \"$LXC_ROOTFS_MOUNT/dev\" /dev && exec busybox mdev -s' '/run/s'\\''v/mdev'",
      ],
    },
    {
      why: 'has the container’s control groups below the supervisor’s in appengine mode',
      given: { relativeCgroups: true },
      has: ['lxc.cgroup.relative = 1'],
    },
    {
      why: 'and nowhere but at the top otherwise',
      given: {},
      hasNot: [/cgroup\.relative/],
    },
    {
      why: 'logs at the level of PV_LXC_LOG_LEVEL, also where the container wants another one',
      given: { own: ['lxc.log.level = 8'] },
      has: ['lxc.log.level = 2'],
      hasNot: [/lxc\.log\.level = 8/],
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
