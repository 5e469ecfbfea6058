/** What stands beside a simulated supervisor once clients may call: configuration, metadata, helper processes, wake locks
 *  and the doors, joined by `actors/control.ts` as on a device. Who listens at the doors is the caller's business. */

import { beginControl, type ControlMaker } from '../actors/control.ts';
import type { Control } from '../actors/control-ports.ts';
import type { Runtime, TellProcess } from '../actors/ports.ts';
import { DAEMONS } from '../machines/domain/daemon.ts';
import { describeFault, type Fault, toFault } from '../machines/domain/fault.ts';
import type { VirtualClock } from './clock.ts';
import { Diary } from './diary.ts';
import { FakeDaemons } from './fake-daemons.ts';
import { createFakeProbe } from './fake-device-keys.ts';
import { createFakeMetadata } from './fake-metadata.ts';
import type { Companion } from './life.ts';
import type { Scenario } from './scenario.ts';
import type { Surroundings } from './stage.ts';
import type { Trace } from './trace.ts';

/** The sockets of one boot. */
export interface ServedDoors {
  openHost(): Promise<void>;
  /** Removes what an earlier one has left. */
  open(container: string): Promise<void>;
  close(container: string): void;
  closeAll(): Promise<void>;
}

/** What whoever opens the doors serves behind them. */
export interface ServedDevice {
  readonly containers: readonly string[];
  /** At the first connection. */
  control(): Promise<Control>;
  /** Must not throw. */
  readonly complain: (fault: Fault) => void;
}

export type OpenDoors = (device: ServedDevice) => ServedDoors;

export interface ServedOptions {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly openDoors: OpenDoors;
  /** Of this program. */
  readonly version: string;
  /** The wall clock's time when virtual time was 0, ms since 1970. */
  readonly begunAt: number;
}

/** Metadata outlives a reboot, as files do; helper processes outlive their supervisor alone. */
export function createSurroundings(options: ServedOptions): Surroundings {
  const { scenario, clock, trace } = options;
  const diary = new Diary(
    () => clock.now(),
    (entry) => trace.diary(entry),
  );
  const complain = (fault: Fault) =>
    diary.happening(fault.subject ?? '', `complaint: ${describeFault(fault)}`);
  const userMeta = createFakeMetadata(diary, 'user-meta', scenario.device.userMeta);
  const deviceMeta = createFakeMetadata(diary, 'device-meta', scenario.device.deviceMeta);
  const files = { userMeta: () => userMeta, deviceMeta: () => deviceMeta };
  const installed = new Set(DAEMONS.map(({ name }) => name));
  const daemons = new FakeDaemons({ clock, diary, installed });
  const lives = { count: 0 };

  return {
    powerCycle: () => daemons.clear(),
    begin: async ({ config, revisions }) => {
      lives.count += 1;
      const timers = clock.view();
      const maker = beginControl(
        {
          clock: timers,
          wallTime: () => options.begunAt + clock.now(),
          ...files,
          probe: createFakeProbe(() => clock.now()),
          daemons: daemons.spawner(),
          wakeLock: { lock: () => true, unlock: () => true },
          complain,
          revisions,
        },
        {
          config,
          initMode: 'embedded',
          life: `${options.begunAt.toString(36)}.${lives.count}`,
          version: options.version,
          buildInfo: () => `statevisor ${options.version}, simulated device\n`,
        },
      );
      const containers = containersOf(scenario);
      const doors = options.openDoors({ containers, control: maker.open, complain });
      await doors.openHost();
      return companionOf(maker, doors, () => timers.close());
    },
  };
}

/** Of every revision that the scenario knows. */
function containersOf({ revision, storage }: Scenario): readonly string[] {
  const further = [...(storage?.revisions.values() ?? [])].map((stored) => stored.revision);
  const names = [revision, ...further].flatMap(({ containers }) => containers.map(({ name }) => name));
  return [...new Set(names)];
}

function companionOf(maker: ControlMaker, doors: ServedDoors, stopTimers: () => void): Companion {
  const life = { over: false };
  return {
    dress: (ports) => {
      const { runtime, complain } = ports;
      return {
        ...ports,
        runtime: behindDoors(runtime, {
          open: (name) => {
            if (!life.over) doors.open(name).catch((error: unknown) => complain(toFault(error)));
          },
          close: doors.close,
        }),
      };
    },
    hear: maker.hear,
    load: (state) => {
      maker.load(state);
      // Helper processes begin with the device, not with the first client.
      void maker.open();
    },
    end: async () => {
      life.over = true;
      stopTimers();
      await doors.closeAll();
    },
  };
}

/** A door is open from before a container's start until its end, as on a device. */
function behindDoors(
  runtime: Runtime,
  { open, close }: { open(container: string): void; close(container: string): void },
): Runtime {
  const closing =
    (container: string, tell: TellProcess): TellProcess =>
    (fact) => {
      if (fact.type === 'process.exited') close(container);
      tell(fact);
    };
  return {
    ...runtime,
    start: (container, startedAt, tell) => {
      open(container.name);
      return runtime.start(container, startedAt, closing(container.name, tell));
    },
    adopt: (container, survivor, tell) => {
      open(container.name);
      return runtime.adopt(container, survivor, closing(container.name, tell));
    },
  };
}
