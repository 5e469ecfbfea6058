/** Callback actor: one container's process. Leaving it lets go of the process, which runs on to be adopted. */

import { fromCallback } from 'xstate';
import type { ProcessCommand, ProcessInput } from '../machines/container.ts';
import type { Runtime } from './ports.ts';

export function containerProcess(runtime: Runtime) {
  return fromCallback<ProcessCommand, ProcessInput>(
    ({ input: { spec, startedAt, survivor }, receive, sendBack }) => {
      const process =
        survivor === undefined
          ? runtime.start(spec, startedAt, sendBack)
          : runtime.adopt(spec, survivor, sendBack);
      receive((command) => {
        if (command.type === 'process.halt') process.halt();
        else process.kill();
      });
      return () => process.detach();
    },
  );
}
