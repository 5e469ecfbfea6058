/** A device with a real store behind its real socket, and the command line as it is typed at it. Containers, boot loader and
 *  time are fakes. `afterEach(closeStored)` in every suite. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createConfig } from '../../../../actors/config.ts';
import { beginControl } from '../../../../actors/control.ts';
import { createRevisionControl } from '../../../../actors/revisions.ts';
import { createUpdates, type Updates } from '../../../../actors/updates.ts';
import { createDoors } from '../../../../adapters/control/doors.ts';
import { allRoutes } from '../../../../adapters/control/routes.ts';
import { createControlServer } from '../../../../adapters/control/server.ts';
import type { Fault } from '../../../../machines/domain/fault.ts';
import { parseState } from '../../../../machines/domain/state-json.ts';
import { advance, settle, VirtualClock } from '../../../../sim/clock.ts';
import { Diary } from '../../../../sim/diary.ts';
import { createFakeBoot } from '../../../../sim/fake-boot.ts';
import { FakeDaemons } from '../../../../sim/fake-daemons.ts';
import { createFakeProbe } from '../../../../sim/fake-device-keys.ts';
import { createFakeHooks } from '../../../../sim/fake-hooks.ts';
import { createFakeMetadata } from '../../../../sim/fake-metadata.ts';
import { createFakeRevisionHost } from '../../../../sim/fake-revision-host.ts';
import type { FakeHost } from '../../../../sim/host.ts';
import { createHost, type WorldOptions } from '../../../support/world.ts';
import { type StoreWorld, sha256, storeIn } from '../../store/store-world.ts';
import { type Outcome, statevisor } from '../command.ts';

export interface Stored {
  readonly store: StoreWorld;
  readonly host: FakeHost;
  readonly updates: Updates;
  readonly complaints: readonly Fault[];
  type(...words: readonly string[]): Promise<Outcome>;
  /** As `type`, and time of the device goes by until it is over. */
  typeAndWait(...words: readonly string[]): Promise<Outcome>;
  pass(seconds: number): Promise<void>;
  /** Time of the device goes by, so much of it at a time, until it is so. */
  until(happened: () => boolean, ms: number): Promise<void>;
  /** Cuts all connections; the socket is there again at once. */
  reopen(): Promise<void>;
  readonly socketPath: string;
  /** A directory as `install` takes it. */
  checkout(files: Readonly<Record<string, string>>): string;
}

const opened: (() => Promise<void>)[] = [];

export async function closeStored(): Promise<void> {
  for (const close of opened.splice(0)) await close();
}

/** Objects of the container `web`. */
export const CONF = 'a configuration';
export const ROOT = 'a root file system';

/** The state of one container `web` with this root file system, and the keys of its `run.json`. */
export function stateText(root = ROOT, keys: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    '#spec': 'pantavisor-service-system@1',
    'web/run.json': {
      name: 'web',
      type: 'lxc',
      config: 'lxc.container.conf',
      group: 'app',
      'root-volume': 'root.squashfs',
      auto_recovery: { policy: 'no' },
      ...keys,
    },
    'web/root.squashfs': sha256(root),
    'web/lxc.container.conf': sha256(CONF),
  });
}

/** Revision 0 runs: one container, `web`. */
export async function serveStored(directory: string, ways: WorldOptions['ways'] = {}): Promise<Stored> {
  const storage = join(directory, 'storage');
  const socketPath = join(directory, 'run', 'pv-ctrl');
  const runDir = join(directory, 'run');
  mkdirSync(storage);
  const store = await storeIn(storage, { inUse: async () => () => false });
  for (const content of [ROOT, CONF]) await store.put(content);
  const factory = parseState(stateText());
  assert.ok(factory.ok);
  await store.revisions.install('0', factory.revision, stateText());
  await store.revisions.writeState('0', stateText());

  const complaints: Fault[] = [];
  const complain = (fault: Fault) => complaints.push(fault);
  const clock = new VirtualClock();
  const diary = new Diary(() => clock.now(), undefined);
  const boot = createFakeBoot({ diary });
  boot.powerUp();
  const config = createConfig([], complain);
  const checks = {
    signatures: { check: async () => undefined },
    parse: (text: string) => parseState(text),
  };
  const host = createHost(clock, { ways });
  const updates: Updates = createUpdates(
    {
      ...checks,
      store: store.revisions,
      collector: store.collector,
      boot: boot.record,
      hooks: createFakeHooks({ diary }),
      host: createFakeRevisionHost({ host }).begin((name) =>
        updates.supervisor.send({ type: 'signal.ready', name }),
      ).port,
      clock,
      config,
      rebooter: { reboot: () => undefined, powerOff: () => undefined },
      complain,
    },
    {
      listen: (announcement) => maker.hear(announcement),
      load: (state) => maker.load(state),
      crashed: (error) => assert.fail(error as Error),
    },
  );
  const maker = beginControl(
    {
      clock,
      wallTime: () => Date.UTC(2026, 0, 1) + clock.now(),
      userMeta: () => createFakeMetadata(diary, 'user-meta', {}),
      deviceMeta: () => createFakeMetadata(diary, 'device-meta'),
      probe: createFakeProbe(() => clock.now()),
      daemons: new FakeDaemons({ clock, diary, installed: new Set() }).spawner(),
      wakeLock: { lock: () => true, unlock: () => true },
      revisions: createRevisionControl({
        ...checks,
        store: store.revisions,
        objects: store.objects,
        updates,
        complain,
      }),
      complain,
    },
    { config, initMode: 'embedded', life: 'life', version: '1.2.3', buildInfo: () => '' },
  );
  const report = (error: unknown) => assert.fail(error as Error);
  const server = createControlServer({ control: await maker.open(), routes: allRoutes(), report });
  const doors = createDoors({ runDir, load: async () => server, report });
  await doors.openHost();
  opened.push(async () => {
    await doors.closeAll();
    await updates.close();
    await maker.close(false);
  });
  const step = async (ms: number) => {
    await new Promise((turn) => setImmediate(turn));
    await settle();
    await advance(clock, clock.now() + ms);
  };
  const until = async (happened: () => boolean, ms: number) => {
    while (!happened()) await step(ms);
  };
  await updates.begin();
  await until(() => updates.supervisor.view().goal === 'ACHIEVED' && !updates.updating, 1000);
  const type: Stored['type'] = (...words) => statevisor(...words, '--socket', socketPath);
  return {
    store,
    host,
    updates,
    complaints,
    type,
    async typeAndWait(...words) {
      let over = false;
      const outcome = type(...words).finally(() => {
        over = true;
      });
      await until(() => over, 10);
      return outcome;
    },
    until,
    reopen: async () => {
      await doors.closeAll();
      await doors.openHost();
    },
    socketPath,
    pass: (seconds) => advance(clock, clock.now() + seconds * 1000),
    checkout: (files) => {
      const place = mkdtempSync(join(directory, 'checkout-'));
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(place, name)), { recursive: true });
        writeFileSync(join(place, name), content);
      }
      return place;
    },
  };
}
