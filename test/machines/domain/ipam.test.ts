/** Who gets which address of a network pool (state format §21, logs and metadata §15). */

import assert from 'node:assert/strict';
import {
  allocate,
  gatewayMac,
  type NetLines,
  networkOf,
  unknownPool,
} from '../../../machines/domain/ipam.ts';
import type { ContainerNetwork, ContainerSpec, NetworkPool } from '../../../machines/domain/revision.ts';
import { containerSpec } from '../../support/revision.ts';

const LAN: NetworkPool = {
  name: 'lan',
  type: 'bridge',
  bridge: 'br-lan',
  parent: undefined,
  subnet: '10.77.0.0/29',
  gateway: '10.77.0.1',
  nat: false,
};

function container(name: string, network: Partial<ContainerNetwork> = {}): ContainerSpec {
  const none = { hostname: undefined, ip: undefined, mac: undefined };
  return containerSpec(name, 'app', { network: { mode: 'pool', pool: 'lan', ...none, ...network } });
}

/** `name=address` or `name: why not`, by name. */
function given(
  containers: readonly ContainerSpec[],
  pools: readonly NetworkPool[] = [LAN],
  netLines: NetLines = new Map(),
): readonly string[] {
  const all = allocate({ containers, networkPools: pools }, netLines);
  return [...all]
    .map(([name, allocation]) =>
      'lease' in allocation
        ? `${name}=${allocation.lease.address}/${allocation.lease.prefix}`
        : allocation.fault.message.replace(/^starting /, ''),
    )
    .sort();
}

function baked(name: string, value: string): NetLines {
  return new Map([[name, [{ key: 'lxc.net.0.ipv4.address', value }]]]);
}

describe('addresses of a network pool (state format §21, logs and metadata §15)', () => {
  const cases: {
    why: string;
    containers: readonly ContainerSpec[];
    pool?: Partial<NetworkPool>;
    netLines?: NetLines;
    are: readonly string[];
  }[] = [
    {
      why: 'follow the gateway in container order',
      containers: [container('b'), container('a')],
      are: ['a=10.77.0.3/29', 'b=10.77.0.2/29'],
    },
    {
      why: 'pass over the static ones, whoever comes first',
      containers: [container('a'), container('b', { ip: '10.77.0.2/29' }), container('c')],
      are: ['a=10.77.0.3/29', 'b=10.77.0.2/29', 'c=10.77.0.4/29'],
    },
    {
      why: 'pass over those of other containers’ LXC configurations',
      containers: [container('a'), container('b'), containerSpec('c')],
      netLines: baked('c', '10.77.0.2/29 10.77.0.7'),
      are: ['a=10.77.0.3/29', 'b=10.77.0.4/29'],
    },
    {
      why: 'end before the broadcast address and do not begin again below the gateway',
      containers: [container('a'), container('b'), container('c')],
      pool: { gateway: '10.77.0.4' },
      are: [
        'a=10.77.0.5/29',
        'b=10.77.0.6/29',
        'c: network pool "lan": no address is left in 10.77.0.0/29 after the gateway 10.77.0.4',
      ],
    },
    {
      why: 'below the gateway are for static ones',
      containers: [container('a', { ip: '10.77.0.2' })],
      pool: { gateway: '10.77.0.4' },
      are: ['a=10.77.0.2/29'],
    },
    {
      why: 'belong to the first who asks for them',
      containers: [container('a', { ip: '10.77.0.5' }), container('b', { ip: '10.77.0.5' }), container('c')],
      are: ['a=10.77.0.5/29', 'b: network pool "lan": 10.77.0.5 is taken by a', 'c=10.77.0.2/29'],
    },
    {
      why: 'may be taken by an LXC configuration or the gateway',
      containers: [container('a', { ip: '10.77.0.5' }), container('b', { ip: '10.77.0.1' })],
      netLines: baked('c', '10.77.0.5/29'),
      are: [
        'a: network pool "lan": 10.77.0.5 is taken by the LXC configuration of c',
        'b: network pool "lan": 10.77.0.1 is taken by the gateway',
      ],
    },
    ...['10.77.1.5', '10.77.0.0', '10.77.0.7/29', '10.77.0.256', 'five', '::1'].map((ip) => ({
      why: `cannot be ${ip}`,
      containers: [container('a', { ip })],
      are: [`a: network pool "lan": "${ip}" is no host address of 10.77.0.0/29`],
    })),
    {
      why: 'are not for a container whose LXC configuration has a network',
      containers: [container('a'), container('b')],
      netLines: new Map([['a', [{ key: 'lxc.net.0.type', value: 'empty' }]]]),
      are: [
        'a: network pool "lan": its LXC configuration has a network of its own: lxc.net.0.type',
        'b=10.77.0.2/29',
      ],
    },
    ...['01:00:0a:4d:00:05', '02:00:0a:4d:00', '02:00:0a:4d:00:05\nlxc.cap.drop ='].map((mac) => ({
      why: `cannot go with the hardware address ${JSON.stringify(mac)}`,
      containers: [container('a', { mac })],
      are: [`a: network pool "lan": "${mac}" is no hardware address for one interface`],
    })),
    ...['', 'br 0', '-br', 'a/b', 'sixteen-letters-'].map((bridge) => ({
      why: `need a device, not "${bridge}"`,
      containers: [container('a')],
      pool: { bridge },
      are: [`a: network pool "lan": "${bridge}" is no name of a network device`],
    })),
    ...['10.78.0.1', '10.77.0.0', '10.77.0.7'].map((gateway) => ({
      why: `need a gateway in the subnet, not ${gateway}`,
      containers: [container('a')],
      pool: { gateway },
      are: [`a: network pool "lan": its gateway ${gateway} is no host address of 10.77.0.0/29`],
    })),
    {
      why: 'are counted over byte borders and from any host of the subnet',
      containers: [container('a'), container('b')],
      pool: { subnet: '255.255.254.9/23', gateway: '255.255.254.254' },
      are: ['a=255.255.254.255/23', 'b=255.255.255.0/23'],
    },
    {
      why: 'exist in the widest of subnets',
      containers: [container('a')],
      pool: { subnet: '0.0.0.0/0', gateway: '255.255.255.253' },
      are: ['a=255.255.255.254/0'],
    },
    { why: 'are not for those without a pool', containers: [containerSpec('a')], are: [] },
  ];
  for (const { why, containers, pool, netLines, are } of cases) {
    it(why, () => assert.deepEqual(given(containers, [{ ...LAN, ...pool }], netLines), are));
  }

  it('are each pool’s own', () => {
    const wifi = { ...LAN, name: 'wifi', bridge: 'br-wifi' };
    const containers = [container('a'), container('b', { pool: 'wifi' })];
    assert.deepEqual(given(containers, [LAN, wifi]), ['a=10.77.0.2/29', 'b=10.77.0.2/29']);
  });

  it('come with the hardware address that is given, or one made of them', () => {
    const mac = '02:11:22:33:44:55';
    const all = allocate(
      { containers: [container('a'), container('b', { mac })], networkPools: [LAN] },
      new Map(),
    );
    const macs = [...all.values()].map((allocation) => 'lease' in allocation && allocation.lease.mac);
    assert.deepEqual(macs, ['02:00:0a:4d:00:02', mac]);
    assert.equal(gatewayMac(LAN), '02:00:0a:4d:00:01');
  });

  it('hang on the bridge, or on the parent of a macvlan', () => {
    const pool: NetworkPool = { ...LAN, type: 'macvlan', bridge: undefined, parent: 'eth1' };
    for (const [used, link] of [
      [LAN, 'br-lan'],
      [pool, 'eth1'],
    ] as const) {
      const allocation = allocate({ containers: [container('a')], networkPools: [used] }, new Map()).get('a');
      assert.equal(allocation !== undefined && 'lease' in allocation && allocation.lease.link, link);
    }
  });

  it('there are none of a pool that is not there (59)', () => {
    assert.deepEqual(given([container('a', { pool: 'x' })]), []);
    const { code, message, subject } = unknownPool(container('a', { pool: 'x' }));
    assert.equal(code, 'START_FAILED');
    assert.equal(subject, 'a');
    assert.match(message, /starting a: network pool "x": device\.json has no usable pool/);
  });

  it('are translated by the network they are in', () => {
    assert.equal(networkOf({ ...LAN, subnet: '10.77.3.9/23' }), '10.77.2.0/23');
  });
});
