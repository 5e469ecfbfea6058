/** Puts the control API of a device together: what stands behind its sockets, and who serves them. Nothing of it is there
 *  before the first container has started or the first client calls. */

import { nanoid } from 'nanoid';
import type { ChangingConfig } from '../actors/config.ts';
import { beginControl, type ControlMaker } from '../actors/control.ts';
import type { LoadedState } from '../actors/control-ports.ts';
import type { Clock } from '../actors/ports.ts';
import type { RevisionControl } from '../actors/revisions.ts';
import { type Fault, toFault } from '../machines/domain/fault.ts';
import { type Layout, metadataDir, shownDir } from '../machines/domain/layout.ts';
import type { MetadataKind } from '../machines/domain/metadata.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Serve, Visitor } from './control/doors.ts';
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
  readonly config: ChangingConfig;
  /** As the running revision has it. */
  readonly layout: () => Layout;
  readonly runDir: string;
  readonly bootId: string;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly revisions: RevisionControl;
  readonly complain: (fault: Fault) => void;
}

export interface DeviceControl {
  hear(announcement: Announcement): void;
  /** A revision is there, in place of the one before. */
  load(state: LoadedState): void;
  readonly loaded: LoadedState | undefined;
  /** For the sockets. */
  serve(): Promise<Serve>;
  /** Ends the helper processes, or with `ended` false lets them run on. The sockets are closed by then. */
  close(ended: boolean): Promise<void>;
}

/** @throws UNSUPPORTED what `PV_POWER_MODE` asks for */
export function beginDeviceControl(options: DeviceControlOptions): DeviceControl {
  const { settings, config, layout, runDir, bootId, kernel, clock, log, revisions, complain } = options;
  config.watch('PV_LOG_LEVEL', () => log.setLevel(logLevelOf(config.value('PV_LOG_LEVEL'))));
  const filesOf = (kind: MetadataKind) => () =>
    createMetadataFiles({
      kind,
      directory: metadataDir(layout(), kind),
      shown: shownDir(layout()),
      complain,
    });
  const daemons = createDaemonSpawner({
    kernel,
    runDir,
    bootId,
    directories: daemonDirectories(settings.libDir, process.env['PATH'] ?? ''),
    say: (daemon, line) => log.write('info', { daemon }, line),
  });
  const maker = beginControl(
    {
      clock,
      wallTime: Date.now,
      userMeta: filesOf('user-meta'),
      deviceMeta: filesOf('device-meta'),
      probe: createDeviceProbe({ storage: settings.storage, version: packageVersion() }),
      daemons,
      wakeLock: createWakeLock(config.value('PV_POWER_SYSFS_DIR')),
      revisions,
      complain,
    },
    { config, initMode: settings.initMode, life: nanoid(8), version: packageVersion(), buildInfo },
  );
  let opening: Promise<unknown> | undefined;
  return {
    hear: (announcement) => {
      maker.hear(announcement);
      if (opening !== undefined || !isTimeToOpen(announcement)) return;
      makeShown(layout());
      opening = maker.open();
    },
    load: maker.load,
    get loaded() {
      return maker.loaded;
    },
    serve: () => loadServer(maker, log),
    close: async (ended) => {
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

async function loadServer(maker: ControlMaker, log: Log): Promise<Serve> {
  const [{ createControlServer }, { allRoutes }] = await Promise.all([
    import('./control/server.ts'),
    import('./control/routes.ts'),
  ]);
  return createControlServer({
    control: await maker.open(),
    routes: allRoutes(),
    report: (error, visitor) =>
      log.write('error', { caller: callerName(visitor), fault: toFault(error) }, 'control'),
  });
}

/** As the log names it. */
export function callerName(visitor: Visitor): string {
  return visitor.kind === 'host' ? 'host' : visitor.name;
}

/** Control API §6.9. */
function buildInfo(): string {
  return `statevisor ${packageVersion()}\nnode ${process.version}\n`;
}
