/** Swap disks (storage §10): partitions, files without holes and compressed memory. Enabled when a revision starts, before
 *  its volumes; kept while the supervisor is away. */

import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs';
import type { SwapPlace, SwapPlan } from '../../machines/domain/disk-plan.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { makeComplete, writeZeros } from './disk-files.ts';
import { fileFault, type Tool } from './disk-tools.ts';

/** Whether the kernel swaps on it. */
export function isSwapping(device: string, table = '/proc/swaps'): boolean {
  if (!existsSync(device)) return false;
  const real = realpathSync(device);
  const lines = readFileSync(table, 'utf8').split('\n').slice(1);
  return lines.some((line) => {
    const name = line.split(/\s/, 1)[0] ?? '';
    return (
      name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) ===
      real
    );
  });
}

/** Makes what `place` names fit to be swapped on, once. `zram` is the device of a place in memory, always fresh. */
export async function prepareSwap(plan: SwapPlan, device: string, tool: Tool): Promise<void> {
  const { name, place, formatOptions } = plan;
  const format = (path: string) => tool(useOf(name), 'mkswap', ...formatOptions, path);
  switch (place.kind) {
    case 'zram':
      await format(device);
      return;
    case 'file':
      if (existsSync(place.path)) return;
      try {
        await makeComplete(place.path, async (fresh, file) => {
          await writeZeros(file, place.sizeBytes);
          await format(fresh);
        });
      } catch (error) {
        throw fileFault(name, `making ${place.path} of ${place.sizeBytes} bytes`, error);
      }
      return;
    case 'existing':
      if (contentOf(name, place) === 'blank') await format(place.path);
      return;
    default:
      place satisfies never;
  }
}

export async function swapOn({ name, options }: SwapPlan, device: string, tool: Tool): Promise<void> {
  await tool(useOf(name), 'swapon', ...options, device);
}

const PAGE_BYTES = [4096, 8192, 16384, 65536] as const;
/** What has a file system or a table of partitions has something in it. */
const LOOKED_AT_BYTES = 1024 * 1024;
const SIGNATURE = 'SWAPSPACE2';

/** Only what is blank is ever formatted: a mistyped partition keeps its data.
 *  @throws MOUNT_FAILED when it holds something else, or nothing is there */
function contentOf(name: string, { path }: SwapPlace & { kind: 'existing' }): 'swap' | 'blank' {
  const head = Buffer.alloc(LOOKED_AT_BYTES);
  try {
    const descriptor = openSync(path, 'r');
    try {
      readSync(descriptor, head);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileFault(name, `looking into ${path}`, error);
  }
  const signed = PAGE_BYTES.some(
    (size) => head.toString('latin1', size - SIGNATURE.length, size) === SIGNATURE,
  );
  if (signed) return 'swap';
  if (head.every((byte) => byte === 0)) return 'blank';
  throw new SupervisorError('MOUNT_FAILED', `disk "${name}": ${path} holds something, and no swap`, {
    subject: name,
    fix: `Name another path, or make it swap by hand, which destroys what it holds: mkswap ${path}`,
  });
}

function useOf(name: string) {
  return { subject: name, what: `disk "${name}"` };
}
