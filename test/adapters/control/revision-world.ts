/** A device with a real store behind the real server: what clients send ends up on the disk. Its containers and its boot
 *  loader are fakes, and their time is virtual. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createCommands } from '../../../actors/commands.ts';
import { createRevisionControl } from '../../../actors/revisions.ts';
import { createUpdates, type Updates } from '../../../actors/updates.ts';
import { allRoutes } from '../../../adapters/control/routes.ts';
import type { StoreOptions } from '../../../adapters/store/store.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import type { Announcement } from '../../../machines/domain/report.ts';
import { parseState } from '../../../machines/domain/state-json.ts';
import { advance, settle, VirtualClock } from '../../../sim/clock.ts';
import { Diary } from '../../../sim/diary.ts';
import { createFakeBoot, type FakeBoot } from '../../../sim/fake-boot.ts';
import { createFakeHooks } from '../../../sim/fake-hooks.ts';
import { createFakeRevisionHost } from '../../../sim/fake-revision-host.ts';
import { createHost } from '../../support/world.ts';
import { type StoreWorld, sha256, storeIn } from '../store/store-world.ts';
import { type Doorstep, openDoorstep } from './doorstep.ts';

export interface RevisionWorld {
  readonly store: StoreWorld;
  readonly door: Doorstep;
  readonly boot: FakeBoot;
  readonly updates: Updates;
  readonly complaints: readonly Fault[];
  /** What signatures say of the states to come. */
  signatures: (text: string) => string | undefined;
  /** With real curl, on the host's socket. */
  curl(target: string, ...args: readonly string[]): Promise<Curled>;
  put(target: string, body: string, ...args: readonly string[]): Promise<Curled>;
  command(op: string, payload: string): Promise<Curled>;
  /** Time of the containers. */
  pass(seconds: number): Promise<void>;
  /** Resolves once it is so; containers go on meanwhile. */
  until(happened: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

export interface Curled {
  readonly status: number;
  readonly body: string;
  readonly head: string;
}

const SETTINGS: Readonly<Record<string, unknown>> = {
  PV_UPDATER_COMMIT_DELAY: 25,
  PV_UPDATER_GOALS_TIMEOUT: 120,
  PV_UPDATER_ROLLBACK_REBOOT: false,
  PV_STORAGE_GC_KEEP_FACTORY: false,
  PV_CONTROL_REMOTE: true,
  PV_DEBUG_SHELL: true,
};

/** Objects of a state with one container, `web`. */
export const ROOT = 'a root file system';
export const CONF = 'a configuration';

export function stateText(keys: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    '#spec': 'pantavisor-service-system@1',
    'web/run.json': {
      name: 'web',
      type: 'lxc',
      config: 'lxc.container.conf',
      group: 'app',
      'root-volume': 'root.squashfs',
      ...keys,
    },
    'web/root.squashfs': sha256(ROOT),
    'web/lxc.container.conf': sha256(CONF),
  });
}

/** Revision 0 runs. */
export async function openRevisionWorld(
  directory: string,
  storeOptions: Partial<StoreOptions> = {},
): Promise<RevisionWorld> {
  const storage = join(directory, 'storage');
  mkdirSync(storage);
  const store = await storeIn(storage, { inUse: async () => () => false, ...storeOptions });
  for (const content of [ROOT, CONF]) await store.put(content);
  const factory = parseState(stateText());
  assert.ok(factory.ok, JSON.stringify(factory));
  await store.revisions.install('0', factory.revision, stateText());

  const complaints: Fault[] = [];
  const complain = (fault: Fault) => complaints.push(fault);
  const clock = new VirtualClock();
  const diary = new Diary(() => clock.now(), undefined);
  const boot = createFakeBoot({ diary });
  boot.powerUp();
  const checks = {
    signatures: {
      check: async (text: string) => {
        const message = world.signatures(text);
        if (message !== undefined) throw new SupervisorError('REFUSED', message);
      },
    },
    parse: (text: string) => parseState(text),
  };
  const config = { value: (key: string) => SETTINGS[key] as never };
  const told: Announcement[] = [];
  const updates: Updates = createUpdates(
    {
      ...checks,
      store: store.revisions,
      collector: store.collector,
      boot: boot.record,
      hooks: createFakeHooks({ diary }),
      host: createFakeRevisionHost({ host: createHost(clock, {}) }).begin((name) =>
        updates.supervisor.send({ type: 'signal.ready', name }),
      ).port,
      clock,
      config,
      rebooter: { reboot: () => undefined, powerOff: () => undefined },
      complain,
    },
    {
      listen: (announcement) => told.push(announcement),
      load: () => undefined,
      crashed: (error) => {
        throw error;
      },
    },
  );
  const revisions = createRevisionControl({
    ...checks,
    store: store.revisions,
    objects: store.objects,
    updates,
    complain,
  });
  const commands = createCommands({
    supervisor: () => updates.supervisor,
    config: config as never,
    clock,
    complain,
    revisions,
  });
  const door = await openDoorstep({
    runDir: join(directory, 'run'),
    routes: allRoutes(),
    control: { revisions, commands, now: () => clock.now(), wallTime: () => 0 },
  });
  const curl: RevisionWorld['curl'] = (target, ...args) =>
    runCurl(['--unix-socket', join(door.runDir, 'pv-ctrl'), ...args, `http://localhost${target}`]);

  const world: RevisionWorld = {
    store,
    door,
    boot,
    updates,
    complaints,
    signatures: () => undefined,
    curl,
    put: (target, body, ...args) => curl(target, '-X', 'PUT', '--data-binary', body, ...args),
    command: async (op, payload) => {
      const answer = await curl('/commands', '--data', JSON.stringify({ op, payload }));
      await world.pass(0);
      return answer;
    },
    pass: (seconds) => advance(clock, clock.now() + seconds * 1000),
    until: async (happened) => {
      while (!(await happened())) {
        await new Promise((turn) => setImmediate(turn));
        await settle();
        await advance(clock, clock.now());
      }
    },
    close: async () => {
      await door.close();
      updates.close();
      assert.deepEqual(door.reported, []);
    },
  };
  await updates.begin();
  await world.until(() => updates.supervisor.view().goal === 'ACHIEVED');
  return world;
}

function runCurl(args: readonly string[]): Promise<Curled> {
  return new Promise((resolve, reject) => {
    execFile(
      'curl',
      ['--silent', '--show-error', '--path-as-is', '--include', '--max-time', '60', ...args],
      { encoding: 'latin1', maxBuffer: 1 << 28 },
      (error, stdout) => {
        if (error !== null) return reject(error);
        const [head = '', ...rest] = stdout
          .replaceAll(/HTTP\/1\.1 100 Continue\r\n\r\n/g, '')
          .split('\r\n\r\n');
        resolve({
          status: Number(head.split(' ')[1]),
          head,
          body: Buffer.from(rest.join('\r\n\r\n'), 'latin1').toString('utf8'),
        });
      },
    );
  });
}
