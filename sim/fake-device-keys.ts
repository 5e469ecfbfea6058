/** A make-believe device to look at: always the same board, its uptime that of the clock. */

import type { DeviceProbe } from '../actors/ports.ts';

const MEBIBYTE = 1024 * 1024;

/** `now`: monotonic ms since the device booted. */
export function createFakeProbe(now: () => number): DeviceProbe {
  return {
    identity: () =>
      Promise.resolve({
        arch: 'aarch64',
        bits: 64,
        endianness: 'LE',
        version: 'simulated',
        deviceTreeModel: 'Simulated Board',
        cpuModel: 'Simulated CPU',
        kernelName: 'Linux',
        kernelRelease: '6.6.0-simulated',
        kernelVersion: '#1 SMP',
        nodeName: 'simulated',
        machine: 'aarch64',
      }),
    sysinfo: () =>
      Promise.resolve({
        uptimeSeconds: Math.ceil(now() / 1000),
        loads: [32_768, 16_384, 8192],
        totalRam: 512 * MEBIBYTE,
        freeRam: 256 * MEBIBYTE,
        sharedRam: MEBIBYTE,
        bufferRam: 8 * MEBIBYTE,
        totalSwap: 0,
        freeSwap: 0,
        processes: 64,
        totalHigh: 0,
        freeHigh: 0,
        unitBytes: 1,
      }),
    storage: () => Promise.resolve({ totalBytes: 1000 * MEBIBYTE, freeBytes: 700 * MEBIBYTE }),
    interfaces: () =>
      Promise.resolve([
        { name: 'lo', mac: [], ipv4: ['127.0.0.1'], ipv6: ['::1'] },
        { name: 'eth0', mac: ['02:00:00:00:00:01'], ipv4: ['192.0.2.10'], ipv6: ['fe80::1'] },
      ]),
  };
}
