/** `network`: pools of the device and the place of a container in one (state format §21). Nothing here refuses a
 *  state: what is malformed is warned about and left out. */

import type { JsonNode } from './json-node.ts';
import type { Report } from './problem.ts';
import type { ContainerNetwork, NetworkPool } from './revision.ts';
import {
  found,
  list,
  nonEmptyText,
  oneOf,
  optional,
  quoted,
  record,
  type Shape,
  tolerant,
  unread,
} from './shape.ts';

const word = tolerant(nonEmptyText);
const BYTE = '(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])';
const ADDRESS = `${BYTE}(\\.${BYTE}){3}`;

function matching(wants: string, pattern: string): Shape<string> {
  const expression = new RegExp(pattern);
  return tolerant({
    wants,
    schema: { type: 'string', pattern },
    fits: (node) => node.kind === 'string' && expression.test(node.value),
    read: (node) => (node.kind === 'string' ? node.value : undefined),
  });
}

const truth: Shape<boolean> = tolerant(
  {
    wants: 'true or false',
    schema: { type: 'boolean' },
    fits: (node) => node.kind === 'word' && node.value !== null,
    read: (node) => node.kind === 'word' && node.value === true,
  },
  'it is read as false',
);

const pool = record({
  type: optional('§21', 'bridge (default) or macvlan', nonEmptyText),
  bridge: optional('§21', 'Bridge device (type bridge)', word),
  parent: optional('§21', 'Parent device (type macvlan)', word),
  subnet: optional(
    '§21',
    'Addresses, as 10.77.0.0/24',
    matching('a subnet', `^${ADDRESS}/(3[0-2]|[12]?[0-9])$`),
  ),
  gateway: optional('§21', 'Address of the gateway', matching('an IPv4 address', `^${ADDRESS}$`)),
  nat: optional('§21', 'Translate addresses', truth),
});

/** `network` of `device.json`. */
const deviceNetwork = tolerant(
  record({
    pools: optional('§21', 'Pools by name', unread({ type: 'object', additionalProperties: pool.schema })),
  }),
);
export const deviceNetworkSchema = deviceNetwork.schema;

/** The usable pools, in document order. */
export function readPools(node: JsonNode, report: Report): readonly NetworkPool[] {
  const pools = deviceNetwork.read(node, report, '§21')?.pools;
  if (pools === undefined) return [];
  if (pools.kind !== 'object') {
    report.warn(
      pools,
      '§21',
      `expected an object, found ${found(pools)}; there are no pools`,
      'Write an object',
    );
    return [];
  }
  return [...pools.members].flatMap(([name, value]) => readPool(name, value, report) ?? []);
}

function readPool(name: string, node: JsonNode, report: Report): NetworkPool | undefined {
  const skip = (reason: string, fix: string): undefined =>
    report.warn(node, '§21', `the pool ${quoted(name)} is skipped: ${reason}`, fix) as undefined;
  const values = tolerant(pool).read(node, report, '§21');
  if (values === undefined) return undefined;
  const { type = 'bridge', bridge, parent, subnet, gateway, nat = false } = values;
  if (type !== 'bridge' && type !== 'macvlan')
    return skip('its type is unknown', 'Write "bridge" or "macvlan"');
  if (type === 'bridge' && bridge === undefined)
    return skip('it has no bridge', 'Add "bridge": a device name');
  if (type === 'macvlan' && parent === undefined)
    return skip('it has no parent', 'Add "parent": a device name');
  if (subnet === undefined) return skip('it has no subnet', 'Add "subnet", as 10.77.0.0/24');
  if (gateway === undefined) return skip('it has no gateway', 'Add "gateway", as 10.77.0.1');
  return { name, type, bridge, parent, subnet, gateway, nat };
}

/** As long as Linux takes it. It becomes a line of the runtime's configuration, so it is letters, not any text. */
const hostname = matching(
  'a host name of 1 to 64 letters, digits and . _ -',
  '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$',
);

const containerFields = record({
  mode: optional('§21', 'host or pool', tolerant(oneOf(['host', 'pool']))),
  pool: optional('§21', 'Pool to take an address from; implies mode pool', word),
  hostname: optional('§21', 'Host name inside', hostname),
  ip: optional('§21', 'Static address of eth0', word),
  mac: optional('§21', 'Static hardware address of eth0', word),
  interfaces: optional(
    '§21, S-36',
    'The first may carry ipv4_address and mac_address; ip and mac win',
    tolerant(
      list(
        tolerant(
          record({
            ipv4_address: optional('§21, S-36', 'Static address', word),
            mac_address: optional('§21, S-36', 'Static hardware address', word),
          }),
        ),
      ),
    ),
  ),
});

/** `network` of a run.json. */
export const containerNetwork: Shape<ContainerNetwork> = tolerant({
  ...containerFields,
  read(node, report, spec) {
    const values = containerFields.read(node, report, spec);
    if (values === undefined) return undefined;
    const { pool, hostname, interfaces = [] } = values;
    const [first] = interfaces;
    return {
      mode: pool === undefined ? (values.mode ?? 'none') : 'pool',
      pool,
      hostname,
      ip: values.ip ?? first?.ipv4_address,
      mac: values.mac ?? first?.mac_address,
    };
  },
});
