/** The supervisor of whatever revision runs at the moment, behind one that stays (lifecycle §12.4). `change` puts another
 *  revision in the place of the running one: what leaves is stopped and unmounted first, what stays keeps its process,
 *  status, counters and deadlines. To those who listen it is one stream of announcements; nothing is told twice. Half of
 *  the file is what the two sides promise each other; the rest has to see the same few facts of the moment. */

import type { InspectionEvent } from 'xstate';
import { hadProcess } from '../machines/domain/adoption.ts';
import { answerTo } from '../machines/domain/control.ts';
import { type Fault, SupervisorError } from '../machines/domain/fault.ts';
import type { ContainerRecord } from '../machines/domain/record.ts';
import type { Announcement, RevisionView } from '../machines/domain/report.ts';
import type { ContainerSpec } from '../machines/domain/revision.ts';
import { stableFrom } from '../machines/domain/stability.ts';
import type { GoalState } from '../machines/domain/status.ts';
import type { Drivers, LoadedState } from './control-ports.ts';
import { watchEffects } from './effects.ts';
import type { DeviceCommand, Rebooter, Supervisor } from './ports.ts';
import { createRetelling } from './retelling.ts';
import { createSupervisor, type SupervisorWithDrivers } from './supervisor.ts';
import { takeDown } from './take-down.ts';
import type { LoadedRevision, RevisionHost, RevisionName } from './update-ports.ts';

export interface StageOptions {
  readonly host: RevisionHost;
  /** `PV_UPDATER_GOALS_TIMEOUT` in ms, as the revision that begins has it. */
  readonly defaultGoalTimeoutMs: () => number;
  /** Told of every change once it is durable. Must not throw. */
  readonly listen: (announcement: Announcement) => void;
  /** Another revision is there; its containers have not begun yet. */
  readonly load: (state: LoadedState) => void;
  /** As in `SupervisorOptions`. */
  readonly departing?: (way: keyof Rebooter) => void;
  readonly crashed: (error: unknown) => void;
  readonly inspect?: (event: InspectionEvent) => void;
}

/** How the containers of the running revision stand. */
export interface Scene {
  readonly goal: GoalState;
  /** The first container that failed. */
  readonly failure: Fault | undefined;
  /** `domain/stability.ts`. */
  readonly stableFrom: number;
}

export interface Change {
  readonly next: LoadedRevision;
  /** Containers of the running revision that the next one does not have, or has otherwise. */
  readonly leaving: readonly string[];
  /** What `next` goes back to; absent: it is where a failed update goes back to. */
  readonly before?: RevisionName;
  readonly trial: boolean;
  readonly signal: AbortSignal;
}

export interface Stage {
  /** Acts on whatever runs. Orders given in the middle of a change are carried out after it. */
  readonly supervisor: Supervisor;
  readonly running: LoadedRevision | undefined;
  /** What `running` goes back to while it is on trial. */
  readonly before: RevisionName | undefined;
  /** A supervisor is there: not in the middle of a change, nor after one that failed. */
  readonly supervised: boolean;
  /** Starts the first revision, or goes on with what an earlier supervisor started. @throws SupervisorError */
  begin(first: LoadedRevision, trial: boolean, before?: RevisionName): Promise<void>;
  /** @throws SupervisorError: nothing runs under supervision then, or what did not leave yet; another change may follow */
  change(change: Change): Promise<void>;
  /** The trial of the running revision is over. */
  settle(): void;
  scene(): Scene;
  /** Told of every change of the running revision. */
  watch(listener: (announcement: Announcement) => void): () => void;
  /** Revisions whose own storage containers have mounted (L-30); undefined where an earlier supervisor mounted one. */
  mountedRevisions(): ReadonlySet<RevisionName> | undefined;
  /** Lets go of every container, for good. */
  close(): Promise<void>;
}

interface Present {
  readonly loaded: LoadedRevision;
  readonly supervisor: SupervisorWithDrivers;
  /** Resolves when its ports have been given back. */
  close(): Promise<void>;
}

export function createStage(options: StageOptions): Stage {
  const { host } = options;
  const retelling = createRetelling(options.listen);
  const watchers = new Set<(announcement: Announcement) => void>();
  /** As last announced: what the journal has. */
  const records = new Map<string, ContainerRecord>();
  const mountedUnder = new Map<string, RevisionName>();
  /** Taken down for a change that has not come about yet. */
  const gone = new Set<string>();
  const arrivals: ((present: Present) => void)[] = [];
  const now: {
    present?: Present | undefined;
    loaded?: LoadedRevision;
    /** Of the last supervisor: what is loaded stays so over a change. */
    drivers?: Drivers;
    before: RevisionName | undefined;
    view: RevisionView;
    goal: GoalState;
    failure: Fault | undefined;
    /** Orders that wait for the end of a change; undefined while a supervisor is there. */
    waiting: DeviceCommand[] | undefined;
    /** Nothing begins any more. */
    over: boolean;
  } = {
    over: false,
    before: undefined,
    view: NOTHING,
    goal: 'UNACHIEVED',
    failure: undefined,
    waiting: undefined,
  };

  const hear = (name: RevisionName, announcement: Announcement): void => {
    if (announcement.type === 'container') {
      const { record } = announcement;
      records.set(record.name, record);
      if (record.status === 'MOUNTED') mountedUnder.set(record.name, name);
    }
    if (announcement.type === 'revision') now.goal = announcement.goal;
    if (announcement.type === 'failure') now.failure ??= announcement.fault;
    retelling.tell(announcement);
    for (const watcher of watchers) watcher(announcement);
  };

  /** The charts of a revision, not started. */
  async function prepare(
    next: LoadedRevision,
    trial: boolean,
    handover?: Parameters<RevisionHost['open']>[1],
  ) {
    const open = await host.open(next, handover);
    const effects = watchEffects(open.ports);
    const life = { over: false };
    try {
      const supervisor = await createSupervisor(effects.ports, {
        revision: next.revision,
        defaultGoalTimeoutMs: options.defaultGoalTimeoutMs(),
        trial,
        listen: (announcement) => {
          if (!life.over) hear(next.name, announcement);
        },
        crashed: options.crashed,
        ...(options.departing === undefined ? {} : { departing: options.departing }),
        ...(options.inspect === undefined ? {} : { inspect: options.inspect }),
      });
      const close = async (): Promise<void> => {
        life.over = true;
        supervisor.detach();
        await effects.idle();
        open.close();
      };
      if (!now.over) return { loaded: next, supervisor, close };
      supervisor.detach();
      throw new SupervisorError('REFUSED', `revision ${next.name} does not begin: the supervisor ends`);
    } catch (error) {
      open.close();
      throw error;
    }
  }

  function start(present: Present): void {
    const { loaded, supervisor } = present;
    Object.assign(now, {
      present,
      loaded,
      drivers: supervisor.drivers,
      goal: 'UNACHIEVED',
      failure: undefined,
    });
    const { revision, name } = loaded;
    options.load({ supervisor: facade, revision, revisionName: name, drivers });
    supervisor.start();
    const waiting = now.waiting ?? [];
    now.waiting = undefined;
    for (const command of waiting) supervisor.send(command);
    for (const arrive of arrivals.splice(0)) arrive(present);
  }

  const watch: Stage['watch'] = (listener) => {
    watchers.add(listener);
    return () => watchers.delete(listener);
  };

  const facade: Supervisor = {
    start: () => undefined,
    send: (command) => {
      const { present, waiting, loaded } = now;
      const named = 'name' in command ? command.name : undefined;
      if (named !== undefined && gone.has(named) && command.type !== 'signal.ready') {
        return { ok: false, code: 'conflict', message: 'Container is being replaced by an update' };
      }
      if (present !== undefined) return present.supervisor.send(command);
      if (waiting === undefined) return { ok: false, code: 'conflict', message: 'No revision is running' };
      if (named !== undefined) {
        const spec = loaded?.revision.containers.find(({ name }) => name === named);
        const status = records.get(named)?.status ?? 'INSTALLED';
        const answer = answerTo(command.type as Parameters<typeof answerTo>[0], spec && { spec, status });
        if (!answer.ok) return answer;
      }
      waiting.push(command);
      return { ok: true };
    },
    view: () => now.present?.supervisor.view() ?? now.view,
    phase: () => now.present?.supervisor.phase() ?? 'running',
    detach: () => now.present?.supervisor.detach(),
  };
  /** Requests in the middle of a change wait for its end. */
  const present = (): Promise<Present> =>
    now.present === undefined
      ? new Promise((resolve) => arrivals.push(resolve))
      : Promise.resolve(now.present);
  const drivers: Drivers = {
    list: (container) => now.drivers?.list(container) ?? [],
    load: async (container, alias) => (await present()).supervisor.drivers.load(container, alias),
    unload: async (container, alias) => (await present()).supervisor.drivers.unload(container, alias),
  };

  return {
    supervisor: facade,
    get running() {
      return now.loaded;
    },
    get before() {
      return now.before;
    },
    get supervised() {
      return now.present !== undefined;
    },
    begin: async (first, trial, before) => {
      const prepared = await prepare(first, trial);
      now.before = before;
      start(prepared);
    },
    change: async ({ next, leaving, before, trial, signal }) => {
      const { present } = now;
      if (present !== undefined) {
        for (const name of leaving) gone.add(name);
        const there = present.loaded.revision.containers.flatMap(({ name }) =>
          gone.has(name) ? [name] : [],
        );
        await takeDown({ names: new Set(there), release: present.supervisor.release, watch, signal });
        now.waiting = [];
        now.view = present.supervisor.view();
        now.present = undefined;
        await present.close();
      }
      for (const name of leaving) gone.add(name);
      for (const name of gone) records.delete(name);
      const kept = next.revision.containers.flatMap(({ name }) => records.get(name) ?? []);
      const prepared = await prepare(next, trial, { records: kept, before });
      gone.clear();
      now.before = before;
      start(prepared);
    },
    settle: () => {
      now.before = undefined;
      now.present?.supervisor.settle();
    },
    scene: () => ({
      goal: now.goal,
      failure: now.failure,
      stableFrom: stableFrom(now.loaded?.revision.containers ?? [], (name) => records.get(name)),
    }),
    watch,
    mountedRevisions: () => {
      const containers = now.loaded?.revision.containers ?? [];
      const holding = containers.filter(hasOwnStorage).filter(({ name }) => holdsVolumes(records.get(name)));
      const revisions = holding.map(({ name }) => mountedUnder.get(name));
      const known = revisions.filter((revision) => revision !== undefined);
      return known.length === revisions.length ? new Set(known) : undefined;
    },
    close: async () => {
      now.over = true;
      const { present } = now;
      now.present = undefined;
      await present?.close();
    },
  };
}

const NOTHING: RevisionView = { status: 'INSTALLED', goal: 'UNACHIEVED', groups: [] };

/** Of its revision: the next one begins with an empty one (lifecycle §12.4). */
function hasOwnStorage({ volumes }: ContainerSpec): boolean {
  return volumes.some((volume) => volume.kind === 'storage' && volume.persistence === 'revision');
}

function holdsVolumes(record: ContainerRecord | undefined): boolean {
  return record !== undefined && (record.status === 'MOUNTED' || hadProcess(record));
}
