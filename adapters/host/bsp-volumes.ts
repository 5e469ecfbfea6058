/** The device's own volumes: mounted below `<volumes>/bsp` when a revision starts, after its swap disks, and kept until the
 *  device stops, also while the supervisor is away (storage §9, lifecycle §14.3).
 *
 *  Firmware and modules are shown at /lib/firmware and /lib/modules/<release>. The reference deletes what is there; we
 *  mount over it, which looks the same and can be undone. Both, and the kernel's firmware path, are touched on a machine
 *  that belongs to the supervisor alone (`ownsMachine`); elsewhere that is said and left. */

import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, unlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { release as runningRelease } from 'node:os';
import { BSP, type BspAsset, bspPlan, ownsMachine } from '../../machines/domain/bsp-plan.ts';
import { type Fault, SupervisorError, toFault } from '../../machines/domain/fault.ts';
import { type Layout, volumesDir, volumeTarget } from '../../machines/domain/layout.ts';
import { type MountOptions, volumesPlan } from '../../machines/domain/mount-plan.ts';
import type { Revision, VolumeSpec } from '../../machines/domain/revision.ts';
import type { Disks } from './disks.ts';
import type { Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';
import { mountFault } from './mount-faults.ts';
import { isMountPoint } from './mount-points.ts';
import { carryOut } from './mount-steps.ts';
import { mountsBelow, readMountTable } from './mount-table.ts';
import { createTakeDown } from './take-down.ts';

export interface BspVolumes {
  /** What is mounted already is passed over. @throws MOUNT_FAILED; then nothing that it has mounted stays */
  mount(): Promise<void>;
  /** Takes all of it down, also what an earlier supervisor has mounted. Disks stay. Returns what is still up, and why. */
  unmount(): Promise<readonly Fault[]>;
}

export interface BspOptions extends Omit<MountOptions, 'disks'> {
  readonly kernel: Kernel;
  /** Without symbolic links (`realLayout`). */
  readonly layout: Layout;
  readonly revision: Pick<Revision, 'bsp' | 'deviceVolumes' | 'disks'>;
  readonly disks: Disks;
  readonly initMode: 'embedded' | 'standalone' | 'appengine';
  /** `PV_STORAGE_FIRMWARE_VOL`. */
  readonly firmwareVolume: boolean;
  readonly complain: (fault: Fault) => void;
  readonly places?: BspPlaces;
}

/** Where the host has what is replaced; tests have a tree of their own. */
export interface BspPlaces {
  readonly firmware: string;
  readonly modules: string;
  readonly firmwarePath: string;
  readonly kernelCommandLine: string;
  readonly release: string;
}

/** Not a constant: this code may be loaded, for a snapshot, on another machine than it runs on. */
function placesOfHost(): BspPlaces {
  const release = runningRelease();
  return {
    firmware: '/lib/firmware',
    modules: `/lib/modules/${release}`,
    firmwarePath: '/sys/module/firmware_class/parameters/path',
    kernelCommandLine: '/proc/cmdline',
    release,
  };
}

const FIRMWARE = 'pv--firmware';
const NEVER = new AbortController().signal;

export function createBspVolumes(options: BspOptions): BspVolumes {
  const {
    kernel,
    layout,
    revision,
    disks,
    initMode,
    firmwareVolume,
    complain,
    places = placesOfHost(),
  } = options;
  const plan = bspPlan(revision, layout, places.release);
  const takeDown = createTakeDown(kernel, layout);
  const shown: readonly (readonly [BspAsset, string])[] = [
    ...(plan.firmware === undefined ? [] : [[plan.firmware, places.firmware] as const]),
    ...(plan.modules === undefined ? [] : [[plan.modules, places.modules] as const]),
  ];

  async function mount(): Promise<void> {
    await disks.enableSwap();
    const done: string[] = [];
    try {
      const owned = isOurs();
      const volumes = [
        ...(owned ? shown.flatMap(([{ volume }]) => volume ?? []) : []),
        ...plan.deviceVolumes,
      ];
      await mountVolumes(volumes, done);
      if (!owned) return;
      for (const [asset, target] of shown) await show(asset, target, done);
      if (firmwareVolume) await setFirmwarePath();
    } catch (thrown) {
      for (const target of done.toReversed()) await takeDown.mount(BSP, target);
      throw thrown;
    }
  }

  /** Asks only when there is something that only such a machine gets. */
  function isOurs(): boolean {
    if (shown.length === 0 && !firmwareVolume) return false;
    if (ownsMachine(initMode, readFileSync(places.kernelCommandLine, 'latin1'))) return true;
    complain({
      code: 'UNSUPPORTED',
      message: `firmware and modules of the BSP are left alone: this kernel was not booted for a revision`,
      subject: BSP,
      fix: `On a device, let its boot loader give the kernel pv_rev=<revision>; ${places.kernelCommandLine} has none.`,
    });
    return false;
  }

  async function mountVolumes(volumes: readonly VolumeSpec[], done: string[]): Promise<void> {
    const planned = volumesPlan(BSP, volumes, layout, { ...options, disks: revision.disks });
    if (!planned.ok) throw asError(planned.fault);
    for (const step of planned.plan.steps) {
      if (step.kind !== 'disk' && isMountPoint(step.target)) continue;
      try {
        await carryOut(step, kernel, layout, disks, NEVER);
      } catch (thrown) {
        throw mountFault(BSP, step, thrown);
      }
      if (step.kind !== 'disk') done.push(step.target);
    }
  }

  async function show({ source }: BspAsset, place: string, done: string[]): Promise<void> {
    try {
      const target = directoryAt(place);
      if (realPath(source) === target || isShown(source, target)) return;
      await kernel.bind(source, target);
      done.push(target);
    } catch (thrown) {
      const errno = errnoOf(thrown) ?? 'EIO';
      throw new SupervisorError(
        'MOUNT_FAILED',
        `mounting bsp: showing ${source} at ${place} failed: ${errno}`,
        {
          subject: BSP,
          errno,
          fix: 'Let bsp/run.json name a volume of the BSP, or a directory of the host.',
          cause: thrown,
        },
      );
    }
  }

  async function setFirmwarePath(): Promise<void> {
    const details = {
      subject: BSP,
      fix: `Add the volume "${FIRMWARE}" to device.json, or unset PV_STORAGE_FIRMWARE_VOL.`,
    };
    if (!plan.deviceVolumes.some(({ name }) => name === FIRMWARE)) {
      throw new SupervisorError('MOUNT_FAILED', `mounting bsp: there is no volume "${FIRMWARE}"`, details);
    }
    try {
      await writeFile(places.firmwarePath, volumeTarget(layout, BSP, FIRMWARE), { flag: 'r+' });
    } catch (cause) {
      const errno = errnoOf(cause) ?? 'EIO';
      const message = `mounting bsp: writing ${places.firmwarePath} failed: ${errno}`;
      const fix = 'Build the kernel with CONFIG_FW_LOADER, or unset PV_STORAGE_FIRMWARE_VOL.';
      throw new SupervisorError('MOUNT_FAILED', message, { subject: BSP, errno, fix, cause });
    }
  }

  async function unmount(): Promise<readonly Fault[]> {
    const left: Fault[] = [];
    const attempt = (undoing: Promise<void>) =>
      undoing.catch((thrown: unknown) => void left.push(toFault(thrown)));
    for (const [{ source }, place] of shown.toReversed()) {
      if (isShown(source, place)) await attempt(takeDown.mount(BSP, realpathSync(place)));
    }
    const images = shown.flatMap(([{ volume }]) => volume ?? []);
    const planned = volumesPlan(BSP, images, layout, { ...options, disks: revision.disks });
    const steps = planned.ok ? planned.plan.steps : [];
    for (const { target } of mountsBelow(readMountTable(), volumesDir(layout, BSP)).toReversed()) {
      const step = steps.find((one) => one.kind === 'handler' && one.target === target);
      if (step?.kind === 'handler') await attempt(takeDown.byHandler(BSP, step.unmount, target));
      else await attempt(takeDown.mount(BSP, target));
    }
    return left;
  }

  return { mount, unmount };
}

/** The directory at a place, made when there is none. A link that leads to one is followed; any other is replaced. */
function directoryAt(place: string): string {
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) {
    try {
      unlinkSync(place);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    mkdirSync(place, { recursive: true, mode: 0o755 });
  }
  return realpathSync(place);
}

function realPath(path: string): string | undefined {
  return existsSync(path) ? realpathSync(path) : undefined;
}

/** Whether a place shows a directory that lies elsewhere, as a bind does. */
function isShown(source: string, place: string): boolean {
  if (realPath(source) === realPath(place)) return false;
  const [first, second] = [source, place].map((path) => statSync(path, { throwIfNoEntry: false }));
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino;
}

function asError({ code, message, ...details }: Fault): SupervisorError {
  return new SupervisorError(code, message, details);
}
