/** The bridges of network pools: made when the first container needs one, used as they are when they exist, never
 *  removed (state format §21, logs and metadata §15). Which container has which address is in `machines/domain/ipam.ts`;
 *  the container's own interface is LXC's to make. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { gatewayMac, type Lease, networkOf } from '../../machines/domain/ipam.ts';
import type { NetworkPool } from '../../machines/domain/revision.ts';
import { type Finished, run } from './exec.ts';
import { errnoOf } from './kernel-error.ts';

export interface Bridges {
  /** Resolves when the pool's bridge is up, has the gateway's address and, with `nat`, leads out. Nothing is to be done
   *  for a macvlan: its gateway is someone else's. @throws START_FAILED */
  ready(container: string, lease: Lease): Promise<void>;
}

export function createBridges(): Bridges {
  const masqueraded = new Set<string>();
  let turn: Promise<void> = Promise.resolve();

  async function make(container: string, { pool, link, prefix }: Lease): Promise<void> {
    await makeBridge(container, pool, link, prefix);
    const network = networkOf(pool);
    if (!pool.nat || masqueraded.has(network)) return;
    forward(container, pool);
    await masquerade(container, pool, network);
    masqueraded.add(network);
  }

  return {
    ready(container, lease) {
      if (lease.pool.type !== 'bridge') return Promise.resolve();
      // One after the other: containers that start side by side would all find the bridge missing.
      const mine = turn.then(() => make(container, lease));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

async function makeBridge(
  container: string,
  pool: NetworkPool,
  bridge: string,
  prefix: number,
): Promise<void> {
  const ip = (what: string, args: readonly string[]) => succeed(container, pool, what, 'ip', args);
  const look = () => call(container, pool, 'ip', ['addr', 'show', 'dev', bridge]);
  let found = await look();
  if (found.code !== 0) {
    // With an address of its own; else the bridge takes over one of its ports', and neighbours lose it as they stop.
    const device = ['link', 'add', 'name', bridge, 'address', gatewayMac(pool), 'type', 'bridge'];
    await ip(`making bridge ${bridge}`, device);
    found = await look();
  } else if (!existsSync(`/sys/class/net/${bridge}/bridge`)) {
    throw failed(container, pool, `${bridge} exists and is no bridge`, {
      errno: 'EEXIST',
      fix: 'Choose another name for the bridge of the pool in device.json.',
    });
  }
  if (!found.stdout.includes(` inet ${pool.gateway}/`)) {
    const address = `${pool.gateway}/${prefix}`;
    await ip(`giving ${address} to ${bridge}`, ['addr', 'add', address, 'dev', bridge]);
  }
  if (!/<([A-Z_-]+,)*UP[,>]/.test(found.stdout)) {
    await ip(`bringing ${bridge} up`, ['link', 'set', 'dev', bridge, 'up']);
  }
}

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/** Translation is of use only to a host that passes packets on. */
function forward(container: string, pool: NetworkPool): void {
  try {
    if (readFileSync(IP_FORWARD, 'utf8').trim() === '0') writeFileSync(IP_FORWARD, '1');
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw failed(container, pool, `setting ${IP_FORWARD}: ${errno}`, { errno, fix: AS_ROOT, cause });
  }
}

/** nft in a chain of this network's own, emptied and filled as one change, so that the rule is there exactly once. */
async function masquerade(container: string, pool: NetworkPool, network: string): Promise<void> {
  const chain = `ip statevisor masquerade-${network.replace('/', '-')}`;
  const rules = [
    'add table ip statevisor',
    `add chain ${chain} { type nat hook postrouting priority 100; }`,
    `flush chain ${chain}`,
    `add rule ${chain} ip saddr ${network} ip daddr != ${network} masquerade`,
  ];
  const nft = await attempt('nft', [rules.join('; ')]);
  if (nft === undefined) return;
  const rule = ['POSTROUTING', '-s', network, '!', '-d', network, '-j', 'MASQUERADE'];
  if ((await attempt('iptables', ['-w', '-t', 'nat', '-C', ...rule])) === undefined) return;
  const iptables = await attempt('iptables', ['-w', '-t', 'nat', '-A', ...rule]);
  if (iptables === undefined) return;
  throw failed(container, pool, `masquerading ${network}: ${nft}; ${iptables}`, {
    fix: 'Install nftables and a kernel with nf_tables and NAT, or remove "nat" from the pool in device.json.',
  });
}

/** Undefined when it has worked. */
async function attempt(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stderr } = await run(program, args);
    return code === 0 ? undefined : `${program}: ${firstLine(stderr)}`;
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    return `${program} cannot be run (${errno})`;
  }
}

async function succeed(
  container: string,
  pool: NetworkPool,
  what: string,
  program: string,
  args: readonly string[],
): Promise<void> {
  const { code, stderr } = await call(container, pool, program, args);
  if (code === 0) return;
  throw failed(container, pool, `${what}: ${firstLine(stderr)}`, { fix: AS_ROOT });
}

async function call(
  container: string,
  pool: NetworkPool,
  program: string,
  args: readonly string[],
): Promise<Finished> {
  try {
    return await run(program, args);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw failed(container, pool, `${program} cannot be run: ${errno}`, {
      errno,
      fix: 'Install iproute2.',
      cause,
    });
  }
}

const AS_ROOT = 'Run the supervisor as root with CAP_NET_ADMIN, on a kernel with bridges.';

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || 'it ended without saying why';
}

function failed(
  container: string,
  pool: NetworkPool,
  reason: string,
  details: { readonly errno?: string; readonly fix: string; readonly cause?: unknown },
): SupervisorError {
  const message = `starting ${container}: network pool "${pool.name}": ${reason}`;
  return new SupervisorError('START_FAILED', message, { subject: container, ...details });
}
