/** `statevisor sim`: the same charts on a simulated device, in virtual time, and with `--listen` the same control sockets. */

import { resolve } from 'node:path';
import { describeFault, toFault } from '../../machines/domain/fault.ts';
import { type Serving, type Speed, simulate } from '../../sim/main.ts';
import type { ServedDevice } from '../../sim/served.ts';
import { createDoors, type Visitor } from '../control/doors.ts';
import { packageVersion } from '../package-root.ts';
import { UsageError } from '../settings.ts';
import type { Stream, Terminal } from './output.ts';

export interface SimFlags {
  readonly seed?: string;
  /** `max` unless said, with `listen` 1. */
  readonly speed?: string;
  readonly json?: boolean;
  /** Directory for the sockets. */
  readonly listen?: string;
}

const SPEEDS: readonly Speed[] = ['1', '60', 'max'];

/** 0 every expectation held, or served until SIGINT, SIGTERM or a power-off · 1 one did not hold · 3 the file cannot be
 *  read · 8 the file is no valid scenario or state. @throws UsageError, UNSUPPORTED a path too long for a socket,
 *  STORE_FAILED a socket cannot be opened */
export async function sim(file: string, flags: SimFlags, terminal: Terminal): Promise<number> {
  const { out, err, environment } = terminal;
  const { listen } = flags;
  const speed = SPEEDS.find(
    (candidate) => candidate === (flags.speed ?? (listen === undefined ? 'max' : '1')),
  );
  if (speed === undefined) throw new UsageError(`--speed is one of ${SPEEDS.join(', ')}`);
  if (speed === 'max' && listen !== undefined) {
    throw new UsageError('--listen needs --speed 1 or 60: clients live by the wall clock');
  }
  const seed = flags.seed === undefined ? undefined : Number(flags.seed);
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new UsageError('--seed is a whole number, 0 or more');
  }
  const noColour = (environment['NO_COLOR'] ?? '') !== '';
  const input = { file, seed, speed, json: flags.json ?? false, out, err, noColour };
  return listen === undefined
    ? simulate(input)
    : untilSignal((until) => simulate({ ...input, serve: servingIn(resolve(listen), err, until) }));
}

/** SIGINT and SIGTERM end what is under way, not the process. */
async function untilSignal(run: (until: AbortSignal) => Promise<number>): Promise<number> {
  const end = new AbortController();
  const stop = () => end.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    return await run(end.signal);
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

/** `<directory>/pv-ctrl` for the host, `<directory>/doors/<container>/pv-ctrl` for containers, as on a device. */
export function servingIn(directory: string, err: Stream, until: AbortSignal): Serving {
  const announced = { once: false };
  return {
    version: packageVersion(),
    until,
    openDoors: (device) => {
      const doors = createDoors({
        runDir: directory,
        load: () => loadServer(device),
        report: (error, visitor) => device.complain(faultOf(error, visitor)),
      });
      doors.expect(device.containers);
      return {
        ...doors,
        openHost: async () => {
          await doors.openHost();
          if (announced.once) return;
          announced.once = true;
          err.write(
            `statevisor: serving ${directory}/pv-ctrl and ${directory}/doors/CONTAINER/pv-ctrl until Ctrl-C\n`,
          );
        },
      };
    },
  };
}

async function loadServer(device: ServedDevice) {
  const [{ createControlServer }, { allRoutes }] = await Promise.all([
    import('../control/server.ts'),
    import('../control/routes.ts'),
  ]);
  return createControlServer({
    control: await device.control(),
    routes: allRoutes(),
    report: (error, visitor) => device.complain(faultOf(error, visitor)),
  });
}

function faultOf(error: unknown, visitor: Visitor) {
  const fault = toFault(error);
  const caller = visitor.kind === 'host' ? 'the host' : visitor.name;
  return { ...fault, message: `serving ${caller}: ${describeFault(fault)}` };
}
