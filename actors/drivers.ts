/** All drivers of a revision: one chart per alias that was ever asked for, shared by the starts of containers
 *  (`modules.ts`) and by the control API. What is loaded is told by what was loaded here, never by lsmod. */

import { type ActorRefFrom, createActor, fromPromise, type InspectionEvent } from 'xstate';
import { activeAliases, type DriverDecision, driverNeeds, moduleLine } from '../machines/domain/drivers.ts';
import { SupervisorError, toFault } from '../machines/domain/fault.ts';
import type { ContainerSpec, Revision } from '../machines/domain/revision.ts';
import { type DriverCommand, type DriverReport, driverMachine } from '../machines/driver.ts';
import type { Drivers } from './control-ports.ts';
import type { Ports } from './ports.ts';

/** What the start of a container needs of them. */
export interface StartDrivers {
  /** What the container's aliases come to, in load order. */
  needs(container: ContainerSpec): readonly DriverDecision[];
  /** Waits for its turn. An abort ends this attempt, not those of others. @throws MODULE_FAILED */
  loadForStart(alias: string, signal: AbortSignal): Promise<void>;
}

export interface DriverHub extends Drivers, StartDrivers {
  /** Ends what is under way; whoever waits is told so. */
  close(): void;
}

type DriverPorts = Pick<Ports, 'modules' | 'device' | 'complain' | 'driverRecord'>;
type OrderType = 'driver.load' | 'driver.unload';

/** Makes no chart and reads no record before the first request.
 *
 *  Nothing is unloaded by itself, and an alias that two containers name is one alias: one of them unloading it takes
 *  it from the other (lifecycle §10). */
export function createDrivers(
  ports: DriverPorts,
  { containers, driverSections }: Pick<Revision, 'containers' | 'driverSections'>,
  inspect?: (event: InspectionEvent) => void,
): DriverHub {
  const { device, complain, driverRecord } = ports;
  const aliases = activeAliases(driverSections, device);
  const charts = new Map<string, ActorRefFrom<typeof driverMachine>>();
  const waiting = new Map<number, (answer: Pick<DriverReport, 'error'>) => void>();
  const memory: { loaded?: Set<string>; machine?: typeof driverMachine; ticket: number } = { ticket: 0 };

  const loaded = () => {
    memory.loaded ??= new Set(driverRecord?.read());
    return memory.loaded;
  };
  const note = (alias: string, isLoaded: boolean): void => {
    const known = loaded();
    if (known.has(alias) === isLoaded) return;
    const next = new Set(known);
    if (isLoaded) next.add(alias);
    else next.delete(alias);
    driverRecord?.write([...next]);
    memory.loaded = next;
  };
  const chartOf = (alias: string) => {
    const existing = charts.get(alias);
    if (existing !== undefined) return existing;
    memory.machine ??= provide(ports, (name) => aliases.get(name) ?? []);
    const chart = createActor(memory.machine, {
      id: `driver ${alias}`,
      input: { alias, loaded: loaded().has(alias) },
      ...(inspect === undefined ? {} : { inspect }),
    });
    chart.on('driver.answered', ({ ticket, loaded: isLoaded, ...answer }) => {
      try {
        note(alias, isLoaded);
      } catch (error) {
        return waiting.get(ticket)?.({ error });
      }
      waiting.get(ticket)?.(answer);
    });
    charts.set(alias, chart);
    return chart.start();
  };
  const order = (type: OrderType, alias: string, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      memory.ticket += 1;
      const { ticket } = memory;
      const withdraw = () => {
        const command: DriverCommand = { type: 'driver.withdraw', ticket };
        chartOf(alias).send(command);
        answer({ error: givenUp(alias) });
      };
      const answer = ({ error }: Pick<DriverReport, 'error'>) => {
        waiting.delete(ticket);
        signal?.removeEventListener('abort', withdraw);
        if (error === undefined) resolve();
        else reject(error);
      };
      if (signal?.aborted) return reject(givenUp(alias));
      signal?.addEventListener('abort', withdraw, { once: true });
      waiting.set(ticket, answer);
      chartOf(alias).send({ type, ticket });
    });
  const specs = new Map(containers.map((container) => [container.name, container]));
  const manual = (container: string, alias?: string): readonly string[] =>
    (specs.get(container)?.drivers.manual ?? []).filter((name) => alias === undefined || name === alias);

  return {
    needs: (container) => driverNeeds(container, aliases),
    loadForStart: (alias, signal) => order('driver.load', alias, signal),
    list: (container) => {
      const own = specs.get(container)?.drivers;
      return KINDS.flatMap(({ kind, type }) =>
        (own?.[kind] ?? []).map((name) => {
          if (!aliases.has(name)) return { name, type, status: 'UNKNOWN' as const };
          return { name, type, status: loaded().has(name) ? ('LOADED' as const) : ('UNLOADED' as const) };
        }),
      );
    },
    load: async (container, alias) => {
      const errors: unknown[] = [];
      for (const name of manual(container, alias)) {
        try {
          if (!aliases.has(name)) throw notOffered(container, name);
          await order('driver.load', name);
        } catch (error) {
          complain(toFault(error));
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
    unload: async (container, alias) => {
      // The last one listed may stand on those before it.
      for (const name of [...manual(container, alias)].reverse()) {
        if (!loaded().has(name) && !charts.has(name)) continue;
        try {
          await order('driver.unload', name);
        } catch (error) {
          complain(toFault(error));
        }
      }
    },
    close: () => {
      for (const chart of charts.values()) chart.stop();
      for (const answer of [...waiting.values()]) answer({ error: givenUp('of a supervisor that ends') });
    },
  };
}

const KINDS = [
  { kind: 'required', type: 'REQUIRED' },
  { kind: 'optional', type: 'OPTIONAL' },
  { kind: 'manual', type: 'MANUAL' },
] as const;

/** The chart with its hands. */
function provide({ modules, device, complain }: DriverPorts, linesOf: (alias: string) => readonly string[]) {
  const requestOf = (alias: string, line: string) => {
    const request = moduleLine(line, device);
    if (request.ok) return request;
    const { reason, fix } = request;
    throw new SupervisorError('MODULE_FAILED', `driver ${alias}: ${reason}`, { subject: alias, fix });
  };
  return driverMachine.provide({
    actors: {
      loadDriver: fromPromise<void, string>(async ({ input: alias, signal }) => {
        for (const line of linesOf(alias)) await modules.load(requestOf(alias, line), signal);
      }),
      /** Last line first (state format §12.3). A module that stays, such as one that another driver uses, keeps no
       *  other from going. The alias is unloaded once any of its modules is gone: loaded means all of them. */
      unloadDriver: fromPromise<boolean, string>(async ({ input: alias }) => {
        const lines = [...linesOf(alias)].reverse();
        let gone = lines.length === 0;
        for (const line of lines) {
          try {
            await modules.unload(requestOf(alias, line).module);
            gone = true;
          } catch (error) {
            complain(toFault(error));
          }
        }
        return gone;
      }),
    },
  });
}

function givenUp(alias: string): SupervisorError {
  return new SupervisorError('MODULE_FAILED', `driver ${alias}: given up on request`, { subject: alias });
}

/** State format §12.4. */
function notOffered(container: string, alias: string): SupervisorError {
  const message = `container ${container} asks for driver ${alias}, which bsp/drivers.json does not offer`;
  return new SupervisorError('MODULE_FAILED', message, {
    subject: alias,
    fix: 'Add the driver to bsp/drivers.json, or take it from the container',
  });
}
