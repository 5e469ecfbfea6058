/** Promise actors: ask for the end of the device's run, once every container has stopped. */

import { fromPromise } from 'xstate';
import type { Because } from '../machines/domain/report.ts';
import type { Rebooter } from './ports.ts';

export function rebootDevice(rebooter: Rebooter) {
  return fromPromise<void, Because>(async ({ input }) => rebooter.reboot(input));
}

export function powerOffDevice(rebooter: Rebooter) {
  return fromPromise<void, Because>(async ({ input }) => rebooter.powerOff(input));
}
