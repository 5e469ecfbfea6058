/** What the containers of one revision get on a device: mounts, LXC, modules, records, the configuration that the revision
 *  brings. Made anew for each revision that begins to run; containers that run on are handed over by their records. */

import type { ChangingConfig } from '../actors/config.ts';
import type { Clock, Rebooter } from '../actors/ports.ts';
import type { LoadedRevision, RevisionHost } from '../actors/update-ports.ts';
import type { Fault } from '../machines/domain/fault.ts';
import { type Layout, metadataDir, trailDir } from '../machines/domain/layout.ts';
import { remountPolicy } from '../machines/domain/remount-json.ts';
import { writeSysctls } from './config/sysctl.ts';
import type { Entrance } from './control/entrance.ts';
import { readDeviceFacts } from './host/device-facts.ts';
import { type DeviceVolumes, openDeviceVolumes } from './host/device-volumes.ts';
import type { Kernel } from './host/kernel.ts';
import { createLxcRuntime } from './host/lxc.ts';
import { createModuleLoader } from './host/modules.ts';
import { createMounter } from './host/mounter.ts';
import { realLayout } from './host/real-layout.ts';
import { type RunSettings, withOem } from './settings.ts';
import { openDriverRecord } from './store/driver-record.ts';
import { openJournal, readPast } from './store/journal.ts';

export interface DeviceHostOptions {
  readonly settings: RunSettings;
  /** Without symbolic links, of no revision yet. */
  readonly layout: Layout;
  readonly config: ChangingConfig;
  readonly bootId: string;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly rebooter: Rebooter;
  /** Has doors for the containers of a revision from `expect` on. */
  readonly doors: Pick<Entrance, 'expect' | 'open' | 'close'>;
  readonly complain: (fault: Fault) => void;
}

export interface DeviceHost extends RevisionHost {
  /** With the places that the running revision gives to metadata (storage §9). */
  readonly layout: Layout;
  /** For the end of the device, when its containers have stopped. Returns what is still up, and why. */
  takeDown(): Promise<readonly Fault[]>;
}

export function createDeviceHost(options: DeviceHostOptions): DeviceHost {
  const { settings, config, bootId, kernel, clock, rebooter, doors, complain } = options;
  const { runDir } = options.layout;
  const made: { volumes?: DeviceVolumes } = {};

  /** With what the revision's own OEM file says (logs and metadata §7.1). */
  function settingsOf(layout: Layout): RunSettings {
    const own = withOem(settings, trailDir(layout));
    for (const fault of [...own.complaints, ...writeSysctls(own.settled)]) complain(fault);
    config.replace(
      'oem config',
      own.sayings.filter(({ level }) => level === 'oem config'),
    );
    return own;
  }

  return {
    get layout() {
      return made.volumes?.layout ?? options.layout;
    },
    takeDown: async () => made.volumes?.takeDown() ?? [],
    past: async () => {
      const past = readPast(runDir, bootId, complain);
      return past?.revision === undefined ? undefined : { running: past.revision, before: past.before };
    },
    open: async ({ name, revision }: LoadedRevision, handover) => {
      const trail = realLayout(layoutOf(settings, name));
      const own = settingsOf(trail);
      doors.expect(revision);
      const past =
        handover === undefined
          ? readPast(runDir, bootId, complain)
          : { revision: name, records: handover.records, before: handover.before };
      const { before } = past ?? {};
      const journal = openJournal(runDir, { bootId, revision: name, before }, past);
      const { handlers, handlerArgs, verityOff } = own;
      const volumes = await openDeviceVolumes({
        kernel,
        layout: trail,
        revision,
        initMode: own.initMode,
        handlers,
        handlerArgs,
        verityOff,
        firmwareVolume: config.value('PV_STORAGE_FIRMWARE_VOL'),
        phconfigVolume: config.value('PV_STORAGE_PHCONFIG_VOL'),
        afterAnother: handover === undefined && past?.revision !== undefined && past.revision !== name,
        complain,
      });
      made.volumes = volumes;
      const { layout, disks: diskMounts } = volumes;
      const runtime = createLxcRuntime({
        kernel,
        layout,
        revision,
        logLevel: own.lxcLogLevel,
        devLog: own.devLog,
        relativeCgroups: own.initMode === 'appengine',
        remount: { policy: remountPolicy(process.env), device: revision.remount },
        doors,
        complain,
      });
      const mounts = {
        kernel,
        layout,
        disks: revision.disks,
        diskMounts,
        handlers,
        handlerArgs,
        verityOff,
      };
      return {
        ports: {
          mounter: createMounter(mounts),
          modules: createModuleLoader(),
          driverRecord: openDriverRecord(runDir, bootId, complain),
          device: readDeviceFacts({
            ...own,
            userMeta: metadataDir(layout, 'user-meta'),
            deviceMeta: metadataDir(layout, 'device-meta'),
          }),
          runtime,
          journal,
          rebooter,
          clock,
          complain,
        },
        close: () => {
          runtime.close();
          journal.close();
        },
      };
    },
  };
}

/** Where things are for a revision of that name. */
export function layoutOf(settings: RunSettings, revision: string): Layout {
  const { storage, runDir, volumes, configs, media, libDir, exports, userMeta, deviceMeta } = settings;
  return { storage, runDir, volumes, configs, media, libDir, exports, userMeta, deviceMeta, revision };
}
