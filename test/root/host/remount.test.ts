/** Remount policies (state format §18): the hook's script in a mount namespace of its own, on real mounts. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeRemount } from '../../../adapters/host/remount.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import { remountPolicy, remountRules } from '../../../machines/domain/remount-json.ts';
import type { RemountPolicies } from '../../../machines/domain/revision.ts';

import { follow, LxcWorld } from './lxc-world.ts';

type Rules = readonly (readonly [pattern: string, options: string])[];

const policies = (rules: Readonly<Record<string, Rules>>): RemountPolicies =>
  new Map(
    Object.entries(rules).map(([name, list]) => [
      name,
      list.map(([pattern, options]) => ({ pattern, options: options.split(',') })),
    ]),
  );

describe('remount policies (state format §18)', () => {
  let directory = '';
  const complaints: Fault[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sv-'));
    complaints.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Options of each mount below a root with mounts on `/`, `/var`, `/var/log`, `/srv` and `/srv/a b`, by its path. */
  function mountsAfter(device: RemountPolicies, own: RemountPolicies = new Map(), policy = 'default') {
    const path = join(directory, "it's remount");
    const hook = placeRemount('web', remountRules(policy, device, own), path, (fault) =>
      complaints.push(fault),
    );
    const root = join(directory, 'root');
    const script = `set -e
mkdir -p ${root}
mount -t tmpfs -o nosuid,noatime root ${root}
for place in var var/log srv; do mkdir ${root}/$place; mount -t tmpfs -o nodev $place ${root}/$place; done
mkdir "${root}/srv/a b"; mount -t tmpfs -o strictatime ab "${root}/srv/a b"
export LXC_ROOTFS_MOUNT=${root}
${hook}
grep ' ${root}' /proc/self/mountinfo`;
    const table = execFileSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8', stdio: 'pipe' });
    return Object.fromEntries(
      table
        .trim()
        .split('\n')
        .map((line) => {
          const [, , , , target = '', options] = line.split(' ');
          return [target.slice(root.length).replace('\\040', ' ') || '/', options];
        }),
    );
  }

  const BEFORE = {
    '/': 'rw,nosuid,noatime',
    '/var': 'rw,nodev,relatime',
    '/var/log': 'rw,nodev,relatime',
    '/srv': 'rw,nodev,relatime',
    '/srv/a b': 'rw',
  };
  const cases: { why: string; rules: Rules; expected: Readonly<Record<string, string>> }[] = [
    { why: 'the root alone is "/"', rules: [['/', 'ro']], expected: { '/': 'ro,nosuid,noatime' } },
    {
      why: 'a pattern is a regular expression for the whole path, and a slash at its end does not count',
      rules: [
        ['/var/.*', 'noexec,nosuid'],
        ['/sr', 'ro'],
        ['/var|/srv/', 'nosymfollow'],
      ],
      expected: {
        '/var/log': 'rw,nosuid,nodev,noexec,relatime',
        '/var': 'rw,nodev,relatime,nosymfollow',
        '/srv': 'rw,nodev,relatime,nosymfollow',
      },
    },
    {
      why: 'options replace their opposites only',
      rules: [
        ['/', 'suid,relatime'],
        ['/var', 'noatime,dev,nodiratime'],
        ['/srv/a b', 'ro'],
      ],
      expected: { '/': 'rw,relatime', '/var': 'rw,noatime,nodiratime', '/srv/a b': 'ro' },
    },
    { why: 'the last of contrary options counts', rules: [['/var', 'ro,rw,noatime,atime']], expected: {} },
    {
      why: 'a pattern that is none ends its rule alone',
      rules: [
        ['/va[r', 'ro'],
        ['/srv', 'ro'],
      ],
      expected: { '/srv': 'ro,nodev,relatime' },
    },
  ];
  for (const { why, rules, expected } of cases) {
    it(why, () => {
      assert.deepEqual(mountsAfter(policies({ default: rules })), { ...BEFORE, ...expected });
      assert.deepEqual(complaints, []);
    });
  }

  it('the device’s rules come before the container’s own (S-31), of the policy in force alone', () => {
    const device = policies({ lab: [['/var', 'ro,noexec']], default: [['/srv', 'ro']] });
    const own = policies({ lab: [['/var', 'rw']] });
    assert.deepEqual(mountsAfter(device, own, 'lab'), { ...BEFORE, '/var': 'rw,nodev,noexec,relatime' });
    assert.deepEqual(mountsAfter(device, own, 'none'), BEFORE);
  });

  it('options of the whole file system have no effect, and are told of', () => {
    assert.deepEqual(mountsAfter(policies({ default: [['/var', 'sync,ro,bind']] })), {
      ...BEFORE,
      '/var': 'ro,nodev,relatime',
    });
    assert.match(complaints[0]?.message ?? '', /^starting web: options .* have no effect: sync, bind$/);
  });

  it('apply in a container on real LXC, under its init', async () => {
    const world = new LxcWorld();
    const device = policies({
      lab: [
        ['/', 'nosuid'],
        ['/srv', 'ro'],
      ],
    });
    const runtime = world.runtime({ remount: { policy: 'lab', device } });
    try {
      const container = world.container('lxcw-remount', {
        init: 'cat /proc/self/mountinfo > /tmp/out; exit 7',
        config: ['lxc.autodev = 1', 'lxc.mount.entry = none srv tmpfs noexec,create=dir 0 0'],
        spec: { remount: policies({ lab: [['/proc', 'noatime']], default: [['/', 'ro']] }) },
      });
      const exit = await follow((tell) => runtime.start(container, 1, tell)).exited;
      assert.deepEqual(exit, { kind: 'code', code: 7 });
      const options = (target: string) =>
        world
          .read('lxcw-remount', 'tmp/out')
          .split('\n')
          .findLast((line) => line.split(' ')[4] === target)
          ?.split(' ')[5];
      assert.match(options('/') ?? '', /^rw,nosuid/);
      assert.match(options('/srv') ?? '', /^ro,.*noexec/);
      assert.match(options('/proc') ?? '', /noatime/);
      assert.deepEqual(world.complaints, []);
    } finally {
      world.close();
    }
  });

  it('the environment chooses the policy', () => {
    assert.equal(remountPolicy({}), 'default');
    assert.equal(remountPolicy({ pv_remount_policy: 'lab' }), 'lab');
    assert.equal(remountPolicy({ pv_remount_policy: 'lab', PV_REMOUNT_POLICY: 'field' }), 'field');
  });
});
