/** Puts the control API of a device together: its sockets, what stands behind them, and who serves them. Nothing but the
 *  sockets is there before the first container has started or the first client calls. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { createConfig } from '../actors/config.ts';
import { beginControl, type ControlMaker } from '../actors/control.ts';
import type { LoadedState } from '../actors/control-ports.ts';
import type { Clock } from '../actors/ports.ts';
import { type Fault, toFault } from '../machines/domain/fault.ts';
import { type Layout, metadataDir, shownDir } from '../machines/domain/layout.ts';
import type { MetadataKind } from '../machines/domain/metadata.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { createDoors, type Doors, type Visitor } from './control/doors.ts';
import { createDaemonSpawner, daemonDirectories } from './host/daemons.ts';
import { createDeviceProbe } from './host/device-keys.ts';
import type { Kernel } from './host/kernel.ts';
import { makeShown } from './host/shown.ts';
import { createWakeLock } from './host/wake-locks.ts';
import type { Log } from './log.ts';
import { packageVersion } from './package-root.ts';
import { logLevelOf, type RunSettings } from './settings.ts';
import { createMetadataFiles } from './store/metadata.ts';

export interface DeviceControlOptions {
  readonly settings: RunSettings;
  readonly layout: Layout;
  readonly revision: Pick<Revision, 'containers'>;
  readonly bootId: string;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly complain: (fault: Fault) => void;
}

export interface DeviceControl {
  /** For the runtime, which opens and closes those of containers. */
  readonly doors: Doors;
  hear(announcement: Announcement): void;
  load(state: LoadedState): void;
  /** Closes the sockets, then ends the helper processes, or with `ended` false lets them run on. */
  close(ended: boolean): Promise<void>;
}

/** The host's socket is open when this resolves. @throws STORE_FAILED, UNSUPPORTED */
export async function openDeviceControl(options: DeviceControlOptions): Promise<DeviceControl> {
  const { settings, layout, revision, bootId, kernel, clock, log, complain } = options;
  const config = createConfig(settings.sayings, complain);
  config.watch('PV_LOG_LEVEL', () => log.setLevel(logLevelOf(config.value('PV_LOG_LEVEL'))));
  const filesOf = (kind: MetadataKind) =>
    createMetadataFiles({ kind, directory: metadataDir(layout, kind), shown: shownDir(layout), complain });
  const daemons = createDaemonSpawner({
    kernel,
    runDir: layout.runDir,
    bootId,
    directories: daemonDirectories(layout.libDir, process.env['PATH'] ?? ''),
    say: (daemon, line) => log.write('info', { daemon }, line),
  });
  const maker = beginControl(
    {
      clock,
      wallTime: Date.now,
      userMeta: filesOf('user-meta'),
      deviceMeta: filesOf('device-meta'),
      probe: createDeviceProbe({ storage: layout.storage, version: packageVersion() }),
      daemons,
      wakeLock: createWakeLock(config.value('PV_POWER_SYSFS_DIR')),
      complain,
    },
    { config, initMode: settings.initMode, life: nanoid(8), version: packageVersion(), buildInfo },
  );
  const doors = createDoors({
    runDir: layout.runDir,
    containers: revision.containers.map(({ name }) => name),
    load: () => loadServer(maker, log),
    report: (error, visitor) =>
      log.write('warn', { caller: nameOf(visitor), fault: toFault(error) }, 'control'),
  });
  await doors.openHost();
  let opening: Promise<unknown> | undefined;
  return {
    doors,
    hear: (announcement) => {
      maker.hear(announcement);
      if (opening !== undefined || !isTimeToOpen(announcement)) return;
      makeShown(layout);
      opening = maker.open();
    },
    load: maker.load,
    close: async (ended) => {
      // What was announced last is on its way to those who follow the events.
      await nextTurn();
      await doors.closeAll();
      await maker.close(ended);
      daemons.close();
    },
  };
}

/** Starts come first: opening takes about as long as one of them. */
function isTimeToOpen(announcement: Announcement): boolean {
  return (
    (announcement.type === 'container' && announcement.record.status === 'STARTED') ||
    (announcement.type === 'revision' && announcement.goal !== 'UNACHIEVED')
  );
}

async function loadServer(maker: ControlMaker, log: Log) {
  const [{ createControlServer }, { allRoutes }] = await Promise.all([
    import('./control/server.ts'),
    import('./control/routes.ts'),
  ]);
  return createControlServer({
    control: await maker.open(),
    routes: allRoutes(),
    report: (error, visitor) =>
      log.write('error', { caller: nameOf(visitor), fault: toFault(error) }, 'control'),
  });
}

function nameOf(visitor: Visitor): string {
  return visitor.kind === 'host' ? 'host' : visitor.name;
}

/** Control API §6.9. */
function buildInfo(): string {
  return `statevisor ${packageVersion()}\nnode ${process.version}\n`;
}
