/** Keeps the device awake while there is a reason to: the kernel's lock is taken with the first scope and given back
 *  with the last (logs and metadata §12). Scopes that announcements do not tell of are held and released by hand. */

import type { Fault } from '../machines/domain/fault.ts';
import { SupervisorError } from '../machines/domain/fault.ts';
import type { Announcement } from '../machines/domain/report.ts';
import {
  type WakelockMode,
  type WakelockScope,
  type WakelockView,
  wakelockChange,
  wakelockView,
} from '../machines/domain/wakelocks.ts';
import type { WakeLockPort } from './ports.ts';

export interface Wakelocks {
  view(): WakelockView;
  /** Holding twice is holding once. */
  hold(scope: WakelockScope): void;
  release(scope: WakelockScope): void;
  hear(announcement: Announcement): void;
  /** Gives the kernel's lock back: the last thing before the process ends. */
  close(): void;
}

/** Holds `boot` from the start. Mode `locks` goes on without kernel support, and says so by `degraded` alone.
 *  Mode `managed` is refused there, and elsewhere comes down to `locks`: nothing here lets the device sleep by itself.
 *  @throws UNSUPPORTED */
export function createWakelocks(
  port: WakeLockPort,
  configured: WakelockMode,
  complain: (fault: Fault) => void,
): Wakelocks {
  const held = new Set<WakelockScope>();
  const mode = configured === 'managed' ? 'locks' : configured;
  const kernel = { works: true };

  const change = (scope: WakelockScope, holds: boolean): void => {
    if (mode === 'disabled' || held.has(scope) === holds) return;
    const before = held.size;
    if (holds) held.add(scope);
    else held.delete(scope);
    if (!kernel.works) return;
    if (before === 0) kernel.works = port.lock();
    else if (held.size === 0) kernel.works = port.unlock();
  };

  change('boot', true);
  if (configured === 'managed') {
    if (!kernel.works) throw noWakeLocks();
    complain(noAutosleep());
  }
  return {
    view: () => wakelockView(mode, held, !kernel.works),
    hold: (scope) => change(scope, true),
    release: (scope) => change(scope, false),
    hear: (announcement) => {
      const { hold, release } = wakelockChange(announcement);
      // In this order, or the lock would be let go in between.
      if (hold !== undefined) change(hold, true);
      if (release !== undefined) change(release, false);
    },
    close: () => {
      for (const scope of [...held]) change(scope, false);
    },
  };
}

function noWakeLocks(): SupervisorError {
  const message = 'PV_POWER_MODE is managed, but this kernel has no wake locks that may be used';
  return new SupervisorError('UNSUPPORTED', message, {
    subject: 'PV_POWER_MODE',
    fix: 'Use a kernel with CONFIG_PM_WAKELOCKS, or set PV_POWER_MODE to locks or disabled',
  });
}

function noAutosleep(): Fault {
  return {
    code: 'UNSUPPORTED',
    message: 'PV_POWER_MODE is managed: wake locks are held, but the device is not put to sleep',
    subject: 'PV_POWER_MODE',
    fix: 'Set PV_POWER_MODE to locks',
  };
}
