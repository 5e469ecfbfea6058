/** Composition root: settings → run directory → revision on disk → ports → supervisor. Everything that `statevisor
 *  run` does to the machine is put together here, in this order; nothing starts before `supervisor.start()`. */

import type { Supervisor } from '../actors/ports.ts';
import { createSupervisor } from '../actors/supervisor.ts';
import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import type { Layout } from '../machines/domain/layout.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { createClock } from './clock.ts';
import { type Doors, openDoors } from './control/doors.ts';
import { readDeviceFacts } from './host/device-facts.ts';
import { createLxcRuntime } from './host/lxc.ts';
import { filesOf, lxcPathOf } from './host/lxc-places.ts';
import { findContainers } from './host/lxc-survivors.ts';
import { createModuleLoader } from './host/modules.ts';
import { createMounter } from './host/mounter.ts';
import { openKernel } from './host/open-kernel.ts';
import { realLayout } from './host/real-layout.ts';
import type { Log } from './log.ts';
import { packageRoot } from './package-root.ts';
import type { RunSettings } from './settings.ts';
import { readBootId } from './store/boot.ts';
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
  /** Stands for the reboot: every container has stopped. */
  readonly reboot: (because: Fault) => void;
  readonly crashed: (error: unknown) => void;
}

export interface Device {
  readonly supervisor: Supervisor;
  /** Ends everything of ours, not what still runs in containers, and gives the run directory back. */
  close(): Promise<void>;
}

/** @throws BUSY another supervisor has the run directory; REFUSED it holds running containers of another revision;
 *  NOT_FOUND objects are missing; STORE_FAILED, JOURNAL_FAILED, UNSUPPORTED */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const { settings, revision, text, log } = options;
  const layout = realLayout(layoutOf(settings, revisionId(text)));
  const bootId = readBootId();
  const runDirectory = openRunDirectory(layout.runDir, bootId);
  try {
    const report = (fault: Fault) => log.write('warn', { fault }, fault.message);
    const past = readPast(layout.runDir, bootId, report);
    refuseForeign(past, layout);
    deployTrail({ storage: layout.storage, name: layout.revision, revision, text });
    const journal = openJournal(layout.runDir, { bootId, revision: layout.revision }, past);
    return await assemble(options, layout, journal, report, runDirectory.release);
  } catch (error) {
    runDirectory.release();
    throw error;
  }
}

async function assemble(
  { settings, revision, log, listen, reboot, crashed }: DeviceOptions,
  layout: Layout,
  journal: OpenJournal,
  complain: (fault: Fault) => void,
  release: () => void,
): Promise<Device> {
  const { kernel, note } = openKernel(packageRoot(), settings.kernel);
  if (note !== undefined) log.write('info', {}, note);
  const { handlers, handlerArgs, verityOff, defaultGoalTimeoutMs, lxcLogLevel, devLog } = settings;
  const runtime = createLxcRuntime({ kernel, layout, revision, logLevel: lxcLogLevel, devLog, complain });
  let announce: (supervisor: Supervisor) => void = () => undefined;
  const ready = new Promise<Supervisor>((resolve) => {
    announce = resolve;
  });
  const doors = await openContainerDoors(layout, revision, ready, log);
  const supervisor = await createSupervisor(
    {
      mounter: createMounter({ kernel, layout, disks: revision.disks, handlers, handlerArgs, verityOff }),
      modules: createModuleLoader(),
      device: readDeviceFacts(layout.storage),
      runtime,
      journal,
      rebooter: { reboot },
      clock: createClock(),
      complain,
    },
    { revision, defaultGoalTimeoutMs, listen: openingLog(log, listen), crashed },
  );
  announce(supervisor);
  return {
    supervisor,
    close: async () => {
      supervisor.detach();
      await doors.close();
      runtime.close();
      journal.close();
      await log.open();
      release();
    },
  };
}

/** The log is loaded once the first container has started: nothing of it may delay that. */
function openingLog(log: Log, listen: DeviceOptions['listen']): DeviceOptions['listen'] {
  return (announcement) => {
    if (announcement.type === 'container' && announcement.record.status === 'STARTED') void log.open();
    listen(announcement);
  };
}

function layoutOf(settings: RunSettings, revision: string): Layout {
  const { storage, runDir, volumes, configs, media, libDir, exports } = settings;
  return { storage, runDir, volumes, configs, media, libDir, exports, revision };
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

/** Doors listen before the supervisor exists; whoever comes early waits for it. */
function openContainerDoors(
  layout: Layout,
  { containers }: Revision,
  supervisor: Promise<Supervisor>,
  log: Log,
): Promise<Doors> {
  const report = (error: unknown, container: string) =>
    log.write('warn', { container, err: error }, 'control socket');
  return openDoors({
    directory: `${layout.runDir}/doors`,
    containers: containers.map(({ name }) => name),
    load: async () => {
      const { createControl } = await import('./control/server.ts');
      return createControl(await supervisor, report);
    },
    report,
  });
}
