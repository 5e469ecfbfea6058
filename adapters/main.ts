/** Composition root: settings → run directory → revision on disk → ports → supervisor. Everything that `statevisor
 *  run` does to the machine is put together here, in this order; nothing starts before `supervisor.start()`. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { createConfig } from '../actors/config.ts';
import type { Config } from '../actors/control-ports.ts';
import type { Clock, Rebooter, Supervisor } from '../actors/ports.ts';
import { createRevisionControl } from '../actors/revisions.ts';
import { createUpdates } from '../actors/updates.ts';
import { createWatchdogKeeper, type WatchdogKeeper } from '../actors/watchdog.ts';
import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import { type Layout, volumesDir } from '../machines/domain/layout.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Revision } from '../machines/domain/revision.ts';
import type { Parsed } from '../machines/domain/state-json.ts';
import { createClock } from './clock.ts';
import { createEntrance } from './control/entrance.ts';
import type { Kernel } from './host/kernel.ts';
import { filesOf, lxcPathOf } from './host/lxc-places.ts';
import { findContainers } from './host/lxc-survivors.ts';
import { mountsBelow, readMountTable } from './host/mount-table.ts';
import { loadNative } from './host/native/load.ts';
import { openKernel } from './host/open-kernel.ts';
import { realLayout } from './host/real-layout.ts';
import { createWatchdog } from './host/watchdog.ts';
import type { Log } from './log.ts';
import { beginDeviceControl, callerName, type DeviceControl } from './main-control.ts';
import { createDeviceHost, layoutOf } from './main-host.ts';
import { isReady, tellDone, tellStart, updatePorts } from './main-updates.ts';
import { packageRoot } from './package-root.ts';
import type { RunSettings } from './settings.ts';
import { readBootId } from './store/boot.ts';
import { dropJournal, type PastJournal, readPast } from './store/journal.ts';
import { openRunDirectory } from './store/run-directory.ts';
import { deployTrail, revisionId } from './store/trail.ts';

export interface DeviceOptions {
  readonly settings: RunSettings;
  /** The state that is run, whatever the boot record says; absent: the store and the boot record decide. */
  readonly given?: GivenState | undefined;
  /** Of state JSON, as the settings of this device have it. */
  readonly parse: (text: string) => Parsed;
  readonly log: Log;
  readonly listen: (announcement: Announcement) => void;
  /** What stands for the reboot and for switching off. */
  readonly rebooter: Rebooter;
  readonly crashed: (error: unknown) => void;
  /** Instead of the one that the settings name. */
  readonly kernel?: Kernel;
}

export interface GivenState {
  readonly revision: Revision;
  /** The state JSON that `revision` was read from. */
  readonly text: string;
}

export interface Device {
  /** Acts on whatever revision runs. */
  readonly supervisor: Supervisor;
  /** Begins with the revision that is due. Resolves once its containers are under way, or the device goes down again.
   *  @throws what a given state can be refused for: NOT_FOUND, REFUSED, STORE_FAILED, JOURNAL_FAILED, UNSUPPORTED */
  begin(): Promise<void>;
  /** Mount points of containers, as the kernel has them: none once all are stopped, unless something is in the way. */
  mounted(): readonly string[];
  /** Ends everything of ours, not what still runs in containers, and gives the run directory back. */
  close(): Promise<void>;
}

/** @throws BUSY another supervisor has the run directory; STORE_FAILED, UNSUPPORTED */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const layout = realLayout(layoutOf(options.settings, ''));
  const bootId = readBootId();
  const runDirectory = openRunDirectory(layout.runDir, bootId);
  try {
    return await assemble(options, layout, bootId, runDirectory.release);
  } catch (error) {
    runDirectory.release();
    throw error;
  }
}

async function assemble(
  options: DeviceOptions,
  layout: Layout,
  bootId: string,
  release: () => void,
): Promise<Device> {
  const { settings, given, parse, log, rebooter, crashed } = options;
  const { runDir } = layout;
  const complain = (fault: Fault) => log.write('warn', { fault }, fault.message);
  const kernel = options.kernel ?? kernelFor(settings, log);
  const clock = createClock();
  const config = createConfig(settings.sayings, complain);
  const entrance = createEntrance({
    runDir,
    load: () => control.serve(),
    ready: (name) => control.loaded?.supervisor.send({ type: 'signal.ready', name }),
    complain: (fault, visitor) =>
      log.write('warn', { fault, ...(visitor && { caller: callerName(visitor) }) }, fault.message),
  });
  const host = createDeviceHost({
    settings,
    layout,
    config,
    bootId,
    kernel,
    clock,
    rebooter,
    doors: entrance,
    complain,
  });
  const first = given === undefined ? undefined : { ...given, name: revisionId(given.text) };
  const ports = updatePorts({ settings, layout, config, first, log, parse, complain });
  const updates = createUpdates(
    { ...ports, host, clock, config, rebooter, complain },
    {
      listen: (announcement) => hear(announcement),
      load: (state) => control.load(state),
      departing: () => watchdog?.depart(),
      crashed,
    },
  );
  const revisions = createRevisionControl({ ...ports, updates, complain });
  const control = beginDeviceControl({
    settings,
    config,
    layout: () => host.layout,
    runDir,
    bootId,
    kernel,
    clock,
    log,
    revisions,
    complain,
  });
  const watchdog = watchdogFor(config, clock, complain);
  const hear = listener(options, control, (announcement) => {
    watchdog?.hear(announcement);
    if (isReady(announcement)) tellDone(ports.hooks, updates, complain);
  });
  await entrance.openHost();
  return {
    supervisor: updates.supervisor,
    begin: async () => {
      if (first === undefined) {
        await tellStart(ports);
        return updates.begin();
      }
      const past = readPast(runDir, bootId, complain);
      refuseForeign(past, realLayout(layoutOf(settings, first.name)));
      deployTrail({ storage: layout.storage, ...first });
      return updates.begin(first);
    },
    mounted: () => containerMounts(layout),
    close: async () => {
      const ended = updates.supervisor.phase() !== 'running';
      // What was announced last is on its way to those who follow the events.
      await nextTurn();
      await entrance.closeAll();
      await updates.close();
      await control.close(ended);
      if (ended) {
        for (const fault of await host.takeDown()) complain(fault);
        dropJournal(runDir);
      }
      await log.open();
      watchdog?.detach();
      release();
    },
  };
}

/** The log is loaded once the first container has started: nothing of it may delay that. */
function listener(
  { log, listen }: DeviceOptions,
  control: DeviceControl,
  also: (announcement: Announcement) => void,
): (announcement: Announcement) => void {
  return (announcement) => {
    if (announcement.type === 'container' && announcement.record.status === 'STARTED') void log.open();
    control.hear(announcement);
    also(announcement);
    listen(announcement);
  };
}

/** A watchdog resets the machine when this process goes, so only one that was asked for is opened: the default of the
 *  reference would reset a developer's. */
function watchdogFor(
  config: Config,
  clock: Clock,
  complain: (fault: Fault) => void,
): WatchdogKeeper | undefined {
  if (config.explain('PV_WDT_MODE')?.modified === 'default') return undefined;
  const timeoutS = config.value('PV_WDT_TIMEOUT');
  const native = loadNative(packageRoot());
  const device = createWatchdog({ timeoutS, native: native.ok ? native.value : undefined, complain });
  return createWatchdogKeeper(device, { mode: config.value('PV_WDT_MODE'), timeoutS }, clock);
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
