/** The suite's device on the simulator, in this process: the real charts, the real sockets, fake containers. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { servingIn } from '../../adapters/cli/sim.ts';
import { simulate } from '../../sim/main.ts';
import type { Reach } from './client.ts';
import type { Who } from './device.ts';

export interface SimulatedDevice {
  readonly reach: Reach;
  /** Resolves once what it has said on stdout fits. */
  says(pattern: RegExp): Promise<void>;
  readonly ended: Promise<number>;
  stop(): Promise<number>;
}

/** Resolves when the host's socket is open. */
export async function serveScenario(file: string, directory: string): Promise<SimulatedDevice> {
  mkdirSync(directory, { recursive: true });
  const end = new AbortController();
  const output = { text: '', err: '' };
  const listeners = new Set<() => void>();
  let serves: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    serves = resolve;
  });
  const err = {
    write: (text: string) => {
      output.err += text;
      serves();
    },
  };
  const ended = simulate({
    file,
    speed: '1',
    json: false,
    out: {
      write: (text) => {
        output.text += text;
        for (const look of listeners) look();
      },
    },
    err,
    serve: servingIn(directory, err, end.signal),
  });
  await Promise.race([
    opened,
    ended.then((code) => {
      throw new Error(`the simulator ended with ${code}: ${output.err}`);
    }),
  ]);
  return {
    reach: reachBelow(directory),
    says: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          if (!pattern.test(output.text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      }),
    ended,
    stop: () => {
      end.abort();
      return ended;
    },
  };
}

/** Callers are told apart by the socket they call, so that any process may stand for a container's. */
export function reachBelow(directory: string): Reach {
  const socketOf = (who: Who) =>
    who === 'host' ? join(directory, 'pv-ctrl') : join(directory, 'doors', who, 'pv-ctrl');
  return { socketOf, programFor: (who) => ({ prefix: [], socket: socketOf(who) }) };
}
