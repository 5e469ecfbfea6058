/** What stands beside the supervisor, joined together for the control API: configuration, metadata, commands, helper
 *  processes, wake locks, the stream of events (control API §6, R-12). The device and the simulator have the same one.
 *
 *  `beginControl` costs next to nothing and hears everything from the first announcement on; the rest is opened once it is
 *  asked for, after the first containers have started or when the first client calls. */

import type { InitMode } from '../machines/domain/daemon.ts';
import { type Fault, SupervisorError, toFault } from '../machines/domain/fault.ts';
import type { Announcement } from '../machines/domain/report.ts';
import { createCommands } from './commands.ts';
import type { ChangingConfig } from './config.ts';
import type { Control, LoadedState, MetadataFiles } from './control-ports.ts';
import { createDaemons, type DaemonKeeper } from './daemons.ts';
import { createDeviceKeys, type DeviceKeys } from './device-keys.ts';
import { createEvents } from './events.ts';
import { type OwnMetadata, openMetadata, unavailableMetadata } from './metadata.ts';
import type { Clock, DaemonSpawner, DeviceProbe, WakeLockPort } from './ports.ts';
import type { RevisionControl } from './revisions.ts';
import { createStatistics } from './statistics.ts';
import { createWakelocks } from './wakelocks.ts';

export interface ControlPorts {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  /** Made when they are opened: where they are, the revision may say. */
  readonly userMeta: () => MetadataFiles;
  readonly deviceMeta: () => MetadataFiles;
  readonly probe: DeviceProbe;
  readonly daemons: DaemonSpawner;
  readonly wakeLock: WakeLockPort;
  /** Absent: whatever concerns stored revisions is refused. */
  readonly revisions?: RevisionControl;
  /** Must not throw. */
  readonly complain: (fault: Fault) => void;
}

export interface ControlOptions {
  readonly config: ChangingConfig;
  readonly initMode: InitMode;
  /** Names this supervisor's life in the ids of its events. */
  readonly life: string;
  readonly version: string;
  readonly buildInfo: () => string;
}

export interface ControlMaker {
  /** To be told of every announcement, from the first one on. */
  hear(announcement: Announcement): void;
  /** A state is there, instead of the one before if there was one. */
  load(state: LoadedState): void;
  /** What `load` was told last. */
  readonly loaded: LoadedState | undefined;
  /** Opens what is not open yet. Never rejects: metadata that cannot be read is refused to those who ask for it. */
  open(): Promise<Control>;
  /** Lets go of everything; helper processes run on, unless `ended`: the device stops, and they with it. */
  close(ended: boolean): Promise<void>;
}

/** @throws UNSUPPORTED `PV_POWER_MODE` is managed and the kernel has no wake locks */
export function beginControl(ports: ControlPorts, options: ControlOptions): ControlMaker {
  const { clock, complain } = ports;
  const { config } = options;
  const events = createEvents(options.life);
  const statistics = createStatistics(clock.now());
  const wakelocks = createWakelocks(ports.wakeLock, config.value('PV_POWER_MODE'), complain);
  const made: { state?: LoadedState; keys?: DeviceKeys; opened?: Promise<Opened> } = {};

  async function openAll(): Promise<Opened> {
    const userMeta = await metadataOf(ports.userMeta(), complain, (key, value) =>
      config.override(key, value),
    );
    const deviceMeta = await metadataOf(ports.deviceMeta(), complain);
    const daemons = createDaemons({ spawner: ports.daemons, clock, initMode: options.initMode, complain });
    daemons.begin();
    if (made.state !== undefined) made.keys = keysOf(made.state, deviceMeta);
    const commands = createCommands({
      supervisor: () => made.state?.supervisor,
      config,
      clock,
      complain,
      ...(ports.revisions === undefined ? {} : { revisions: ports.revisions }),
    });
    const control: Control = {
      get loaded() {
        return made.state;
      },
      revisions: ports.revisions,
      userMeta,
      get deviceMeta() {
        return made.keys?.metadata ?? deviceMeta;
      },
      config,
      daemons,
      commands,
      events,
      statistics,
      version: options.version,
      wakelocks: wakelocks.view,
      buildInfo: options.buildInfo,
      now: () => clock.now(),
      wallTime: ports.wallTime,
    };
    return { control, deviceMeta, daemons };
  }

  function keysOf({ supervisor, revisionName }: LoadedState, metadata: OwnMetadata): DeviceKeys {
    return createDeviceKeys({
      metadata,
      probe: ports.probe,
      revisionName,
      status: supervisor.view().status,
      reservedPercent: () => config.value('PV_STORAGE_GC_RESERVED'),
      wallTime: ports.wallTime,
      complain,
    });
  }

  return {
    hear: (announcement) => {
      statistics.tell(announcement);
      wakelocks.hear(announcement);
      made.keys?.hear(announcement);
      events.tell(announcement);
    },
    get loaded() {
      return made.state;
    },
    load: (state) => {
      made.state = state;
      void made.opened?.then(({ deviceMeta }) => {
        if (made.keys === undefined) made.keys = keysOf(state, deviceMeta);
        else deviceMeta.note('pantavisor.revision', state.revisionName);
      });
    },
    open: async () => {
      made.opened ??= openAll();
      return (await made.opened).control;
    },
    close: async (ended) => {
      const opened = await made.opened;
      await made.keys?.complete;
      if (ended) await opened?.daemons.end();
      else opened?.daemons.detach();
      wakelocks.close();
    },
  };
}

interface Opened {
  readonly control: Control;
  readonly deviceMeta: OwnMetadata;
  readonly daemons: DaemonKeeper;
}

/** A device whose metadata cannot be read still runs its containers and answers everything else. */
async function metadataOf(
  files: MetadataFiles,
  complain: (fault: Fault) => void,
  offer?: (key: string, value: string | undefined) => void,
): Promise<OwnMetadata> {
  try {
    return await openMetadata({ files, complain, ...(offer === undefined ? {} : { offer }) });
  } catch (error) {
    if (!(error instanceof SupervisorError)) throw error;
    const fault = toFault(error);
    complain(fault);
    return unavailableMetadata(fault);
  }
}
