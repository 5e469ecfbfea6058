/** What updates get on a device: the store, the boot loader's record, hooks, signatures. Only what a start needs is there at
 *  once; the store is opened when it is first asked. */

import type { ChangingConfig } from '../actors/config.ts';
import type { Hooks, LoadedRevision, Signatures } from '../actors/update-ports.ts';
import type { Updates, UpdatesPorts } from '../actors/updates.ts';
import { type Fault, toFault } from '../machines/domain/fault.ts';
import type { Layout } from '../machines/domain/layout.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Parsed } from '../machines/domain/state-json.ts';
import { createBootRecord } from './host/boot/boot-record.ts';
import { givenRevision } from './host/boot/given-revision.ts';
import { createHooks } from './host/hooks.ts';
import type { Log } from './log.ts';
import type { RunSettings } from './settings.ts';
import { createLazyStore } from './store/lazy-store.ts';

export interface DeviceUpdatesOptions {
  readonly settings: RunSettings;
  readonly layout: Layout;
  readonly config: ChangingConfig;
  /** What is run whatever a boot record says. */
  readonly first: LoadedRevision | undefined;
  readonly log: Log;
  readonly parse: (text: string) => Parsed;
  readonly complain: (fault: Fault) => void;
}

/** @throws UNSUPPORTED a boot loader whose record is not in a file */
export function updatePorts({ settings, layout, config, first, log, parse, complain }: DeviceUpdatesOptions) {
  const { storage, libDir } = layout;
  const environment = process.env;
  const store = createLazyStore({
    storage,
    logs: `${layout.runDir}/logs`,
    reservedPercent: () => config.value('PV_STORAGE_GC_RESERVED'),
    verifies: () => config.value('PV_SECUREBOOT_CHECKSUM') && environment['pv_quickboot'] === undefined,
    bootAssets: settings.initMode !== 'appengine',
    complain,
  });
  const boot =
    first === undefined
      ? createBootRecord({
          type: config.value('PV_BOOTLOADER_TYPE'),
          mtdOnly: config.value('PV_BOOTLOADER_MTD_ONLY'),
          mtdEnv: config.value('PV_BOOTLOADER_MTD_ENV'),
          directory: `${storage}/boot`,
          environment,
          commandLine: settings.commandLine,
          complain,
        })
      : givenRevision(first.name);
  const hooks = createHooks({
    libDir,
    storage,
    path: environment['PATH'],
    say: (source, level, line) => log.write(level, { source }, line),
  });
  return {
    store: store.revisions,
    objects: store.objects,
    collector: store.collector,
    boot,
    hooks,
    parse,
    signatures: {
      check: async (text) => {
        const { createSignatures } = await import('./store/signatures.ts');
        await createSignatures({
          mode: config.value('PV_SECUREBOOT_MODE'),
          etcDirectory: config.value('PV_SYSTEM_ETCDIR'),
          trustStore: config.value('PV_SECUREBOOT_TRUSTSTORE'),
          oemTrustStore: config.value('PV_SECUREBOOT_OEM_TRUSTSTORE'),
          oemName: config.value('PV_OEM_NAME'),
          now: Date.now,
          complain,
        }).check(text);
      },
    } satisfies Signatures,
  };
}

/** Before anything of the device begins (lifecycle §17). @throws START_FAILED: it must not begin */
export async function tellStart({
  boot,
  hooks,
  store,
}: Pick<UpdatesPorts, 'boot' | 'hooks' | 'store'>): Promise<void> {
  const { booted, trying } = await boot.read();
  const progress = await store.progress(trying ?? booted);
  const tryBoot = trying === booted;
  await hooks.run('system-start', { revision: booted, trying, tryBoot, status: progress?.status });
}

export function isReady(announcement: Announcement): boolean {
  return announcement.type === 'revision' && announcement.status === 'READY';
}

/** Each time the revision becomes READY (lifecycle §17). */
export function tellDone(hooks: Hooks, { running }: Updates, complain: (fault: Fault) => void): void {
  if (running === undefined) return;
  const facts = { revision: running.name, trying: undefined, tryBoot: false, status: undefined };
  hooks.run('system-done', facts).catch((error: unknown) => complain(toFault(error)));
}
