/** Revisions of one device: which one begins when the device does (lifecycle §14.2, §14.3), the update that is under way,
 *  and the commands on revisions (control API §6.5). At most one update at a time; its policy is the chart's. */

import { createActor, type InspectionEvent } from 'xstate';
import { FACTORY } from '../machines/domain/boot-decision.ts';
import type { StoreOp } from '../machines/domain/command.ts';
import { type Fault, SupervisorError, toFault } from '../machines/domain/fault.ts';
import type { Announcement, Because, RevisionView } from '../machines/domain/report.ts';
import { isRevisionName } from '../machines/domain/step-name.ts';
import type { UpdateOrigin } from '../machines/domain/update.ts';
import type { UpdateFacts } from '../machines/domain/update-view.ts';
import { beginRevision } from './begin-revision.ts';
import type { RevisionCommands } from './commands.ts';
import type { Config, LoadedState } from './control-ports.ts';
import type { Clock, Rebooter, Supervisor } from './ports.ts';
import { type RevisionReader, readRevision } from './revision-files.ts';
import { rootsOf } from './roots.ts';
import { createStage } from './stage.ts';
import { provideUpdate } from './update.ts';
import { factsOf } from './update-facts.ts';
import type {
  BootRecord,
  Collection,
  Collector,
  Hooks,
  LoadedRevision,
  RevisionHost,
  RevisionName,
  RevisionStore,
} from './update-ports.ts';

export interface UpdatesPorts extends RevisionReader {
  readonly store: RevisionStore;
  readonly boot: BootRecord;
  readonly hooks: Hooks;
  readonly collector: Collector;
  readonly host: RevisionHost;
  readonly clock: Clock;
  readonly config: Pick<Config, 'value'>;
  /** Used where no supervisor runs; supervisors have one in their own ports. */
  readonly rebooter: Rebooter;
  /** Told of what failed and changes nothing else. Must not throw. */
  readonly complain: (fault: Fault) => void;
}

export interface UpdatesOptions {
  /** Told of every change once it is durable. Must not throw. */
  readonly listen: (announcement: Announcement) => void;
  /** Another revision is there; its containers have not begun yet. */
  readonly load: (state: LoadedState) => void;
  /** The device reboots or powers off; containers that run begin to stop. Must not throw. */
  readonly departing?: (way: keyof Rebooter) => void;
  /** A chart ended in an error: a bug. The process should end; the next one adopts (design §2). */
  readonly crashed: (error: unknown) => void;
  readonly inspect?: (event: InspectionEvent) => void;
}

export interface Updates extends RevisionCommands {
  /** Acts on whatever runs. */
  readonly supervisor: Supervisor;
  readonly running: LoadedRevision | undefined;
  /** Decides what the device does with what was booted, and does it. A revision that cannot run is recorded as far as it is tried,
   *  and the rebooter asked: what this rejects with is a bug.
   *  `given`: begins with this one, whatever was booted; nothing is recorded. @throws what keeps it from beginning */
  begin(given?: LoadedRevision): Promise<void>;
  /** Garbage collection (lifecycle §16). @throws STORE_FAILED */
  collect(options?: { readonly dryRun?: boolean }): Promise<Collection>;
  /** Revisions that stay whatever is collected, with why. @throws what the boot record and the store throw */
  roots(): Promise<ReadonlyMap<RevisionName, string>>;
  /** Of the update under way. */
  facts(): UpdateFacts | undefined;
  /** Lets go of every container and of the update. */
  close(): Promise<void>;
}

export function createUpdates(ports: UpdatesPorts, options: UpdatesOptions): Updates {
  const { store, boot, config, clock, complain } = ports;
  const stage = createStage({
    host: ports.host,
    defaultGoalTimeoutMs: () => 1000 * config.value('PV_UPDATER_GOALS_TIMEOUT'),
    ...options,
  });
  const now: {
    update?: UnderWay | undefined;
    taken: boolean;
    /** What MAKE_FACTORY reads and writes. */
    copying: readonly RevisionName[];
  } = { taken: false, copying: [] };
  /** Where no supervisor runs that could. */
  const depart = (because: Because): void => {
    options.departing?.('reboot');
    ports.rebooter.reboot(because);
  };
  const leave = (because: string): void => {
    // Refused only where the device is leaving already.
    if (stage.supervised) stage.supervisor.send({ type: 'device.reboot', because });
    else depart({ code: 'REQUESTED', message: because });
  };
  const chart = provideUpdate({ ...ports, stage, leave });
  const rules = {
    now: () => clock.now(),
    commitDelayMs: () => 1000 * config.value('PV_UPDATER_COMMIT_DELAY'),
    rollbackReboots: () => config.value('PV_UPDATER_ROLLBACK_REBOOT'),
  };

  function run(origin: UpdateOrigin): void {
    const actor = createActor(chart, {
      clock,
      id: `update ${origin.name}`,
      input: { rules, origin },
      ...(options.inspect === undefined ? {} : { inspect: options.inspect }),
    });
    const unwatch = stage.watch((announcement) => {
      if (announcement.type === 'device' && announcement.phase !== 'running')
        actor.send({ type: 'device.left' });
    });
    now.update = {
      name: origin.name,
      facts: () => factsOf(actor.getSnapshot(), () => goalsUntil(stage.supervisor.view())),
      stop: () => {
        unwatch();
        actor.stop();
      },
    };
    actor.subscribe({
      complete: () => {
        const { status, tags } = actor.getSnapshot();
        if (status !== 'done') return;
        unwatch();
        now.update = undefined;
        store.recordErrors(undefined);
        if (tags.has('UPDATED') || tags.has('DONE')) stage.settle();
        if (tags.has('DONE')) tellBootDone(origin.name);
      },
      error: options.crashed,
    });
    actor.start();
  }

  /** Its failure changes nothing (lifecycle §17). L-29: what it is told is true of the boot, which was committed just now. */
  function tellBootDone(revision: RevisionName): void {
    const facts = { revision, trying: undefined, tryBoot: true, status: 'DONE' };
    ports.hooks.run('system-boot-done', facts).catch((error: unknown) => complain(toFault(error)));
  }

  const roots: Updates['roots'] = () => {
    const { update, copying } = now;
    const updating = update === undefined ? [] : [[update.name, 'an update to it is under way'] as const];
    return rootsOf({ ...ports, stage }, [
      ...updating,
      ...copying.map((name) => [name, 'MAKE_FACTORY needs it'] as const),
    ]);
  };
  const collect: Updates['collect'] = async (how) => ports.collector.collect(await roots(), how);

  /** The running revision, or the given one, becomes revision 0 and is run. It is read and checked before revision 0 is
   *  touched, and revision 0 stays what it is while the device may have to go back to it. */
  async function makeFactory(payload: string): Promise<void> {
    const { committed } = await boot.read();
    const source = payload === '' ? stage.running?.name : payload;
    if (source === undefined || !isRevisionName(source)) {
      throw refused(`MAKE_FACTORY: ${JSON.stringify(payload)} is no name of a revision`);
    }
    if (source === FACTORY) throw refused('MAKE_FACTORY: revision 0 is the factory revision already');
    if (committed === FACTORY || stage.running?.name === FACTORY) {
      throw refused(
        'MAKE_FACTORY: revision 0 is what the device runs or goes back to',
        `LOCAL_RUN_COMMIT ${source} first`,
      );
    }
    now.copying = [source, FACTORY];
    try {
      const { revision, text } = await readRevision(ports, source);
      await store.install(source, revision, text);
      await store.verify(source, revision);
      await store.replace(FACTORY, revision, text);
    } finally {
      now.copying = [];
    }
  }

  return {
    supervisor: stage.supervisor,
    get running() {
      return stage.running;
    },
    get updating() {
      return now.taken || now.update !== undefined;
    },
    begin: async (given) => {
      if (given !== undefined) return stage.begin(given, false);
      now.taken = true;
      try {
        const origin = await beginRevision({ ...ports, stage });
        if (origin !== undefined) run(origin);
      } catch (error) {
        if (!(error instanceof SupervisorError)) throw error;
        complain(error.fault);
        leaveAtBegin(error.fault);
      } finally {
        now.taken = false;
      }
    },
    carryOut: async (op: StoreOp, payload: string) => {
      if (op === 'RUN_GC') {
        await collect();
        return;
      }
      if (now.taken || now.update !== undefined) throw refused(`${op}: an update is under way`);
      now.taken = true;
      try {
        if (op === 'MAKE_FACTORY') await makeFactory(payload);
        take(op === 'MAKE_FACTORY' ? FACTORY : payload, op === 'LOCAL_RUN_COMMIT');
      } finally {
        now.taken = false;
      }
    },
    collect,
    roots,
    facts: () => now.update?.facts(),
    close: async () => {
      now.update?.stop();
      await stage.close();
    },
  };

  function take(name: RevisionName, reboots: boolean): void {
    const { running } = stage;
    if (running === undefined) throw refused('no revision is running');
    if (!isRevisionName(name)) throw refused(`${JSON.stringify(name)} is no name of a revision`);
    run({ begins: 'taken', name, reboots, running });
  }

  function leaveAtBegin(fault: Fault): void {
    if (stage.running === undefined) depart(fault);
    else leave(fault.message);
  }
}

interface UnderWay {
  readonly name: RevisionName;
  facts(): UpdateFacts;
  stop(): void;
}

/** When the last of the deadlines that are running ends; undefined when none is. */
function goalsUntil({ groups }: RevisionView): number | undefined {
  const deadlines = groups.flatMap(({ containers }) =>
    containers.map(({ record }) => record?.goalDeadlineAt),
  );
  const running = deadlines.filter((at) => at !== undefined);
  return running.length === 0 ? undefined : Math.max(...running);
}

function refused(message: string, fix?: string): SupervisorError {
  return new SupervisorError('REFUSED', message, fix === undefined ? {} : { fix });
}
