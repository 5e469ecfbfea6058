/** Device nodes by the rules of mdev.json (state format §22), on real LXC. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { follow, LxcWorld, type Sketch } from './lxc-world.ts';

describe('device rules of a container (state format §22)', () => {
  let world: LxcWorld;
  let runtime: LxcRuntime;
  before(() => {
    world = new LxcWorld();
    runtime = world.runtime();
  });
  after(() => world.close());
  afterEach(() => assert.deepEqual(world.leftovers(), [], 'left behind'));

  /** Mode, owner and name of each entry in its /dev, by name. */
  async function nodesOf(name: string, rules: readonly string[], sketch: Sketch = {}) {
    const container = world.container(name, {
      init: 'ls -l /dev /dev/tools > /tmp/out 2>&1; exit 7',
      config: ['lxc.autodev = 1', ...(sketch.config ?? [])],
      spec: { ...sketch.spec, deviceRules: rules },
    });
    const exit = await follow((tell) => runtime.start(container, 1, tell)).exited;
    assert.deepEqual(exit, { kind: 'code', code: 7 });
    return new Map(
      world
        .read(name, 'tmp/out')
        .split('\n')
        .flatMap((row) => {
          const [mode, , user, group, ...rest] = row.split(/\s+/);
          const entry = rest.join(' ').replace(/^.* \d\d:\d\d /, '');
          return entry === '' ? [] : [[entry, `${mode} ${user}:${group}`] as const];
        }),
    );
  }

  it('decide on mode and owner, the first that fits; devices without a rule get 0660', async () => {
    const nodes = await nodesOf('lxcw-mdev', ['loop-control 7:8 604', 'loop.* 0:0 666']);
    assert.equal(nodes.get('loop-control'), 'crw----r-- 7:8');
    assert.equal(nodes.get('loop0'), 'brw-rw-rw- 0:0');
    assert.equal(nodes.get('kmsg'), 'crw-rw---- 0:0');
  });

  it('move nodes and link to them, keep them away, and take names of the host’s users', async () => {
    const nodes = await nodesOf('lxcw-mdev2', [
      'loop1 root:daemon 600 =tools/first',
      'loop2 0:0 600 >tools/second',
      'loop3 0:0 600 !',
      '-loop4 0:0 600',
      '@7,4 0:0 644',
    ]);
    assert.equal(nodes.get('first'), 'brw------- 0:1');
    assert.equal(nodes.get('loop1'), undefined);
    assert.equal(nodes.get('loop2 -> tools/second'), 'lrwxrwxrwx 0:0');
    assert.equal(nodes.get('loop3'), undefined);
    assert.equal(nodes.get('loop4'), 'brw-r--r-- 0:0');
  });

  it('that fit everything leave its console and its devices working', async () => {
    const nodes = await nodesOf('lxcw-mdev3', ['.* 0:0 666']);
    assert.equal(nodes.get('null'), 'crw-rw-rw- 0:0');
    assert.ok(nodes.has('console'));
    assert.ok(nodes.has('fd -> /proc/self/fd'));
    assert.deepEqual(world.complaints, []);
  });

  it('leave the host’s own /dev and /etc alone', async () => {
    await nodesOf('lxcw-mdev4', ['loop5 0:0 600 >only-inside', 'null 3:3 600']);
    assert.equal(existsSync('/dev/only-inside'), false);
    assert.equal(statSync('/dev/null').uid, 0);
    assert.equal(existsSync('/etc/mdev.conf'), false);
  });

  for (const { why, name, config, says } of [
    { why: 'its own /dev', name: 'lxcw-mdev5', config: 'lxc.autodev = 0', says: /lxc\.autodev = 0/ },
    {
      why: 'a user namespace',
      name: 'lxcw-mdev6',
      config: 'lxc.idmap = u 0 0 65536\nlxc.idmap = g 0 0 65536',
      says: /user namespace/,
    },
  ]) {
    it(`are not followed with ${why}, which is told with what to do (R-11)`, async () => {
      await nodesOf(name, ['.* 0:0 666'], { config: [config] });
      const [complaint, ...others] = world.complaints.splice(0);
      assert.deepEqual(others, []);
      assert.match(complaint?.message ?? '', says);
      assert.match(complaint?.fix ?? '', /remove/);
      assert.doesNotMatch(world.read(name, 'tmp/out'), /loop1/);
    });
  }

  it('do not let a link of the container lead out of it', async () => {
    const container = world.container('lxcw-mdev7', {
      init: ': > /tmp/ran',
      config: ['lxc.autodev = 1'],
      spec: { deviceRules: ['.* 0:0 666'] },
    });
    const outside = join(world.directory, 'outside');
    mkdirSync(outside);
    const root = join(world.layout.volumes, 'lxcw-mdev7/rootfs');
    rmdirSync(join(root, 'dev'));
    symlinkSync(outside, join(root, 'dev'));
    await follow((tell) => runtime.start(container, 1, tell)).exited;
    assert.deepEqual(readdirSync(outside), []);
  });
});
