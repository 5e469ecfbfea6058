/** Promise actor: asks for the reboot of the device, once every container has stopped. */

import { fromPromise } from 'xstate';
import type { Fault } from '../machines/domain/fault.ts';
import type { Rebooter } from './ports.ts';

export function rebootDevice(rebooter: Rebooter) {
  return fromPromise<void, Fault>(async ({ input }) => rebooter.reboot(input));
}
