/** A supervisor on a fake device, in virtual time, behind real control sockets below a scratch directory; and the command
 *  line as it is typed at them. What takes no time happens by itself, the rest when the test lets time pass.
 *  `afterEach(closeServed)` in every suite. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createConfig } from '../../../../actors/config.ts';
import { beginControl, type ControlMaker } from '../../../../actors/control.ts';
import type { SupervisorWithDrivers } from '../../../../actors/supervisor.ts';
import { createDoors } from '../../../../adapters/control/doors.ts';
import { metadataRoutes } from '../../../../adapters/control/routes/metadata.ts';
import { allRoutes } from '../../../../adapters/control/routes.ts';
import { createControlServer } from '../../../../adapters/control/server.ts';
import type { Saying } from '../../../../machines/domain/config.ts';
import type { Announcement } from '../../../../machines/domain/report.ts';
import type { Revision } from '../../../../machines/domain/revision.ts';
import type { Status } from '../../../../machines/domain/status.ts';
import { VirtualClock } from '../../../../sim/clock.ts';
import { Diary } from '../../../../sim/diary.ts';
import { FakeDaemons } from '../../../../sim/fake-daemons.ts';
import { createFakeProbe } from '../../../../sim/fake-device-keys.ts';
import { createFakeMetadata } from '../../../../sim/fake-metadata.ts';
import { boot, checkWorlds, type World, type WorldOptions } from '../../../support/world.ts';
import { type Outcome, statevisor } from '../command.ts';

export interface Served {
  readonly world: World;
  readonly runDir: string;
  /** The host types this. */
  type(...words: readonly string[]): Promise<Outcome>;
  /** Somebody inside a container types this. */
  typeIn(container: string, ...words: readonly string[]): Promise<Outcome>;
  /** Resolves when a container has been announced with this status, from now on. */
  until(container: string, status: Status): Promise<void>;
  /** Cuts all connections; the sockets are there again at once. */
  reopen(): Promise<void>;
  /** The supervisor ends, its containers run on. */
  end(): Promise<void>;
}

export interface ServedOptions extends WorldOptions {
  readonly runDir: string;
  readonly sayings?: readonly Saying[];
  readonly life?: string;
}

const opened: (() => Promise<void>)[] = [];

export async function closeServed(): Promise<void> {
  for (const close of opened.splice(0)) await close();
  checkWorlds();
}

export async function serve(
  revision: Revision,
  { runDir, sayings = [], life = 'life', ...options }: ServedOptions,
): Promise<Served> {
  const made: { maker?: ControlMaker; world?: World } = {};
  const listeners = new Set<(announcement: Announcement) => void>();
  const world = await boot(revision, {
    ...options,
    ports: (ports) => {
      const diary = new Diary(() => ports.clock.now(), undefined);
      const clock = new VirtualClock();
      made.maker = beginControl(
        {
          clock: ports.clock,
          wallTime: () => Date.UTC(2026, 0, 1) + ports.clock.now(),
          userMeta: () => createFakeMetadata(diary, 'user-meta', { 'web.color': 'red', plan: '{"a":[1]}' }),
          deviceMeta: () => createFakeMetadata(diary, 'device-meta'),
          probe: createFakeProbe(() => ports.clock.now()),
          daemons: new FakeDaemons({ clock, diary, installed: new Set() }).spawner(),
          wakeLock: { lock: () => true, unlock: () => true },
          complain: () => undefined,
        },
        {
          config: createConfig(sayings),
          initMode: 'embedded',
          life,
          version: '1.2.3',
          buildInfo: () => '',
        },
      );
      return ports;
    },
    heard: (announcement) => {
      made.maker?.hear(announcement);
      for (const listener of listeners) listener(announcement);
      setImmediate(() => void made.world?.pass(0));
    },
  });
  await world.pass(0);
  made.world = world;
  const { maker } = made;
  assert.ok(maker !== undefined);
  const { drivers } = world.supervisor as SupervisorWithDrivers;
  maker.load({ supervisor: world.supervisor, revision, revisionName: 'locals/blue', drivers });
  const control = await maker.open();
  const report = (error: unknown) => assert.fail(error as Error);
  const server = createControlServer({ control, routes: [...allRoutes(), ...metadataRoutes], report });
  const names = revision.containers.map(({ name }) => name);
  const doors = createDoors({ runDir, load: async () => server, report });
  const open = async () => {
    await doors.openHost();
    for (const name of names) await doors.open(name);
  };
  await open();
  let ended = false;
  const end = async () => {
    if (ended) return;
    ended = true;
    delete made.world;
    await doors.closeAll();
    await maker.close(false);
    world.cut();
  };
  opened.push(end);
  return {
    world,
    runDir,
    type: (...words) => statevisor(...words, '--socket', join(runDir, 'pv-ctrl')),
    typeIn: (container, ...words) =>
      statevisor(...words, '--socket', join(runDir, 'doors', container, 'pv-ctrl')),
    until: (container, status) =>
      new Promise((resolve) => {
        const listen = (announcement: Announcement) => {
          if (announcement.type !== 'container') return;
          const { record } = announcement;
          if (record.name !== container || record.status !== status) return;
          listeners.delete(listen);
          resolve();
        };
        listeners.add(listen);
      }),
    reopen: async () => {
      await doors.closeAll();
      await open();
    },
    end,
  };
}

/** Words of each line, without what pads them. */
export function rowsOf(text: string): readonly (readonly string[])[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
}
