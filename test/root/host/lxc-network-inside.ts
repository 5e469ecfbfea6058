/** Network pools on real bridges (state format §21, logs and metadata §15; case 44). Runs in a network namespace that
 *  `lxc-network.test.ts` makes; what it leaves there goes with it. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createBridges } from '../../../adapters/host/bridges.ts';
import { run } from '../../../adapters/host/exec.ts';
import type { Lease } from '../../../machines/domain/ipam.ts';
import { rootfsDir } from '../../../machines/domain/layout.ts';
import type { Exit } from '../../../machines/domain/recovery.ts';
import type { ContainerNetwork, ContainerSpec, NetworkPool } from '../../../machines/domain/revision.ts';
import { follow, LxcWorld, type Running, WAITS } from './lxc-world.ts';

const NAT: NetworkPool = {
  name: 'inner',
  type: 'bridge',
  bridge: 'br-inner',
  parent: undefined,
  subnet: '10.213.7.0/24',
  gateway: '10.213.7.1',
  nat: true,
};
const SMALL: NetworkPool = {
  ...NAT,
  name: 'small',
  bridge: 'br-small',
  subnet: '10.213.8.0/30',
  gateway: '10.213.8.1',
  nat: false,
};
const MACVLAN: NetworkPool = {
  ...SMALL,
  name: 'wire',
  type: 'macvlan',
  bridge: undefined,
  parent: 'wire0',
  subnet: '10.213.9.0/24',
  gateway: '10.213.9.1',
};

/** Tells its network in /tmp. */
const SHOWS = [
  'b=/bin/busybox',
  '$b ip addr show eth0 > /tmp/addr',
  '$b ip route > /tmp/route',
  'hostname > /tmp/hostname',
];
const PINGS = '$b ping -c 1 -W 3 10.213.7.1 > /tmp/ping 2>&1';

const IP = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'].find((file) => existsSync(file)) ?? 'ip';

async function output(program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  assert.equal(code, 0, stderr);
  return stdout;
}

describe('containers of a network pool', () => {
  let world: LxcWorld;
  before(() => {
    world = new LxcWorld();
  });
  after(() => world.close());
  afterEach(() => {
    assert.deepEqual(world.leftovers(), [], 'left behind');
    assert.deepEqual(world.complaints, []);
  });

  function member(
    name: string,
    pool: string,
    network: Partial<ContainerNetwork> = {},
    config: readonly string[] = [],
  ): ContainerSpec {
    const none = { hostname: undefined, ip: undefined, mac: undefined };
    return world.container(name, {
      init: [...SHOWS, ...(pool === 'inner' ? [PINGS] : []), ': > /tmp/ready', WAITS].join('\n'),
      config,
      spec: { network: { mode: 'pool', pool, ...none, ...network } },
    });
  }

  /** Each call is a supervisor of its own. */
  function starter(
    containers: readonly ContainerSpec[],
    networkPools: readonly NetworkPool[],
  ): (container: ContainerSpec) => Running {
    const runtime = world.runtime({ revision: { containers, networkPools } });
    return (container) => {
      rmSync(join(rootfsDir(world.layout, container.name), 'tmp/ready'), { force: true });
      return follow((tell) => runtime.start(container, 1, tell));
    };
  }

  async function ready({ name }: ContainerSpec): Promise<string> {
    await world.appears(name, 'tmp/ready');
    return world.read(name, 'tmp/addr');
  }

  async function stop(running: Running): Promise<void> {
    running.process.kill();
    await running.exited;
  }

  function refused(exit: Exit, says: RegExp): void {
    assert.equal(exit.kind, 'startFailed');
    if (exit.kind !== 'startFailed') return;
    assert.equal(exit.fault.code, 'START_FAILED');
    assert.match(exit.fault.message, says);
    assert.ok(exit.fault.fix);
  }

  it('have consecutive addresses, reach the gateway, and are the same after a stop and another supervisor', async () => {
    const one = member('lxcw-n1', 'inner', { hostname: 'edge' }, ['lxc.namespace.keep = net']);
    const two = member('lxcw-n2', 'inner');
    const fixed = member('lxcw-n3', 'inner', { ip: '10.213.7.50/24', mac: '02:aa:bb:cc:dd:ee' });
    const start = starter([one, two, fixed], [NAT]);
    const first = [one, two, fixed].map(start);
    assert.match(await ready(one), /link\/ether 02:00:0a:d5:07:02 [\s\S]* inet 10\.213\.7\.2\/24 /);
    assert.match(await ready(two), /<[^>]*,UP[,>][\s\S]* inet 10\.213\.7\.3\/24 /);
    assert.match(await ready(fixed), /02:aa:bb:cc:dd:ee[\s\S]* inet 10\.213\.7\.50\/24 /);
    for (const { name } of [one, two, fixed]) {
      assert.match(world.read(name, 'tmp/ping'), /1 packets received/);
      assert.match(world.read(name, 'tmp/route'), /default via 10\.213\.7\.1 dev eth0/);
    }
    assert.equal(world.read('lxcw-n1', 'tmp/hostname'), 'edge\n');
    await Promise.all(first.map(stop));

    for (const again of [start, starter([one, two, fixed], [NAT])]) {
      const running = [fixed, two].map(again);
      assert.match(await ready(two), / inet 10\.213\.7\.3\/24 /);
      assert.match(await ready(fixed), / inet 10\.213\.7\.50\/24 /);
      await Promise.all(running.map(stop));
    }
    const bridge = await output('ip', 'addr', 'show', 'dev', 'br-inner');
    assert.equal(bridge.match(/ inet /g)?.length, 1);
    assert.match(bridge, /link\/ether 02:00:0a:d5:07:01 [\s\S]* inet 10\.213\.7\.1\/24 /);
  });

  it('with nat are masqueraded by one rule, however many have started', async () => {
    const rules = await output('nft', 'list', 'ruleset');
    assert.equal(rules.match(/masquerade$/gm)?.length, 1, rules);
    assert.match(rules, /ip saddr 10\.213\.7\.0\/24 ip daddr != 10\.213\.7\.0\/24 masquerade/);
    assert.equal(await output('cat', '/proc/sys/net/ipv4/ip_forward'), '1\n');
  });

  it('use a bridge that is there already, and fail cleanly when the pool is exhausted', async () => {
    await output('ip', 'link', 'add', 'name', 'br-small', 'type', 'bridge');
    const before = await output('ip', '-o', 'link', 'show', 'type', 'bridge');
    const one = member('lxcw-s1', 'small');
    const two = member('lxcw-s2', 'small');
    const start = starter([one, two], [SMALL]);
    const running = start(one);
    refused(await start(two).exited, /no address is left in 10\.213\.8\.0\/30/);
    assert.match(await ready(one), / inet 10\.213\.8\.2\/30 /);
    await stop(running);
    const after = await output('ip', '-o', 'link', 'show', 'type', 'bridge');
    assert.equal(after.split('\n').length, before.split('\n').length);
    assert.match(
      await output('ip', 'addr', 'show', 'dev', 'br-small'),
      /,UP[,>][\s\S]* inet 10\.213\.8\.1\/30 /,
    );
  });

  it('of type macvlan hang on the parent', async () => {
    await output('ip', 'link', 'add', 'name', 'wire0', 'type', 'veth', 'peer', 'name', 'wire1');
    await output('ip', 'link', 'set', 'dev', 'wire0', 'up');
    const container = member('lxcw-mv', 'wire');
    const running = starter([container], [MACVLAN])(container);
    assert.match(await ready(container), /eth0@[\s\S]* inet 10\.213\.9\.2\/24 /);
    await stop(running);
  });

  it('are refused a start with a network of their own', async () => {
    const container = member('lxcw-own', 'small', {}, ['lxc.net.0.type = empty']);
    refused(await starter([container], [SMALL])(container).exited, /network of its own: lxc\.net\.0\.type/);
  });

  it('are not put on a device that is no bridge, which stays as it is', async () => {
    const container = member('lxcw-lo', 'small');
    const exit = await starter([container], [{ ...SMALL, bridge: 'lo' }])(container).exited;
    refused(exit, /network pool "small": lo exists and is no bridge/);
    assert.doesNotMatch(await output('ip', 'addr', 'show', 'dev', 'lo'), /10\.213/);
  });

  describe('need programs', () => {
    const { PATH } = process.env;
    const lease: Lease = { pool: NAT, link: 'br-need', address: '10.213.7.2', prefix: 24, mac: '' };
    let programs: string;
    beforeEach(() => {
      programs = mkdtempSync(join(world.directory, 'programs-'));
      process.env['PATH'] = programs;
    });
    afterEach(() => {
      process.env['PATH'] = PATH;
    });

    it('ip', async () => {
      await assert.rejects(createBridges().ready('web', lease), {
        fault: {
          code: 'START_FAILED',
          message: 'starting web: network pool "inner": ip cannot be run: ENOENT',
          subject: 'web',
          errno: 'ENOENT',
          fix: 'Install iproute2.',
        },
      });
    });

    it('and nft or iptables for nat', async () => {
      symlinkSync(IP, join(programs, 'ip'));
      await assert.rejects(createBridges().ready('web', lease), {
        message:
          'starting web: network pool "inner": masquerading 10.213.7.0/24: nft cannot be run (ENOENT); iptables cannot be run (ENOENT)',
      });
    });

    it('of which iptables is asked before it adds the rule', async () => {
      symlinkSync(IP, join(programs, 'ip'));
      const rules = join(programs, 'rules');
      const script = `case $4 in -C) test -e ${rules};; *) echo "$@" >> ${rules};; esac`;
      world.write(join(programs, 'iptables'), `#!/bin/sh\n${script}\n`, 0o755);
      await createBridges().ready('web', lease);
      await createBridges().ready('web', lease);
      const rule = '-s 10.213.7.0/24 ! -d 10.213.7.0/24 -j MASQUERADE';
      assert.equal(readFileSync(rules, 'utf8'), `-w -t nat -A POSTROUTING ${rule}\n`);
    });
  });
});
