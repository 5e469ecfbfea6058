/** Composition root: settings → run directory → revision on disk → ports → supervisor. Everything that `statevisor
 *  run` does to the machine is put together here, in this order; nothing starts before `supervisor.start()`. */

import type { Rebooter, Supervisor } from '../actors/ports.ts';
import { createSupervisor } from '../actors/supervisor.ts';
import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import { type Layout, trailDir, volumesDir } from '../machines/domain/layout.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { createClock } from './clock.ts';
import { writeSysctls } from './config/sysctl.ts';
import { readDeviceFacts } from './host/device-facts.ts';
import type { Kernel } from './host/kernel.ts';
import { createLxcRuntime } from './host/lxc.ts';
import { filesOf, lxcPathOf } from './host/lxc-places.ts';
import { findContainers } from './host/lxc-survivors.ts';
import { createModuleLoader } from './host/modules.ts';
import { mountsBelow, readMountTable } from './host/mount-table.ts';
import { createMounter } from './host/mounter.ts';
import { openKernel } from './host/open-kernel.ts';
import { realLayout } from './host/real-layout.ts';
import type { Log } from './log.ts';
import { type DeviceControl, openDeviceControl } from './main-control.ts';
import { packageRoot } from './package-root.ts';
import { type RunSettings, withOem } from './settings.ts';
import { readBootId } from './store/boot.ts';
import { openDriverRecord } from './store/driver-record.ts';
import { type OpenJournal, openJournal, type PastJournal, readPast } from './store/journal.ts';
import { openRunDirectory } from './store/run-directory.ts';
import { deployTrail, revisionId } from './store/trail.ts';

export interface DeviceOptions {
  readonly settings: RunSettings;
  readonly revision: Revision;
  /** The state JSON that `revision` was read from. */
  readonly text: string;
  readonly log: Log;
  readonly listen: (announcement: Announcement) => void;
  /** What stands for the reboot and for switching off. */
  readonly rebooter: Rebooter;
  readonly crashed: (error: unknown) => void;
  /** Instead of the one that the settings name. */
  readonly kernel?: Kernel;
}

export interface Device {
  readonly supervisor: Supervisor;
  /** Mount points of containers, as the kernel has them: none once all are stopped, unless something is in the way. */
  mounted(): readonly string[];
  /** Ends everything of ours, not what still runs in containers, and gives the run directory back. */
  close(): Promise<void>;
}

/** @throws BUSY another supervisor has the run directory; REFUSED it holds running containers of another revision;
 *  NOT_FOUND objects are missing; STORE_FAILED, JOURNAL_FAILED, UNSUPPORTED */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const { revision, text, log } = options;
  const layout = realLayout(layoutOf(options.settings, revisionId(text)));
  const bootId = readBootId();
  const runDirectory = openRunDirectory(layout.runDir, bootId);
  try {
    const complain = (fault: Fault) => log.write('warn', { fault }, fault.message);
    const past = readPast(layout.runDir, bootId, complain);
    refuseForeign(past, layout);
    deployTrail({ storage: layout.storage, name: layout.revision, revision, text });
    const journal = openJournal(layout.runDir, { bootId, revision: layout.revision }, past);
    const settings = withOem(options.settings, trailDir(layout));
    for (const fault of [...settings.complaints, ...writeSysctls(settings.settled)]) complain(fault);
    return await assemble({
      ...options,
      settings,
      layout,
      bootId,
      journal,
      complain,
      release: runDirectory.release,
    });
  } catch (error) {
    runDirectory.release();
    throw error;
  }
}

interface Parts extends DeviceOptions {
  readonly layout: Layout;
  readonly bootId: string;
  readonly journal: OpenJournal;
  readonly complain: (fault: Fault) => void;
  readonly release: () => void;
}

async function assemble(parts: Parts): Promise<Device> {
  const { settings, revision, layout, bootId, journal, log, listen, rebooter, crashed, complain, release } =
    parts;
  const kernel = parts.kernel ?? kernelFor(settings, log);
  const { handlers, handlerArgs, verityOff, defaultGoalTimeoutMs, lxcLogLevel, devLog } = settings;
  const clock = createClock();
  const control = await openDeviceControl({
    settings,
    layout,
    revision,
    bootId,
    kernel,
    clock,
    log,
    complain,
  });
  try {
    const runtime = createLxcRuntime({
      kernel,
      layout,
      revision,
      logLevel: lxcLogLevel,
      devLog,
      relativeCgroups: settings.initMode === 'appengine',
      doors: control.doors,
      complain,
    });
    const supervisor = await createSupervisor(
      {
        mounter: createMounter({ kernel, layout, disks: revision.disks, handlers, handlerArgs, verityOff }),
        modules: createModuleLoader(),
        driverRecord: openDriverRecord(layout.runDir, bootId, complain),
        device: readDeviceFacts(settings),
        runtime,
        journal,
        rebooter,
        clock,
        complain,
      },
      { revision, defaultGoalTimeoutMs, listen: opening(log, control, listen), crashed },
    );
    const { drivers } = supervisor;
    control.load({ supervisor, revision, revisionName: layout.revision, drivers });
    return {
      supervisor,
      mounted: () => containerMounts(layout),
      close: async () => {
        const ended = supervisor.phase() !== 'running';
        supervisor.detach();
        await control.close(ended);
        runtime.close();
        journal.close();
        await log.open();
        release();
      },
    };
  } catch (error) {
    await control.close(false);
    throw error;
  }
}

function kernelFor(settings: RunSettings, log: Log): Kernel {
  const { kernel, note } = openKernel(packageRoot(), settings.kernel, settings.loopIndexBase);
  if (note !== undefined) log.write('info', {}, note);
  return kernel;
}

/** Volumes of the BSP are not theirs. */
function containerMounts(layout: Layout): readonly string[] {
  const table = readMountTable();
  const bsp = volumesDir(layout, 'bsp');
  return [layout.volumes, layout.exports]
    .flatMap((directory) => mountsBelow(table, directory))
    .map(({ target }) => target)
    .filter((target) => target !== bsp && !target.startsWith(`${bsp}/`));
}

/** The log is loaded once the first container has started: nothing of it may delay that. */
function opening(log: Log, control: DeviceControl, listen: DeviceOptions['listen']): DeviceOptions['listen'] {
  return (announcement) => {
    if (announcement.type === 'container' && announcement.record.status === 'STARTED') void log.open();
    control.hear(announcement);
    listen(announcement);
  };
}

function layoutOf(settings: RunSettings, revision: string): Layout {
  const { storage, runDir, volumes, configs, media, libDir, exports, userMeta, deviceMeta } = settings;
  return { storage, runDir, volumes, configs, media, libDir, exports, userMeta, deviceMeta, revision };
}

/** Containers of another revision must not be taken for ours, nor be left without a supervisor. */
function refuseForeign(past: PastJournal | undefined, layout: Layout): void {
  if (past === undefined || past.revision === layout.revision) return;
  const running = [...findContainers(lxcPathOf(layout), (name) => filesOf(layout, name).pidFile).keys()];
  if (running.length === 0) return;
  throw new SupervisorError(
    'REFUSED',
    `${layout.runDir} has running containers of revision ${past.revision ?? '(unknown)'}: ${running.join(', ')}`,
    {
      subject: layout.runDir,
      fix: 'Run that revision again and stop it, or choose another --run-dir',
    },
  );
}
