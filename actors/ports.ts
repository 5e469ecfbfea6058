/** Everything the outside must provide, in domain words. `adapters/` implements it on a device, `sim/` with fakes.
 *
 *  Effects that fail reject (or tell) a `SupervisorError`; anything else is treated as a bug of that container alone.
 *  Time is monotonic milliseconds, comparable over processes of one boot. */

import type { InspectionEvent } from 'xstate';
import type { Answer } from '../machines/domain/control.ts';
import type { Fault } from '../machines/domain/fault.ts';
import type { ContainerRecord, Survivor } from '../machines/domain/record.ts';
import type { Exit, ProcessFact } from '../machines/domain/recovery.ts';
import type { Announcement, DevicePhase, RevisionView } from '../machines/domain/report.ts';
import type { ContainerSpec, Revision } from '../machines/domain/revision.ts';

/** Volumes and root file system of one container (state format §9, storage §6–§7). */
export interface Mounter {
  /** Mounts everything in order. On failure or abort nothing stays mounted. @throws MOUNT_FAILED */
  mount(container: ContainerSpec, signal: AbortSignal): Promise<void>;
  /** Takes down what `mount` put up, last first; what is not mounted is passed over. @throws UNMOUNT_FAILED */
  unmount(container: ContainerSpec): Promise<void>;
  /** Before the first start: takes down what an earlier supervisor left mounted for containers not in `keep`. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
}

/** One call of modprobe: a module and its parameters, already substituted. */
export interface ModuleRequest {
  readonly module: string;
  readonly parameters: readonly string[];
}

/** Kernel modules (state format §12). */
export interface ModuleLoader {
  /** Already loaded or built in counts as loaded. @throws MODULE_FAILED */
  load(request: ModuleRequest, signal: AbortSignal): Promise<void>;
  /** @throws MODULE_FAILED */
  unload(module: string): Promise<void>;
}

/** What the boot loader and the metadata say of this device; module lines and alias sections depend on it. */
export interface DeviceFacts {
  readonly deviceTree: string | undefined;
  readonly overlays: readonly string[];
  readonly fitConfig: string | undefined;
  /** Undefined when the key is not set. */
  userMeta(key: string): string | undefined;
  deviceMeta(key: string): string | undefined;
}

/** Facts arrive one after the other: at most one `process.started`, then exactly one `process.exited`. */
export type TellProcess = (fact: ProcessFact) => void;

/** Controls one container's process. Calls on a process that has exited do nothing. None throws: a command that does
 *  not reach the process is complained of, and what follows is the exit's to tell. */
export interface ContainerProcess {
  /** Asks init to shut down (LXC: halt signal). Returns at once. */
  halt(): void;
  /** Kills init and all other processes of the container. Returns at once. */
  kill(): void;
  /** Stops telling. The process goes on running, for another supervisor to adopt. */
  detach(): void;
}

/** Runs containers. */
export interface Runtime {
  /** Starts the container's init. A start that does not come about is told as an exit of kind `startFailed`.
   *  `startedAt` is the time of the request; it tells the traces of this start from those of any other. */
  start(container: ContainerSpec, startedAt: number, tell: TellProcess): ContainerProcess;
  /** Goes on with what an earlier supervisor started. Tells `process.started` once the pid is known. */
  adopt(container: ContainerSpec, survivor: Survivor, tell: TellProcess): ContainerProcess;
  /** Which of these containers run already, including those an earlier supervisor is only just starting. */
  survivors(containers: readonly ContainerSpec[]): Promise<readonly Survivor[]>;
  /** How the start requested at `startedAt` ended, as far as its traces tell; undefined when it never came to run. */
  pastExit(container: ContainerSpec, startedAt: number): Promise<Exit | undefined>;
}

/** The records of this boot and this revision. Writing is synchronous: a change is announced after it. */
export interface Journal {
  /** Empty when the run directory is fresh or from an earlier boot. */
  read(): Promise<readonly ContainerRecord[]>;
  /** @throws JOURNAL_FAILED */
  write(record: ContainerRecord): void;
}

/** The clock of the charts and of `now()`. */
export interface Clock {
  now(): number;
  setTimeout(call: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** Reboots the device, or what stands for it. Called when every container has stopped. */
export interface Rebooter {
  reboot(because: Fault): void;
}

export interface Ports {
  readonly mounter: Mounter;
  readonly modules: ModuleLoader;
  readonly device: DeviceFacts;
  readonly runtime: Runtime;
  readonly journal: Journal;
  readonly rebooter: Rebooter;
  readonly clock: Clock;
  /** Told of what failed and changes nothing else, such as an optional driver that does not load. Must not throw. */
  readonly complain: (fault: Fault) => void;
}

export interface SupervisorOptions {
  readonly revision: Revision;
  /** `PV_UPDATER_GOALS_TIMEOUT` for groups without a timeout of their own, in ms; 120 000 unless configured (S-17). */
  readonly defaultGoalTimeoutMs: number;
  /** Told of every change once it is durable. Must not throw. */
  readonly listen: (announcement: Announcement) => void;
  /** The chart ended in an error: a bug. The process should end; the next one adopts (design §2). */
  readonly crashed: (error: unknown) => void;
  /** xstate's inspection events, for those who look inside. Must not throw. */
  readonly inspect?: (event: InspectionEvent) => void;
}

export type DeviceCommand =
  | { readonly type: 'container.stop'; readonly name: string }
  | { readonly type: 'container.start'; readonly name: string }
  | { readonly type: 'container.restart'; readonly name: string }
  /** A readiness signal from inside (lifecycle §7). */
  | { readonly type: 'signal.ready'; readonly name: string }
  /** Stop every container, then end (lifecycle §8). */
  | { readonly type: 'device.stop' }
  /** Stop without grace: kill what still runs. */
  | { readonly type: 'device.force' };

/** The whole system, as those who drive it see it. */
export interface Supervisor {
  start(): void;
  /** The answer tells whether the command is allowed now; what it does is announced. */
  send(command: DeviceCommand): Answer;
  view(): RevisionView;
  phase(): DevicePhase;
  /** Lets go of every container without stopping it and ends all actors. */
  detach(): void;
}
