/** The whole system, built but not started: charts from `machines/`, hands from the ports. Read top to bottom, this is
 *  how a supervisor begins: what is on record, what still runs, where each container therefore stands. */

import { type ActorRefFrom, createActor } from 'xstate';
import { containerMachine } from '../machines/container.ts';
import { beginning, hadProcess } from '../machines/domain/adoption.ts';
import type { Answer, Target } from '../machines/domain/control.ts';
import { answerTo } from '../machines/domain/control.ts';
import type { ContainerRecord } from '../machines/domain/record.ts';
import type { DevicePhase, RevisionView } from '../machines/domain/report.ts';
import type { ContainerSpec, Revision } from '../machines/domain/revision.ts';
import { missingServices } from '../machines/domain/services-json.ts';
import { groupMachine, type Seed } from '../machines/group.ts';
import { type ContainerFailure, type GroupSeed, revisionMachine } from '../machines/revision.ts';
import { type SupervisorActor, supervisorMachine } from '../machines/supervisor.ts';
import { announcer } from './announcer.ts';
import type { Drivers } from './control-ports.ts';
import { createDrivers, type StartDrivers } from './drivers.ts';
import { loadModules } from './modules.ts';
import { prepareVolumes, unmountVolumes } from './mounts.ts';
import type { DeviceCommand, Ports, Supervisor, SupervisorOptions } from './ports.ts';
import { containerProcess } from './process.ts';
import { powerOffDevice, rebootDevice } from './reboot.ts';

export interface SupervisorWithDrivers extends Supervisor {
  readonly drivers: Drivers;
  /** Takes these containers down for the next revision: each is announced STOPPED, volumes unmounted (lifecycle §12.4). */
  release(names: Iterable<string>): void;
  /** The trial is over: failures mean what they mean on an ordinary boot (lifecycle §14.6). */
  settle(): void;
}

/** Finds out where every container stands and makes the actor tree. @throws SupervisorError of the ports */
export async function createSupervisor(
  ports: Ports,
  options: SupervisorOptions,
): Promise<SupervisorWithDrivers> {
  const seeds = await findSeeds(ports, options.revision);
  await ports.mounter.sweep(new Set(seeds.filter(isMounted).map(({ spec }) => spec.name)));
  const groups = groupSeeds(options, seeds);
  const groupOf = new Map(options.revision.containers.map(({ name, group }) => [name, group]));
  const drivers = createDrivers(ports, options.revision, options.inspect);
  const actor = createActor(provide(ports, options, drivers), {
    clock: ports.clock,
    input: {
      groups,
      obstacle: obstacleTo(options.revision),
      trial: options.trial ?? false,
      now: () => ports.clock.now(),
    },
    ...(options.inspect === undefined ? {} : { inspect: options.inspect }),
  });
  const told = { departing: false };
  actor.subscribe({
    next: (snapshot) => {
      const { departure } = snapshot.context;
      if (departure !== undefined && !told.departing) {
        told.departing = true;
        options.departing?.(departure.to);
      }
      if (!snapshot.matches('broken')) return;
      // Nothing more may be told or done. What runs is let go, for the next supervisor to adopt.
      actor.stop();
      drivers.close();
      options.crashed(snapshot.context.error);
    },
    error: options.crashed,
  });
  return {
    start: () => {
      actor.start();
    },
    send: (command) => send(actor, groupOf, command),
    view: () => view(actor, groups),
    phase: () => phase(actor),
    drivers,
    release: (names) => {
      for (const name of names) {
        containerOf(actor, groupOf.get(name), name)?.send({ type: 'container.stop', by: 'system' });
      }
    },
    settle: () => actor.send({ type: 'device.settle' }),
    detach: () => {
      actor.stop();
      drivers.close();
    },
  };
}

/** Each chart gets its hands once; every container shares the same provided machine. */
function provide(ports: Ports, { listen }: SupervisorOptions, drivers: StartDrivers) {
  const container = containerMachine.provide({
    actors: {
      prepareVolumes: prepareVolumes(ports.mounter, loadModules(drivers, ports.complain)),
      unmountVolumes: unmountVolumes(ports.mounter),
      containerProcess: containerProcess(ports.runtime),
    },
  });
  const group = groupMachine.provide({ actors: { container } });
  return supervisorMachine.provide({
    actors: {
      announcer: announcer(ports.journal, listen),
      revision: revisionMachine.provide({ actors: { group } }),
      rebootDevice: rebootDevice(ports.rebooter),
      powerOffDevice: powerOffDevice(ports.rebooter),
    },
  });
}

/** our own records say what was, the runtime says what is. */
async function findSeeds(
  { journal, runtime, clock }: Ports,
  { containers }: Revision,
): Promise<readonly Seed[]> {
  const records = new Map((await journal.read()).map((record) => [record.name, record]));
  const survivors = new Map(
    (await runtime.survivors(containers)).map((survivor) => [survivor.name, survivor]),
  );
  const seedOf = async (spec: ContainerSpec): Promise<Seed> => {
    const record = records.get(spec.name);
    const survivor = survivors.get(spec.name);
    const ended = record !== undefined && survivor === undefined && hadProcess(record);
    const exit = ended ? await runtime.pastExit(spec, record.startedAt ?? record.since) : undefined;
    return { spec, beginning: beginning(spec, { record, survivor, exit }, clock.now()) };
  };
  return Promise.all(containers.map(seedOf));
}

/** State format §17.1: a required service that nobody exports keeps the whole revision from starting. The bus that
 *  offers `system-bus` is taken to be there: it is not the revision's. */
function obstacleTo({ containers }: Revision): ContainerFailure | undefined {
  const [missing] = missingServices(containers, true);
  if (missing === undefined) return undefined;
  const { container: name, service } = missing;
  const message = `container ${name} requires service ${service}, which no container exports`;
  const fix = 'Add it to the services.json of a container, or make it optional';
  return { type: 'container.failed', name, fault: { code: 'START_FAILED', message, subject: name, fix } };
}

function isMounted({ beginning }: Seed): boolean {
  return (
    beginning.kind === 'alive' || (beginning.kind === 'resting' && beginning.record.status === 'MOUNTED')
  );
}

function groupSeeds(
  { revision, defaultGoalTimeoutMs }: SupervisorOptions,
  seeds: readonly Seed[],
): GroupSeed[] {
  const members = new Map<string, Seed[]>(revision.groups.map(({ name }) => [name, []]));
  for (const seed of seeds) members.get(seed.spec.group)?.push(seed);
  return revision.groups.map(({ name, goalTimeoutMs }) => ({
    name,
    goalTimeoutMs: goalTimeoutMs ?? defaultGoalTimeoutMs,
    seeds: members.get(name) ?? [],
  }));
}

/** Orders and signals go straight to the container that they name; what follows from them is reported upward. */
function send(actor: SupervisorActor, groupOf: ReadonlyMap<string, string>, command: DeviceCommand): Answer {
  if (command.type === 'device.stop' || command.type === 'device.force') {
    actor.send(command);
    return { ok: true };
  }
  const now = phase(actor);
  if (now !== 'running') {
    const word = now === 'poweringOff' ? 'powering off' : now;
    return { ok: false, code: 'conflict', message: `The device is ${word}` };
  }
  if (command.type === 'device.reboot' || command.type === 'device.powerOff') {
    actor.send(command);
    return { ok: true };
  }
  const { type, name } = command;
  const container = containerOf(actor, groupOf.get(name), name);
  const answer = answerTo(type, container === undefined ? undefined : targetOf(container));
  if (answer.ok) container?.send(type === 'container.stop' ? { type, by: 'user' } : { type });
  return answer;
}

type ContainerActor = ActorRefFrom<typeof containerMachine>;

function containerOf(
  actor: SupervisorActor,
  group: string | undefined,
  name: string,
): ContainerActor | undefined {
  const revision = actor.getSnapshot().children.revision?.getSnapshot();
  return group === undefined ? undefined : revision?.children[group]?.getSnapshot().children[name];
}

function targetOf(container: ContainerActor): Target {
  const { spec, record } = container.getSnapshot().context;
  return { spec, status: record.status };
}

function phase(actor: SupervisorActor): DevicePhase {
  const snapshot = actor.getSnapshot();
  if (snapshot.matches('rebooting')) return 'rebooting';
  if (snapshot.matches('poweringOff')) return 'poweringOff';
  if (snapshot.matches('stopped')) return 'stopped';
  return snapshot.matches({ active: 'stopping' }) ? 'stopping' : 'running';
}

function view(actor: SupervisorActor, groups: readonly GroupSeed[]): RevisionView {
  const revision = actor.getSnapshot().children.revision?.getSnapshot();
  return {
    ...(revision?.context.member ?? UNDECIDED),
    groups: groups.map(({ name, seeds }) => {
      const group = revision?.children[name]?.getSnapshot();
      return {
        name,
        ...(group?.context.member ?? UNDECIDED),
        unlocked: group?.matches({ gate: 'unlocked' }) ?? false,
        containers: seeds.map(({ spec }) => {
          const context = group?.children[spec.name]?.getSnapshot().context;
          const record: ContainerRecord | undefined = context?.record;
          return { name: spec.name, group: name, goal: context?.member?.goal ?? 'UNACHIEVED', record };
        }),
      };
    }),
  };
}

const UNDECIDED = { status: 'INSTALLED', goal: 'UNACHIEVED' } as const;
