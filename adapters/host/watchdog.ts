/** The hardware watchdog, a device file (logs and metadata §10). When it is opened, kicked and closed is in
 *  `actors/watchdog.ts`. */

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Watchdog } from '../../actors/update-ports.ts';
import type { Fault } from '../../machines/domain/fault.ts';
import { errnoName, errnoOf } from './kernel-error.ts';
import type { Sysx } from './native/load.ts';

export interface WatchdogOptions {
  /** /dev/watchdog, unless a test has another. */
  readonly device?: string;
  /** `PV_WDT_TIMEOUT`, in seconds. */
  readonly timeoutS: number;
  /** Undefined without the addon: the device then keeps the timeout it has. */
  readonly native: Pick<Sysx, 'setWatchdogTimeout'> | undefined;
  /** Told once of each thing that fails, however often it does. */
  readonly complain: (fault: Fault) => void;
}

const DEVICE = '/dev/watchdog';
/** Any byte but the one that lets the device be closed for good. */
const SIGN_OF_LIFE = Buffer.of(0);
/** Closing without it is what a supervisor does that dies: the device then goes on and resets the machine. One that does
 *  not know it takes it for a kick, and is disarmed by the closing itself. */
const MAGIC_CLOSE = Buffer.from('V');

export function createWatchdog(options: WatchdogOptions): Watchdog {
  const { device = DEVICE, timeoutS, native } = options;
  const complain = once(options.complain);
  const held: { descriptor: number | undefined } = { descriptor: undefined };
  const attempt = (doing: string, fix: string, call: () => void): void => {
    try {
      call();
    } catch (error) {
      complain(faultOf(error, doing, device, fix));
    }
  };

  return {
    open: () => {
      if (held.descriptor !== undefined) return;
      attempt(`opening the watchdog ${device}`, NO_DEVICE, () => {
        // Nothing may ever wait for a watchdog. It is not made where there is none.
        held.descriptor = openSync(device, constants.O_WRONLY | constants.O_NONBLOCK);
      });
      const { descriptor } = held;
      if (descriptor === undefined) return;
      if (native === undefined) return complain(keepsTimeout(device, timeoutS));
      attempt(`setting the watchdog ${device} to ${timeoutS} s`, OTHER_TIMEOUT, () => {
        const set = native.setWatchdogTimeout(descriptor, timeoutS);
        if (set !== timeoutS) complain(otherTimeout(device, timeoutS, set));
      });
    },
    kick: () => {
      const { descriptor } = held;
      if (descriptor === undefined) return;
      attempt(`kicking the watchdog ${device}`, NO_DEVICE, () => writeSync(descriptor, SIGN_OF_LIFE));
    },
    close: () => {
      const { descriptor } = held;
      if (descriptor === undefined) return;
      held.descriptor = undefined;
      attempt(`closing the watchdog ${device}`, NO_DEVICE, () => {
        try {
          writeSync(descriptor, MAGIC_CLOSE);
        } finally {
          closeSync(descriptor);
        }
      });
    },
  };
}

const NO_DEVICE = "Load the driver of this machine's watchdog, or set PV_WDT_MODE to disabled";
const OTHER_TIMEOUT = 'Set PV_WDT_TIMEOUT to a time that the device can do';

function faultOf(error: unknown, doing: string, device: string, fix: string): Fault {
  const errno = errnoOf(error) ?? addonErrno(error);
  if (errno === undefined) throw error;
  return { code: 'UNSUPPORTED', message: `${doing} failed: ${errno}`, subject: device, errno, fix };
}

/** The addon throws the number alone. */
function addonErrno(error: unknown): string | undefined {
  return error instanceof Error && 'errno' in error ? errnoName(Number(error.errno)) : undefined;
}

function keepsTimeout(device: string, timeoutS: number): Fault {
  return {
    code: 'UNSUPPORTED',
    message: `the watchdog ${device} keeps its own timeout: setting it to ${timeoutS} s needs the native addon`,
    subject: device,
    fix: 'Build it with "npm run setup", or give the driver its timeout as a module parameter',
  };
}

function otherTimeout(device: string, wanted: number, set: number): Fault {
  return {
    code: 'UNSUPPORTED',
    message: `the watchdog ${device} was to be set to ${wanted} s and has set itself to ${set} s`,
    subject: device,
    fix: OTHER_TIMEOUT,
  };
}

function once(complain: (fault: Fault) => void): (fault: Fault) => void {
  const told = new Set<string>();
  return (fault) => {
    if (told.has(fault.message)) return;
    told.add(fault.message);
    complain(fault);
  };
}
