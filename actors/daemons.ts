/** The helper processes of the device: one chart each, joined to the spawner. They are no containers and outlive the
 *  supervisor as those do, so that what they carry for containers is not cut. */

import { type ActorRefFrom, createActor, fromCallback, type InspectionEvent } from 'xstate';
import { type DaemonProcessCommand, daemonMachine, daemonView } from '../machines/daemon.ts';
import { DAEMONS, type DaemonFact, type InitMode } from '../machines/domain/daemon.ts';
import { type Fault, toFault } from '../machines/domain/fault.ts';
import type { Daemons } from './control-ports.ts';
import type { Clock, DaemonSpawner } from './ports.ts';

export interface DaemonsOptions {
  readonly spawner: DaemonSpawner;
  readonly clock: Clock;
  readonly initMode: InitMode;
  readonly complain: (fault: Fault) => void;
  readonly inspect?: (event: InspectionEvent) => void;
}

export interface DaemonKeeper extends Daemons {
  /** Starts those that belong to this init mode, or takes over what an earlier supervisor left. */
  begin(): void;
  /** Ends them all and waits for it: at most the grace of 5 s, as SIGKILL follows. For a stop of the device, after the
   *  control sockets have closed (logs and metadata §9). */
  end(): Promise<void>;
  /** Lets go of all; they run on. */
  detach(): void;
}

/** Nothing starts before `begin`. What was stopped through the API starts again with the next supervisor. */
export function createDaemons({ spawner, clock, initMode, complain, inspect }: DaemonsOptions): DaemonKeeper {
  const machine = daemonMachine.provide({ actors: { daemonProcess: daemonProcess(spawner, complain) } });
  const charts = new Map(
    DAEMONS.map(({ name, modes }) => {
      const chart = createActor(machine, {
        id: `daemon ${name}`,
        clock,
        input: { name, enabled: modes.includes(initMode) },
        ...(inspect === undefined ? {} : { inspect }),
      });
      chart.on('daemon.failed', ({ error }) => complain(toFault(error)));
      return [name, chart.start()];
    }),
  );
  const order = (name: string, type: 'daemon.start' | 'daemon.stop'): boolean => {
    const chart = charts.get(name);
    if (chart?.getSnapshot().status === 'active') chart.send({ type });
    return chart !== undefined;
  };
  return {
    begin: () => {
      for (const chart of charts.values()) chart.send({ type: 'daemon.begin' });
    },
    list: () => [...charts.values()].map((chart) => daemonView(chart.getSnapshot())),
    start: (name) => order(name, 'daemon.start'),
    stop: (name) => order(name, 'daemon.stop'),
    end: async () => {
      await Promise.all([...charts.values()].map(endOf));
    },
    detach: () => {
      for (const chart of charts.values()) chart.stop();
    },
  };
}

function endOf(chart: ActorRefFrom<typeof daemonMachine>): Promise<void> {
  return new Promise((resolve) => {
    chart.subscribe({ complete: resolve });
    if (chart.getSnapshot().status === 'active') chart.send({ type: 'daemon.end' });
  });
}

/** Callback actor: one daemon's process. Leaving it lets go of the process, which runs on. */
function daemonProcess(spawner: DaemonSpawner, complain: (fault: Fault) => void) {
  return fromCallback<DaemonProcessCommand, string>(({ input: name, receive, sendBack }) => {
    const process = spawner.spawn(name, (fact: DaemonFact) => {
      if (fact.type === 'daemon.exited' && fact.fault !== undefined) complain(fact.fault);
      sendBack(fact);
    });
    receive((command) => {
      if (command.type === 'process.terminate') process.terminate();
      else process.kill();
    });
    return () => process.detach();
  });
}
