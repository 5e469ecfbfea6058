/** The device metadata that the supervisor itself writes (logs and metadata §5): what it is made of, and its texts. */

import type { MetadataEntry } from './metadata.ts';

/** What stays the same while the supervisor runs. */
export interface DeviceIdentity {
  /** What programs on this device are built for, e.g. `aarch64`. */
  readonly arch: string;
  readonly bits: 32 | 64;
  readonly endianness: 'LE' | 'BE';
  /** Of the supervisor. */
  readonly version: string;
  /** Empty where there is no device tree. */
  readonly deviceTreeModel: string;
  /** Empty where the kernel does not say. */
  readonly cpuModel: string;
  readonly kernelName: string;
  readonly kernelRelease: string;
  readonly kernelVersion: string;
  readonly nodeName: string;
  readonly machine: string;
}

/** As sysinfo(2) tells it. */
export interface SystemInfo {
  readonly uptimeSeconds: number;
  /** Over 1, 5 and 15 minutes; 1.0 is 65 536. */
  readonly loads: readonly [number, number, number];
  readonly totalRam: number;
  readonly freeRam: number;
  readonly sharedRam: number;
  readonly bufferRam: number;
  readonly totalSwap: number;
  readonly freeSwap: number;
  readonly processes: number;
  readonly totalHigh: number;
  readonly freeHigh: number;
  /** Bytes that the sizes count. */
  readonly unitBytes: number;
}

export interface StorageSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export interface NetworkInterface {
  readonly name: string;
  readonly mac: readonly string[];
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** Oldest first: lists show them the other way round. */
export function identityKeys(device: DeviceIdentity): readonly MetadataEntry[] {
  const uname = {
    'kernel.name': device.kernelName,
    'kernel.release': device.kernelRelease,
    'kernel.version': device.kernelVersion,
    'node.name': device.nodeName,
    machine: device.machine,
  };
  return [
    ['pantavisor.arch', `${device.arch}/${device.bits}/${device.endianness === 'LE' ? 'EL' : 'EB'}`],
    ['pantavisor.version', device.version],
    ['pantavisor.dtmodel', device.deviceTreeModel],
    ['pantavisor.cpumodel', device.cpuModel],
    ['pantavisor.uname', JSON.stringify(uname)],
  ];
}

/** The time zone is the kernel's, which nobody sets any more: C libraries report zeros. */
export function timeText(wallMs: number): string {
  const tv_sec = Math.floor(wallMs / 1000);
  const timeval = { tv_sec, tv_usec: Math.floor((wallMs - tv_sec * 1000) * 1000) };
  return JSON.stringify({ timeval, timezone: { tz_minuteswest: 0, tz_dsttime: 0 } });
}

export function sysinfoText(info: SystemInfo): string {
  const [one, five, fifteen] = info.loads;
  return JSON.stringify({
    uptime: info.uptimeSeconds,
    'loads.0': one,
    'loads.1': five,
    'loads.2': fifteen,
    totalram: info.totalRam,
    freeram: info.freeRam,
    sharedram: info.sharedRam,
    bufferram: info.bufferRam,
    totalswap: info.totalSwap,
    freeswap: info.freeSwap,
    procs: info.processes,
    totalhigh: info.totalHigh,
    freehigh: info.freeHigh,
    mem_unit: info.unitBytes,
  });
}

/** Storage §11. `reservedPercent`: `PV_STORAGE_GC_RESERVED`. */
export function storageText({ totalBytes, freeBytes }: StorageSpace, reservedPercent: number): string {
  const reserved = Math.floor((totalBytes * reservedPercent) / 100);
  return JSON.stringify({
    total: totalBytes,
    free: freeBytes,
    reserved,
    real_free: Math.max(0, freeBytes - reserved),
  });
}

/** Only what an interface has is listed, and `lo` has no hardware address. */
export function interfacesText(interfaces: readonly NetworkInterface[]): string {
  const rows = interfaces.flatMap(({ name, mac, ipv4, ipv6 }) => [
    [`${name}.mac`, name === 'lo' ? [] : mac] as const,
    [`${name}.ipv4`, ipv4] as const,
    [`${name}.ipv6`, ipv6] as const,
  ]);
  return JSON.stringify(Object.fromEntries(rows.filter(([, addresses]) => addresses.length > 0)));
}
