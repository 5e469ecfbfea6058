/** Which address each container of a network pool has (state format §21, logs and metadata §15). A function of the
 *  revision alone: nothing is given out or taken back, so an address is the same after every stop, start, recovery and
 *  supervisor. Making the devices is the host's. */

import type { Fault } from './fault.ts';
import type { ContainerSpec, NetworkPool, Revision } from './revision.ts';

/** The single interface `eth0` of a container. */
export interface Lease {
  readonly pool: NetworkPool;
  /** The pool's bridge, or the parent of a macvlan. */
  readonly link: string;
  readonly address: string;
  /** Of the pool's subnet, bits. */
  readonly prefix: number;
  readonly mac: string;
}

/** The fault is a START_FAILED. */
export type Allocation = { readonly lease: Lease } | { readonly fault: Fault };

/** `lxc.net.*` lines of the containers' own LXC configurations, by container. */
export type NetLines = ReadonlyMap<string, readonly { readonly key: string; readonly value: string }[]>;

/** Every container of these pools, and its address or why it gets none. Static addresses are taken first; the others
 *  follow the gateway upward in container order. The end of the subnet is the end: what lies below the gateway is for
 *  static addresses only. */
export function allocate(
  { containers, networkPools }: Pick<Revision, 'containers' | 'networkPools'>,
  netLines: NetLines,
): ReadonlyMap<string, Allocation> {
  const users = containers.filter(({ network }) => network?.mode === 'pool');
  return new Map(
    networkPools.flatMap((pool) =>
      fill(
        pool,
        users.filter(({ network }) => network?.pool === pool.name),
        netLines,
      ),
    ),
  );
}

/** For a container whose pool is not there. */
export function unknownPool(container: ContainerSpec): Fault {
  return faultOf(container, {
    reason: 'device.json has no usable pool of this name',
    fix: 'Name a pool of "network" in device.json in its run.json, or add the pool.',
  });
}

interface Refusal {
  readonly reason: string;
  readonly fix: string;
}

interface Subnet {
  readonly network: number;
  readonly broadcast: number;
  readonly prefix: number;
}

type Entry = readonly [container: string, allocation: Allocation];

const STATIC_KEY = /^lxc\.net\.\d+\.ipv4\.address$/;
/** As long as Linux takes it, and nothing that a command could take for an option. */
const DEVICE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/;
/** Not a group address. */
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i;

function fill(pool: NetworkPool, users: readonly ContainerSpec[], netLines: NetLines): readonly Entry[] {
  const wrong = unusable(pool);
  if (wrong !== undefined) return users.map((container) => denied(container, wrong));
  const subnet = parseSubnet(pool.subnet);
  const gateway = parseAddress(pool.gateway) ?? 0;
  const taken = new Map([...configured(netLines), [gateway, 'the gateway']]);

  function grant(container: ContainerSpec, address: number): Entry {
    taken.set(address, container.name);
    const link = linkOf(pool);
    const mac = container.network?.mac ?? macOf(address);
    return [
      container.name,
      { lease: { pool, link, address: formatted(address), prefix: subnet.prefix, mac } },
    ];
  }

  function fixed(container: ContainerSpec, ip: string): Entry {
    const refused = unfit(ip, subnet, pool, taken);
    return refused === undefined ? grant(container, parseAddress(ip) ?? 0) : denied(container, refused);
  }

  let next = gateway + 1;
  function dynamic(container: ContainerSpec): Entry {
    while (taken.has(next)) next += 1;
    return next < subnet.broadcast ? grant(container, next) : denied(container, exhausted(pool));
  }

  const refused = users.flatMap((container) => {
    const refusal = conflict(container, netLines);
    return refusal === undefined ? [] : [denied(container, refusal)];
  });
  const served = users.filter(({ name }) => refused.every(([other]) => other !== name));
  const statics = served.flatMap((container) => {
    const ip = container.network?.ip;
    return ip === undefined ? [] : [fixed(container, ip)];
  });
  const dynamics = served.filter(({ network }) => network?.ip === undefined).map(dynamic);
  return [...refused, ...statics, ...dynamics];
}

/** Addresses that LXC gives out itself, and who has them. */
function configured(netLines: NetLines): readonly (readonly [number, string])[] {
  return [...netLines].flatMap(([container, lines]) =>
    lines.flatMap(({ key, value }) => {
      const address = STATIC_KEY.test(key) ? parseAddress(value) : undefined;
      return address === undefined ? [] : [[address, `the LXC configuration of ${container}`] as const];
    }),
  );
}

function unusable(pool: NetworkPool): Refusal | undefined {
  const link = linkOf(pool);
  if (!DEVICE.test(link)) {
    return {
      reason: `"${link}" is no name of a network device`,
      fix: 'Correct the pool in device.json: 1 to 15 letters, digits and . _ -',
    };
  }
  const { network, broadcast } = parseSubnet(pool.subnet);
  const gateway = parseAddress(pool.gateway);
  if (gateway !== undefined && gateway > network && gateway < broadcast) return undefined;
  return {
    reason: `its gateway ${pool.gateway} is no host address of ${pool.subnet}`,
    fix: 'Correct "gateway" or "subnet" of the pool in device.json.',
  };
}

function conflict({ name, network }: ContainerSpec, netLines: NetLines): Refusal | undefined {
  const line = netLines.get(name)?.[0];
  if (line !== undefined) {
    return {
      reason: `its LXC configuration has a network of its own: ${line.key}`,
      fix: 'Remove the lxc.net lines from its LXC configuration, or the pool from its run.json.',
    };
  }
  const mac = network?.mac;
  if (mac === undefined || MAC.test(mac)) return undefined;
  return {
    reason: `"${mac}" is no hardware address for one interface`,
    fix: 'Correct "mac" in its run.json, as 02:00:0a:4d:00:05, or remove it.',
  };
}

function unfit(
  ip: string,
  { network, broadcast }: Subnet,
  pool: NetworkPool,
  taken: ReadonlyMap<number, string>,
): Refusal | undefined {
  const address = parseAddress(ip);
  if (address === undefined || address <= network || address >= broadcast) {
    return {
      reason: `"${ip}" is no host address of ${pool.subnet}`,
      fix: 'Correct "ip" in its run.json, or remove it to get one of the pool.',
    };
  }
  const holder = taken.get(address);
  if (holder === undefined) return undefined;
  return {
    reason: `${ip} is taken by ${holder}`,
    fix: 'Choose another "ip" in its run.json, or remove it to get one of the pool.',
  };
}

function exhausted(pool: NetworkPool): Refusal {
  return {
    reason: `no address is left in ${pool.subnet} after the gateway ${pool.gateway}`,
    fix: 'Give the pool a larger subnet or a lower gateway in device.json.',
  };
}

function denied(container: ContainerSpec, refusal: Refusal): Entry {
  return [container.name, { fault: faultOf(container, refusal) }];
}

function faultOf({ name, network }: ContainerSpec, { reason, fix }: Refusal): Fault {
  const message = `starting ${name}: network pool "${network?.pool ?? ''}": ${reason}`;
  return { code: 'START_FAILED', message, subject: name, fix };
}

function linkOf({ type, bridge, parent }: NetworkPool): string {
  return (type === 'bridge' ? bridge : parent) ?? '';
}

/** The address of the network itself and its length, as `10.77.0.0/24`; a host's address there may stand for it. */
export function networkOf(pool: NetworkPool): string {
  const { network, prefix } = parseSubnet(pool.subnet);
  return `${formatted(network)}/${prefix}`;
}

function parseSubnet(text: string): Subnet {
  const prefix = Number(text.split('/')[1]);
  const size = 2 ** (32 - prefix);
  const network = Math.floor((parseAddress(text) ?? 0) / size) * size;
  return { network, broadcast: network + size - 1, prefix };
}

/** What follows a slash is left to the pool, one address after another to LXC. */
function parseAddress(text: string): number | undefined {
  const match = /^["']?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/\d{1,2})?(?:$|["'\s])/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  return bytes.every((byte) => byte < 256) ? bytes.reduce((sum, byte) => sum * 256 + byte) : undefined;
}

function bytesOf(address: number): readonly number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
}

function formatted(address: number): string {
  return bytesOf(address).join('.');
}

/** Locally administered, and told by the address alone. */
function macOf(address: number): string {
  return ['02', '00', ...bytesOf(address).map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** The hardware address that belongs to the pool's gateway. */
export function gatewayMac(pool: NetworkPool): string {
  return macOf(parseAddress(pool.gateway) ?? 0);
}
