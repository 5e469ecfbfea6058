/** A make-believe device: volumes, processes, modules and journal that outlive every supervisor attached to it.
 *
 *  `attach` is the life of one supervisor process and gives it its ports; `cut` ends that life as `kill -9` would.
 *  What was asked stands in `calls` and `diary`; what a real device would not stand for, in `violations`. */

import type { DeviceFacts, ModuleLoader, Ports } from '../actors/ports.ts';
import type { Answer } from '../machines/domain/control.ts';
import { describeFault, type Fault, SupervisorError } from '../machines/domain/fault.ts';
import type { ContainerRecord } from '../machines/domain/record.ts';
import type { Exit } from '../machines/domain/recovery.ts';
import type { Because } from '../machines/domain/report.ts';
import { ClockView, type VirtualClock } from './clock.ts';
import type { Decide } from './conduct.ts';
import { Diary, type DiaryEntry } from './diary.ts';
import { FakeProcesses } from './fake-processes.ts';
import { FakeVolumes } from './fake-volumes.ts';

export interface FakeHostOptions {
  readonly clock: VirtualClock;
  /** What becomes of each operation; all succeed at once unless said. */
  readonly decide?: Decide;
  /** Told of every diary entry as it is written. */
  readonly note?: (entry: DiaryEntry) => void;
  /** Instead of one of its own; `note` is not told then. */
  readonly diary?: Diary;
  readonly device?: FakeDevice;
}

export interface FakeDevice {
  readonly deviceTree?: string;
  readonly overlays?: readonly string[];
  readonly fitConfig?: string;
  readonly userMeta?: Readonly<Record<string, string>>;
  readonly deviceMeta?: Readonly<Record<string, string>>;
}

/** One supervisor's life on the host. */
export interface Attachment {
  readonly ports: Ports;
  /** Timers that this supervisor armed and that would still fire; the fakes' own are not among them. */
  readonly pendingTimers: number;
  /** The supervisor's process is gone: its timers and operations with it, its containers not. */
  cut(): void;
}

export interface FakeHost {
  readonly diary: readonly DiaryEntry[];
  /** What supervisors asked for: `['mount web', 'load can', 'start web']`. */
  readonly calls: readonly string[];
  /** What reality forbids: a start without volumes, a second mount, an unmount under a live process. */
  readonly violations: readonly string[];
  /** Containers with volumes mounted, half done included. */
  readonly mounted: readonly string[];
  /** Containers with a process, starting included. */
  readonly alive: readonly string[];
  readonly modules: ReadonlySet<string>;
  readonly records: ReadonlyMap<string, ContainerRecord>;
  /** Why each reboot was asked for. */
  readonly reboots: readonly Because[];
  readonly powerOffs: readonly Because[];
  starts(container: string): number;
  /** Ends a container's init now; false when it has none. */
  crash(container: string, exit: Exit): boolean;
  /** Has a container's init signal ready now; undefined when there is none or no supervisor to hear it. */
  signalReady(container: string): Answer | undefined;
  /** `signalReady` is where readiness signals from inside go: `supervisor.send({ type: 'signal.ready', name })`. */
  attach(signalReady: (container: string) => Answer): Attachment;
  /** What a power cycle leaves: no process, no mount, no module, no record. */
  powerCycle(): void;
}

export function createFakeHost(options: FakeHostOptions): FakeHost {
  const { clock, note, device = {} } = options;
  const decide: Decide = options.decide ?? (() => ({}));
  const diary = options.diary ?? new Diary(() => clock.now(), note);
  const volumes: FakeVolumes = new FakeVolumes(diary, decide, (name) => processes.isAlive(name));
  const processes: FakeProcesses = new FakeProcesses(clock, diary, decide, (name) => volumes.usable(name));
  const modules = new Set<string>();
  const records = new Map<string, ContainerRecord>();
  const reboots: Because[] = [];
  const powerOffs: Because[] = [];

  const write = (record: ContainerRecord): void => {
    const { fault } = decide('record', record.name);
    if (fault !== undefined) throw asError(fault);
    records.set(record.name, record);
  };
  const end = (way: 'reboot' | 'power off', ends: Because[]) => (because: Because) => {
    diary.call('', `${way}: ${describeFault(because)}`);
    for (const name of processes.alive) diary.violation(name, `${way}: the process of ${name} is alive`);
    ends.push(because);
  };
  const rebooter = { reboot: end('reboot', reboots), powerOff: end('power off', powerOffs) };

  const attach = (signalReady: (container: string) => Answer): Attachment => {
    const timers = new ClockView(clock);
    const work = new ClockView(clock);
    const listener = {
      signalReady,
      get open() {
        return timers.open;
      },
    };
    return {
      ports: {
        mounter: volumes.mounter(work),
        modules: moduleLoader(modules, diary, decide, work),
        device: deviceFacts(device),
        runtime: processes.runtime(listener),
        journal: { read: () => Promise.resolve([...records.values()]), write },
        rebooter,
        clock: timers,
        complain: (fault) => diary.happening(fault.subject ?? '', `complaint: ${describeFault(fault)}`),
      },
      get pendingTimers() {
        return timers.pending;
      },
      cut: () => {
        timers.close();
        work.close();
        processes.abandon(listener);
      },
    };
  };

  return {
    diary: diary.entries,
    modules,
    records,
    reboots,
    powerOffs,
    get calls() {
      return diary.lines('call');
    },
    get violations() {
      return diary.lines('violation');
    },
    get mounted() {
      return volumes.mounted;
    },
    get alive() {
      return processes.alive;
    },
    starts: (container) => processes.starts(container),
    crash: (container, exit) => processes.crash(container, exit),
    signalReady: (container) => processes.signalReady(container),
    attach,
    powerCycle: () => {
      processes.clear();
      volumes.clear();
      modules.clear();
      records.clear();
    },
  };
}

function moduleLoader(loaded: Set<string>, diary: Diary, decide: Decide, work: ClockView): ModuleLoader {
  const carryOut = (operation: 'load' | 'unload', module: string, done: () => void, signal?: AbortSignal) => {
    const { latencyMs = 0, fault, hangs = false } = decide(operation, module);
    return new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        signal?.removeEventListener('abort', abort);
        if (fault === undefined) {
          done();
          resolve();
          return;
        }
        diary.happening(module, `${operation} ${module} failed: ${describeFault(fault)}`);
        reject(asError(fault));
      };
      let timer: unknown;
      const abort = (): void => {
        work.clearTimeout(timer);
        diary.happening(module, `${operation} ${module} aborted`);
        reject(new SupervisorError('MODULE_FAILED', `${operation} ${module}: aborted`, { subject: module }));
      };
      if (signal?.aborted === true) {
        abort();
        return;
      }
      if (latencyMs === 0 && !hangs) {
        finish();
        return;
      }
      if (!hangs) timer = work.setTimeout(finish, latencyMs);
      signal?.addEventListener('abort', abort, { once: true });
    });
  };
  return {
    load: ({ module, parameters }, signal) => {
      diary.call(module, ['load', module, ...parameters].join(' '));
      return carryOut('load', module, () => loaded.add(module), signal);
    },
    unload: (module) => {
      diary.call(module, `unload ${module}`);
      return carryOut('unload', module, () => loaded.delete(module));
    },
  };
}

function deviceFacts({
  deviceTree,
  overlays = [],
  fitConfig,
  userMeta,
  deviceMeta,
}: FakeDevice): DeviceFacts {
  return {
    deviceTree,
    overlays,
    fitConfig,
    userMeta: (key) => userMeta?.[key],
    deviceMeta: (key) => deviceMeta?.[key],
  };
}

function asError({ code, message, ...details }: Fault): SupervisorError {
  return new SupervisorError(code, message, details);
}
