/** When the hardware watchdog is opened and closed (lifecycle §18), and how often it is kicked. */

export type WatchdogMode = 'disabled' | 'shutdown' | 'startup' | 'always';

/** Moments of a supervisor's life. `started`: the revision runs, though its containers may be only just starting.
 *  `departing`: a reboot or a power-off begins, before any container is stopped (L-15). */
export type WatchdogMoment = 'begun' | 'started' | 'departing';

export type WatchdogAction = 'open' | 'close';

const ACTIONS: Readonly<Record<WatchdogMode, Readonly<Partial<Record<WatchdogMoment, WatchdogAction>>>>> = {
  disabled: {},
  shutdown: { departing: 'open' },
  startup: { begun: 'open', started: 'close', departing: 'open' },
  always: { begun: 'open' },
};

/** Undefined: nothing is done. */
export function watchdogAction(mode: WatchdogMode, moment: WatchdogMoment): WatchdogAction | undefined {
  return ACTIONS[mode][moment];
}

/** Two kicks may come late before the device resets the machine.
 *  @param timeoutS `PV_WDT_TIMEOUT`; what no device would take counts as 1 s */
export function kickPeriodMs(timeoutS: number): number {
  return (Math.max(1, timeoutS) * 1000) / 3;
}
