/** What the handler script `dm` does, for devices without it: opens an image that the kernel verifies block by block, and
 *  mounts it read-only (state format §9.4, storage §6.1). */

import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { type Layout, volumeTarget } from '../../machines/domain/layout.ts';
import {
  type VerityPlan,
  verityManifest,
  verityMapping,
  verityPlan,
} from '../../machines/domain/verity-plan.ts';
import { MAPPER, requireDeviceMapper } from './device-mapper.ts';
import { createTool, type ToolUse } from './disk-tools.ts';
import { errnoOf } from './kernel-error.ts';
import { isMountPoint } from './mount-points.ts';

export interface VerityPlaces {
  /** `PATH` for programs; that of the environment unless given. */
  readonly searchPath?: string;
  readonly mapper?: string;
}

/** Arguments as a handler gets them: `mount` or `umount`, the image's file, its owner, its name, more for veritysetup.
 *  @throws MOUNT_FAILED, UNMOUNT_FAILED */
export async function runVerity(
  layout: Layout,
  args: readonly string[],
  places: VerityPlaces = {},
): Promise<void> {
  const [action, , owner = '', image = '', ...more] = args;
  const tool = createTool(places.searchPath);
  const { mapper = MAPPER } = places;
  const target = volumeTarget(layout, owner, image);
  const mapping = verityMapping(owner, image);
  const what = `verified image "${image}" of ${owner}`;
  const close: ToolUse = { subject: owner, what: `closing ${what}`, code: 'UNMOUNT_FAILED' };
  if (action === 'umount') {
    if (isMountPoint(target)) await tool(close, 'umount', target);
    if (existsSync(join(mapper, mapping))) await tool(close, 'veritysetup', 'close', mapping);
    return;
  }
  const plan = readPlan(layout, owner, image, what);
  requireDeviceMapper(owner, what, 'dm-verity', mapper);
  const use: ToolUse = { subject: owner, what };
  // Opened by a supervisor that did not live to mount it.
  if (existsSync(join(mapper, mapping))) await tool(close, 'veritysetup', 'close', mapping);
  await tool(use, 'veritysetup', ...more, 'open', plan.data, mapping, plan.hash, plan.rootHash);
  try {
    const device = join(mapper, mapping);
    await tool(use, 'mount', '-t', extname(image).slice(1), '-o', 'ro', device, target);
  } catch (error) {
    await tool(close, 'veritysetup', 'close', mapping);
    throw error;
  }
}

function readPlan(layout: Layout, owner: string, image: string, what: string): VerityPlan {
  const file = verityManifest(layout, owner, image);
  const refused = (reason: string, errno?: string) =>
    new SupervisorError('MOUNT_FAILED', `${what}: the manifest ${file} cannot be followed: ${reason}`, {
      subject: owner,
      ...(errno === undefined ? {} : { errno }),
      fix: 'It names type, data_device, hash_device and root_hash; without one, leave "dm:" out.',
    });
  try {
    const plan = verityPlan(layout, owner, image, JSON.parse(readFileSync(file, 'utf8')));
    if (typeof plan === 'string') throw refused(plan);
    return plan;
  } catch (error) {
    if (error instanceof SyntaxError) throw refused(error.message);
    const errno = errnoOf(error);
    throw errno === undefined ? error : refused('it cannot be read', errno);
  }
}
