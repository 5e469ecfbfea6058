/** Opens, kicks and closes the hardware watchdog as its mode says (lifecycle §18). While it is open it is kicked by a timer
 *  of the event loop that does everything else: the kicks ask nothing and wait for nothing, they are the sign that this
 *  loop turns. One that is stuck gives none, and the device resets the machine. */

import type { Announcement } from '../machines/domain/report.ts';
import {
  kickPeriodMs,
  type WatchdogMode,
  type WatchdogMoment,
  watchdogAction,
} from '../machines/domain/watchdog.ts';
import type { Clock } from './ports.ts';
import type { Watchdog } from './update-ports.ts';

export interface WatchdogKeeper {
  hear(announcement: Announcement): void;
  /** A reboot or a power-off begins: to be called before containers are stopped, which announcements alone do not tell
   *  from a mere stop. */
  depart(): void;
  /** No more kicks: the last thing before the process ends. A device that is open stays open, so that it resets a machine
   *  that does not come down. */
  detach(): void;
}

/** Mode and timeout are `PV_WDT_MODE` and `PV_WDT_TIMEOUT`. Opens at once in modes `startup` and `always`. */
export function createWatchdogKeeper(
  port: Watchdog,
  { mode, timeoutS }: { readonly mode: WatchdogMode; readonly timeoutS: number },
  clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
): WatchdogKeeper {
  const kicks: { next: unknown } = { next: undefined };
  const kick = () => {
    port.kick();
    kicks.next = clock.setTimeout(kick, kickPeriodMs(timeoutS));
  };
  const rest = () => {
    if (kicks.next !== undefined) clock.clearTimeout(kicks.next);
    kicks.next = undefined;
  };
  const reach = (moment: WatchdogMoment): void => {
    const action = watchdogAction(mode, moment);
    if (action === 'open' && kicks.next === undefined) {
      port.open();
      kick();
    } else if (action === 'close' && kicks.next !== undefined) {
      rest();
      port.close();
    }
  };
  reach('begun');
  return {
    hear: (announcement) => {
      if (announcement.type !== 'device') return;
      const { phase } = announcement;
      if (phase === 'running') reach('started');
      else if (phase === 'rebooting' || phase === 'poweringOff') reach('departing');
    },
    depart: () => reach('departing'),
    detach: rest,
  };
}
