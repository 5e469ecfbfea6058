/** One supervisor's life on the fake device: begun, orderly ended or cut off. The plain one has the only revision there is;
 *  the one of a device with a store is in `revision-device.ts`. */

import type { ChangingConfig } from '../actors/config.ts';
import type { LoadedState } from '../actors/control-ports.ts';
import type { Ports, Rebooter, Supervisor } from '../actors/ports.ts';
import type { RevisionControl } from '../actors/revisions.ts';
import { createSupervisor } from '../actors/supervisor.ts';
import type { Answer } from '../machines/domain/control.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { FakeHost } from './host.ts';
import type { Scenario } from './scenario.ts';

/** How a device goes: told by the supervisor to, or without power. */
export type Departure = keyof Rebooter | 'powerLoss';

export interface LifeOptions {
  /** Where readiness signals from inside go. */
  readonly signalReady: (container: string) => Answer;
  readonly listen: (announcement: Announcement) => void;
  readonly crashed: (error: unknown) => void;
  /** The device is to go: all its containers have stopped. */
  readonly departed: (way: Departure) => void;
  /** What stands beside the supervisor, as soon as it is known what there is to serve. */
  readonly accompany: (served: Served) => Promise<Companion | undefined>;
}

/** What clients are served besides containers. */
export interface Served {
  readonly config: ChangingConfig;
  readonly revisions: RevisionControl;
}

/** What stands beside one supervisor. */
export interface Companion {
  /** The ports in place of which the supervisor gets those returned. */
  dress(ports: Ports): Ports;
  hear(announcement: Announcement): void;
  /** A state is there, instead of the one before if there was one. */
  load(state: LoadedState): void;
  /** The supervisor is gone. */
  end(): Promise<void>;
}

export interface Life {
  readonly supervisor: Supervisor;
  /** Timers that it armed and that would still fire. */
  readonly pendingTimers: number;
  /** Begins with the revision that is due. */
  begin(): Promise<void>;
  /** Its containers run on. */
  detach(): Promise<void>;
  /** As `kill -9`. */
  cut(): void;
}

/** Made, and not begun. Nothing stands beside it: clients are served where there is a store. */
export async function createPlainLife(
  host: FakeHost,
  { revision, defaultGoalTimeoutMs }: Scenario,
  { signalReady, listen, crashed, departed }: LifeOptions,
): Promise<Life> {
  const attachment = host.attach(signalReady);
  const supervisor = await createSupervisor(departing(attachment.ports, departed), {
    revision,
    defaultGoalTimeoutMs,
    listen,
    crashed,
  });
  return {
    supervisor,
    get pendingTimers() {
      return attachment.pendingTimers;
    },
    begin: async () => supervisor.start(),
    detach: async () => supervisor.detach(),
    cut: () => attachment.cut(),
  };
}

/** Tells, too, when the device is to go. */
export function departing(ports: Ports, departed: (way: Departure) => void): Ports {
  const { rebooter } = ports;
  const leave =
    (way: keyof Rebooter): Rebooter[typeof way] =>
    (because) => {
      rebooter[way](because);
      departed(way);
    };
  return { ...ports, rebooter: { reboot: leave('reboot'), powerOff: leave('powerOff') } };
}
