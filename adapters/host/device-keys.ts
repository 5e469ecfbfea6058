/** What kernel and hardware say of this device (logs and metadata §5): from Node where it knows, else from /proc. */

import { readdir, readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import type { DeviceProbe } from '../../actors/ports.ts';
import type {
  DeviceIdentity,
  NetworkInterface,
  StorageSpace,
  SystemInfo,
} from '../../machines/domain/device-keys.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf } from './kernel-error.ts';

export interface DeviceProbeOptions {
  /** Its file system is measured. */
  readonly storage: string;
  /** Of the supervisor. */
  readonly version: string;
}

export function createDeviceProbe({ storage, version }: DeviceProbeOptions): DeviceProbe {
  return {
    identity: () => probing('the device', () => identity(version)),
    sysinfo: () => probing('the system', sysinfo),
    storage: () => probing(`the space of ${storage}`, () => space(storage)),
    interfaces: () => probing('the network interfaces', interfaces),
  };
}

async function probing<T>(what: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (cause) {
    const errno = errnoOf(cause);
    throw new SupervisorError('UNSUPPORTED', `looking at ${what} failed: ${errno ?? String(cause)}`, {
      ...(errno === undefined ? {} : { errno }),
      fix: 'Mount /proc and /sys for the supervisor, and the storage',
      cause,
    });
  }
}

/** As compilers call them; what is missing here has the same name. */
const ARCHES: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  ia32: 'i686',
  arm64: 'aarch64',
  mipsel: 'mips',
};
const NARROW = new Set(['arm', 'ia32', 'mips', 'mipsel']);

async function identity(version: string): Promise<DeviceIdentity> {
  const [model, cpu] = await Promise.all([
    textIfThere('/proc/device-tree/model'),
    textIfThere('/proc/cpuinfo'),
  ]);
  return {
    arch: ARCHES[process.arch] ?? process.arch,
    bits: NARROW.has(process.arch) ? 32 : 64,
    endianness: os.endianness(),
    version,
    // Device tree strings end in NUL.
    deviceTreeModel: model.replace(/\0.*/s, ''),
    cpuModel: /^(?:model name|cpu model|Processor|Hardware)[ \t]*:[ \t]*(.*)$/m.exec(cpu)?.[1]?.trim() ?? '',
    kernelName: os.type(),
    kernelRelease: os.release(),
    kernelVersion: os.version(),
    nodeName: os.hostname(),
    machine: os.machine(),
  };
}

/** The values of sysinfo(2), where the kernel shows them as text. Loads have lost what is below a hundredth. */
async function sysinfo(): Promise<SystemInfo> {
  const [uptime, loads, memory] = await Promise.all([
    readText('/proc/uptime'),
    readText('/proc/loadavg'),
    readText('/proc/meminfo'),
  ]);
  const [one, five, fifteen, threads = ''] = loads.split(' ');
  const bytes = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(memory)?.[1] ?? 0);
  return {
    // Begun seconds count, as in sysinfo(2).
    uptimeSeconds: Math.ceil(Number.parseFloat(uptime)),
    loads: [fixedPoint(one), fixedPoint(five), fixedPoint(fifteen)],
    totalRam: bytes('MemTotal'),
    freeRam: bytes('MemFree'),
    sharedRam: bytes('Shmem'),
    bufferRam: bytes('Buffers'),
    totalSwap: bytes('SwapTotal'),
    freeSwap: bytes('SwapFree'),
    processes: Number(threads.split('/')[1] ?? 0),
    totalHigh: bytes('HighTotal'),
    freeHigh: bytes('HighFree'),
    unitBytes: 1,
  };
}

function fixedPoint(load = '0'): number {
  return Math.round(Number(load) * 65_536);
}

async function space(storage: string): Promise<StorageSpace> {
  const { bsize, blocks, bfree } = await statfs(storage);
  return { totalBytes: bsize * blocks, freeBytes: bsize * bfree };
}

/** Those without an address too; Node alone does not know them. */
async function interfaces(): Promise<readonly NetworkInterface[]> {
  const addresses = os.networkInterfaces();
  const known = await readdir('/sys/class/net');
  const names = [...new Set([...known, ...Object.keys(addresses)])].sort();
  return Promise.all(
    names.map(async (name): Promise<NetworkInterface> => {
      const own = addresses[name] ?? [];
      const of = (family: string) =>
        own.filter((entry) => entry.family === family).map(({ address }) => address);
      const mac = (await textIfThere(join('/sys/class/net', name, 'address'))).trim();
      return { name, mac: mac === '' ? [] : [mac], ipv4: of('IPv4'), ipv6: of('IPv6') };
    }),
  );
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

/** Empty when it is not there: not every device has it, and interfaces come and go. */
async function textIfThere(path: string): Promise<string> {
  try {
    return await readText(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EINVAL', 'ENODEV'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}
