/** What a container finds at /pantavisor: on real LXC, with files as the metadata store writes them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { createMetadataFiles } from '../../../adapters/store/metadata.ts';
import { metadataDir, shownDir } from '../../../machines/domain/layout.ts';
import { METADATA_KINDS, type MetadataKind } from '../../../machines/domain/metadata.ts';
import type { Role } from '../../../machines/domain/revision.ts';
import { follow, LxcWorld } from './lxc-world.ts';

describe('/pantavisor shows (storage §8)', () => {
  let world: LxcWorld;
  let runtime: LxcRuntime;
  before(async () => {
    world = new LxcWorld();
    runtime = world.runtime();
    const user = files('user-meta');
    const device = files('device-meta');
    await Promise.all([user.read(), device.read()]);
    await user.write('color', 'grey');
    await user.write('lxcw-one.color', 'red');
    await user.write('lxcw-two.color', 'blue');
    await device.write('lxcw-one.size', '7');
  });
  after(() => world.close());
  afterEach(() => {
    assert.deepEqual(world.leftovers(), [], 'left behind');
    assert.deepEqual(world.complaints, []);
  });

  function start(name: string, script: string, roles: readonly Role[]) {
    const init = `cd /pantavisor; { ${script}; } > /tmp/out 2>&1`;
    const container = world.container(name, { init, spec: { roles } });
    return follow((tell) => runtime.start(container, 1, tell));
  }

  const files = (kind: MetadataKind) =>
    createMetadataFiles({
      kind,
      directory: metadataDir(world.layout, kind),
      shown: shownDir(world.layout),
      complain: (fault) => world.complaints.push(fault),
    });

  /** Runs a script while its container's socket is open; its lines. */
  async function told(name: string, script: string, roles: readonly Role[] = []) {
    const server = await listen(name);
    const running = start(name, script, roles);
    await running.exited;
    server.close();
    return world.read(name, 'tmp/out').trim().split('\n');
  }

  async function listen(name: string): Promise<Server> {
    const directory = join(world.layout.runDir, 'doors', name);
    mkdirSync(directory, { recursive: true });
    const server = createServer((socket) => socket.end(`hello ${name}`));
    server.listen(join(directory, 'pv-ctrl'));
    await once(server, 'listening');
    return server;
  }

  /** Everything below, in order; `./` cut off. */
  const FIND = 'busybox find . -mindepth 1 | busybox sort | busybox cut -c3-';
  const tryToWrite = (...paths: readonly string[]) =>
    paths.map((path) => `(: > ${path}) 2>/dev/null && echo ${path} written; `).join('');

  it('to a container without a role exactly its own', async () => {
    assert.deepEqual(await told('lxcw-one', FIND), [
      ...['device-meta', 'device-meta/size', 'logs', 'logs/lxc', 'logs/lxc/console.log', 'logs/lxc/lxc.log'],
      ...['pv-ctrl', 'user-meta', 'user-meta/color'],
    ]);
  });

  it('to a container without a role what was stored before it started, even before anything else is read', async () => {
    const fresh = new LxcWorld();
    world.write(join(metadataDir(fresh.layout, 'user-meta'), 'lxcw-early.color'), 'red');
    world.write(join(metadataDir(fresh.layout, 'user-meta'), 'lxcw-earlier.color'), 'blue');
    const container = fresh.container('lxcw-early', {
      init: 'cd /pantavisor/user-meta; { ls; cat color; } > /tmp/out',
    });
    const early = fresh.runtime();
    await follow((tell) => early.start(container, 1, tell)).exited;
    assert.equal(fresh.read('lxcw-early', 'tmp/out'), 'color\nred');
    fresh.close();
  });

  it('to a container without a role nothing that it can change', async () => {
    const writes = tryToWrite(
      'x',
      'user-meta/color',
      'user-meta/x',
      'device-meta/x',
      'logs/x',
      '../pantavisor/x',
    );
    assert.deepEqual(await told('lxcw-ro', `${writes}echo nothing written`), ['nothing written']);
  });

  it('to a container without a role no way to what others see', async () => {
    // Where each of its mounts comes from on the host.
    const script = `busybox grep ' /pantavisor' /proc/self/mountinfo | busybox cut -d ' ' -f 4`;
    const { runDir } = world.layout;
    const own = [
      'doors/lxcw-nosy',
      'logs/0/lxcw-nosy',
      'shown/user-meta.lxcw-nosy',
      'shown/device-meta.lxcw-nosy',
    ];
    const sources = await told('lxcw-nosy', script);
    assert.deepEqual(
      sources.map((source) => source.slice(source.lastIndexOf(basename(runDir)))),
      own.map((path) => `${basename(runDir)}/${path}`),
    );
  });

  it('to mgmt exactly what it may see', async () => {
    world.write(join(world.layout.storage, 'config/pantahub.config'), 'secret');
    const shared = ['device-meta.lxcw-one', 'logs', 'pantahub-host', 'phconfig', 'pv-ctrl', 'user-meta'];
    const lines = await told('lxcw-mg', 'ls -A; cat phconfig/pantahub.config; echo; ls logs', ['mgmt']);
    const own = (name: string) => !/^(user|device)-meta\.lxcw-(ro|nosy|live-nobody)$/.test(name);
    assert.deepEqual(lines.filter(own), [
      ...['.door', '.ready', 'challenge', 'device-id', 'device-meta', ...shared],
      ...['user-meta.lxcw-one', 'user-meta.lxcw-two', 'secret', '0'],
    ]);
  });

  it('to mgmt all metadata, whole and by container', async () => {
    const script = `ls user-meta user-meta.lxcw-two device-meta.lxcw-one .door; cat user-meta.lxcw-one/color`;
    const lines = await told('lxcw-mg2', script, ['mgmt']);
    assert.deepEqual(lines, [
      ...['.door:', 'pv-ctrl', '', 'device-meta.lxcw-one:', 'size', ''],
      ...[
        'user-meta:',
        'color',
        'lxcw-one.color',
        'lxcw-two.color',
        '',
        'user-meta.lxcw-two:',
        'color',
        'red',
      ],
    ]);
  });

  it('to mgmt nothing that it can change', async () => {
    const writes = tryToWrite(
      ...['x', 'challenge', 'user-meta/color', 'user-meta/x', 'user-meta.lxcw-one/color', 'device-meta/x'],
      ...['logs/x', 'phconfig/x', '.door/x'],
    );
    assert.deepEqual(await told('lxcw-mgro', `${writes}echo nothing written`, ['mgmt']), ['nothing written']);
  });

  for (const roles of [[], ['mgmt']] as const) {
    const [role = 'nobody'] = roles;
    it(`to ${role} what is put, changed and deleted while it runs, and the socket of a later supervisor`, async () => {
      const name = `lxcw-live-${role}`;
      const user = files('user-meta');
      await user.read();
      const own = role === 'mgmt' ? `user-meta.${name}` : 'user-meta';
      const until = (test: string) => `until ${test}; do busybox sleep 0.01; done`;
      const script = [
        ': > /tmp/ready',
        until(`[ -e ${own}/late ]`),
        `cat ${own}/late; echo`,
        ': > /tmp/seen',
        until(`[ "$(cat ${own}/late 2>&1)" = changed ]`),
        ': > /tmp/changed',
        until(`[ ! -e ${own}/late ]`),
        ': > /tmp/gone',
        until('[ -S pv-ctrl ]'),
        ': > /tmp/open',
        until('[ ! -S pv-ctrl ]'),
      ].join('; ');
      const running = start(name, script, roles);
      await world.appears(name, 'tmp/ready');
      await user.write(`${name}.late`, 'put');
      await world.appears(name, 'tmp/seen');
      await user.write(`${name}.late`, 'changed');
      await world.appears(name, 'tmp/changed');
      await user.remove(`${name}.late`);
      await world.appears(name, 'tmp/gone');
      const server = await listen(name);
      await world.appears(name, 'tmp/open');
      // Through the container's own mounts.
      const socket = connect(`/proc/${await running.started}/root/pantavisor/pv-ctrl`);
      assert.equal(await text(socket), `hello ${name}`);
      server.close();
      await running.exited;
      assert.equal(world.read(name, 'tmp/out'), 'put\n');
    });
  }

  it('the same to tools on the host', () => {
    const { runDir } = world.layout;
    for (const kind of METADATA_KINDS) {
      assert.equal(readlinkSync(join(runDir, kind)), metadataDir(world.layout, kind));
    }
    assert.equal(readFileSync(join(runDir, 'user-meta/lxcw-one.color'), 'utf8'), 'red');
  });
});
