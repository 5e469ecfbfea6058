/** Everything the outside must provide, in domain words. `adapters/` implements it on a device, `sim/` with fakes.
 *
 *  Effects that fail reject (or tell) a `SupervisorError`; anything else is treated as a bug of that container alone.
 *  Time is monotonic milliseconds, comparable over processes of one boot. */

import type { InspectionEvent } from 'xstate';
import type { Answer } from '../machines/domain/control.ts';
import type { DaemonFact } from '../machines/domain/daemon.ts';
import type {
  DeviceIdentity,
  NetworkInterface,
  StorageSpace,
  SystemInfo,
} from '../machines/domain/device-keys.ts';
import type { Fault } from '../machines/domain/fault.ts';
import type { ContainerRecord, Survivor } from '../machines/domain/record.ts';
import type { Exit, ProcessFact } from '../machines/domain/recovery.ts';
import type { Announcement, Because, DevicePhase, RevisionView } from '../machines/domain/report.ts';
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

/** Which driver aliases are loaded, kept over the supervisor's death until the machine's boot ends. Synchronous:
 *  a change is answered after it. */
export interface DriverRecord {
  /** Empty when the run directory is fresh or from an earlier boot. */
  read(): readonly string[];
  /** @throws JOURNAL_FAILED */
  write(loaded: readonly string[]): void;
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

/** What kernel and hardware say of this device (logs and metadata §5). All reject UNSUPPORTED when they cannot tell. */
export interface DeviceProbe {
  identity(): Promise<DeviceIdentity>;
  sysinfo(): Promise<SystemInfo>;
  /** Of the file system that holds the storage. */
  storage(): Promise<StorageSpace>;
  interfaces(): Promise<readonly NetworkInterface[]>;
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

/** What one daemon's process does: at most one `daemon.started`, then exactly one of the others. */
export type TellDaemon = (fact: DaemonFact) => void;

/** Controls one daemon's process. Calls on a process that has ended do nothing; none throws. */
export interface DaemonProcess {
  /** SIGTERM. Returns at once. */
  terminate(): void;
  /** Kills it and its children that stayed in its process group. Returns at once. */
  kill(): void;
  /** Stops telling. The process goes on running, for another supervisor to find. */
  detach(): void;
}

/** Runs helper processes (control API §6.12). */
export interface DaemonSpawner {
  /** There is never a second copy: one that an earlier supervisor left running is taken over. Facts come after this
   *  call has returned. */
  spawn(name: string, tell: TellDaemon): DaemonProcess;
}

/** The kernel's wake lock named `pantavisor` (logs and metadata §12). None throws: false says that the kernel has none
 *  or that it may not be used. */
export interface WakeLockPort {
  lock(): boolean;
  unlock(): boolean;
}

/** The clock of the charts and of `now()`. */
export interface Clock {
  now(): number;
  setTimeout(call: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** Ends the run of the device, or what stands for it. Called when every container has stopped. */
export interface Rebooter {
  reboot(because: Because): void;
  powerOff(because: Because): void;
}

export interface Ports {
  readonly mounter: Mounter;
  readonly modules: ModuleLoader;
  /** Without one, every driver counts as unloaded at first. */
  readonly driverRecord?: DriverRecord;
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
  /** An update tries the revision: a failure of a container is announced and does not reboot, until `settle`. */
  readonly trial?: boolean;
  /** Told of every change once it is durable. Must not throw. */
  readonly listen: (announcement: Announcement) => void;
  /** It has been decided that the device reboots or powers off; its containers begin to stop (lifecycle §8.3). Called once.
   *  Must not throw. */
  readonly departing?: (way: keyof Rebooter) => void;
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
  /** Stop every container, then reboot or power off (lifecycle §8.3). `because`: words for people. */
  | { readonly type: 'device.reboot'; readonly because: string }
  | { readonly type: 'device.powerOff'; readonly because: string }
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
