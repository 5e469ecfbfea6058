/** The device metadata that the supervisor itself provides (logs and metadata §5). Identity, time and sysinfo are
 *  sampled once, when the revision starts; the status follows the announcements; storage and interfaces are looked up
 *  when somebody reads the list (R-13: nothing is polled), and not in between. Without a hub the mode is `local`. */

import {
  identityKeys,
  interfacesText,
  storageText,
  sysinfoText,
  timeText,
} from '../machines/domain/device-keys.ts';
import { type Fault, toFault } from '../machines/domain/fault.ts';
import type { MetadataEntry } from '../machines/domain/metadata.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Status } from '../machines/domain/status.ts';
import type { Metadata } from './control-ports.ts';
import type { OwnMetadata } from './metadata.ts';
import type { DeviceProbe } from './ports.ts';

export interface DeviceKeysOptions {
  readonly metadata: OwnMetadata;
  readonly probe: DeviceProbe;
  /** Revision id, `locals/<name>` for local ones. */
  readonly revisionName: string;
  /** Of the revision, by now. */
  readonly status: Status;
  /** `PV_STORAGE_GC_RESERVED`, in force now. */
  readonly reservedPercent: () => number;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  /** What could not be found out; its key keeps what it had. Must not throw. */
  readonly complain: (fault: Fault) => void;
}

export interface DeviceKeys {
  /** The device metadata as it is shown. */
  readonly metadata: Metadata;
  /** To be told of every announcement from now on. */
  readonly hear: (announcement: Announcement) => void;
  /** All keys stand in the list. Never rejects. */
  readonly complete: Promise<void>;
}

/** What another supervisor or a client wrote under these keys is replaced. */
export function createDeviceKeys(options: DeviceKeysOptions): DeviceKeys {
  const { metadata, probe, complain } = options;
  let refreshing: Promise<void> | undefined;

  async function sample(find: () => Promise<readonly MetadataEntry[]>): Promise<void> {
    try {
      for (const [key, value] of await find()) metadata.note(key, value);
    } catch (error) {
      complain(toFault(error));
    }
  }

  async function lookUp(): Promise<void> {
    await sample(async () => [['interfaces', interfacesText(await probe.interfaces())]]);
    await sample(async () => [['storage', storageText(await probe.storage(), options.reservedPercent())]]);
  }

  async function lookAtAll(): Promise<void> {
    await sample(async () => identityKeys(await probe.identity()));
    await sample(async () => [['sysinfo', sysinfoText(await probe.sysinfo())]]);
    await lookUp();
  }

  metadata.note('time', timeText(options.wallTime()));
  metadata.note('pantahub.claimed', '0');
  metadata.note('pantahub.online', '0');
  metadata.note('pantavisor.mode', 'local');
  metadata.note('pantavisor.revision', options.revisionName);
  metadata.note('pantavisor.status', options.status);

  return {
    metadata: {
      ...metadata,
      refresh: () => {
        refreshing ??= lookUp().finally(() => {
          refreshing = undefined;
        });
        return refreshing;
      },
    },
    hear: (announcement) => {
      if (announcement.type === 'revision') metadata.note('pantavisor.status', announcement.status);
    },
    complete: lookAtAll(),
  };
}
