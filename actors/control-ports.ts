/** The whole device as the control API sees it: the supervisor, and what stands beside it. `actors/control.ts` joins
 *  one together for the device and for the simulator alike; `adapters/control` serves it and knows nothing else.
 *
 *  Whatever a promise here resolves to is durable by then. */

import type { CommandAnswer } from '../machines/domain/command.ts';
import type { ConfigEntry, ConfigExplanation, ConfigKey, ConfigValue } from '../machines/domain/config.ts';
import type { DaemonView } from '../machines/domain/daemon.ts';
import type { DriverView } from '../machines/domain/drivers.ts';
import type { Announcement } from '../machines/domain/report.ts';
import type { Revision } from '../machines/domain/revision.ts';
import type { StepAnswer } from '../machines/domain/step-answer.ts';
import type { UpdateView } from '../machines/domain/update-view.ts';
import type { WakelockView } from '../machines/domain/wakelocks.ts';
import type { Supervisor } from './ports.ts';
import type { Collection, ObjectStore, StoredStep } from './update-ports.ts';

/** User or device metadata (control API §6.8, logs and metadata §5, §6). */
export interface Metadata {
  /** Most recently added first; an update keeps its place. */
  entries(): readonly (readonly [key: string, value: string])[];
  get(key: string): string | undefined;
  /** @throws REFUSED for a key that cannot be, STORE_FAILED */
  put(key: string, value: string): Promise<void>;
  /** False when there is no such key. @throws STORE_FAILED */
  delete(key: string): Promise<boolean>;
  /** Brings up to date what is looked up only when asked for. Those who show `entries` await it first. Never rejects. */
  readonly refresh?: () => Promise<void>;
}

/** Where one kind of metadata is kept. */
export interface MetadataFiles {
  /** In the order in which they are listed. */
  read(): Promise<readonly (readonly [key: string, value: string])[]>;
  /** Durable when resolved. @throws STORE_FAILED */
  write(key: string, value: string): Promise<void>;
  /** As `write`, but after a power cut the value may be an earlier one, or empty. @throws STORE_FAILED */
  writeVolatile(key: string, value: string): Promise<void>;
  /** @throws STORE_FAILED */
  remove(key: string): Promise<void>;
}

/** The configuration in force (logs and metadata §7). */
export interface Config {
  value<Key extends ConfigKey>(key: Key): ConfigValue<Key>;
  /** All keys in table order, with the level that won. */
  entries(): readonly ConfigEntry[];
  /** Which level won and what the others said; undefined for a name that is no key. */
  explain(key: string): ConfigExplanation | undefined;
  /** What user metadata says of a key, or with undefined no longer says; other names, keys that metadata may not set and
   *  values that cannot be are passed over, with a complaint (logs and metadata §7.4). */
  override(name: string, text: string | undefined): void;
  /** Calls back after each change of the value; returns the end of that. */
  watch(key: ConfigKey, changed: () => void): () => void;
}

/** Drivers of the calling container (control API §6.11). */
export interface Drivers {
  /** In the order required, optional, manual; empty for a container without drivers. */
  list(container: string): readonly DriverView[];
  /** Manual drivers only: one, or all. Another alias is passed over. @throws MODULE_FAILED */
  load(container: string, alias?: string): Promise<void>;
  unload(container: string, alias?: string): Promise<void>;
}

/** Helper processes (control API §6.12). */
export interface Daemons {
  list(): readonly DaemonView[];
  /** False when there is no such daemon. */
  start(name: string): boolean;
  stop(name: string): boolean;
}

/** The one slot of `POST /commands` (R-10, control API §6.5). */
export interface Commands {
  /** Body checks included: the text is what the client sent, at most 4096 bytes. */
  submit(body: string): Promise<CommandAnswer>;
}

/** Installed revisions (control API §6.7). Names are what clients send, `current` included. */
export interface Steps {
  /** @throws STORE_FAILED */
  list(): Promise<readonly StoredStep[]>;
  /** The state JSON as it was received; undefined: there is none. @throws STORE_FAILED */
  state(name: string): Promise<string | undefined>;
  /** The text of the record; undefined: there is none. @throws STORE_FAILED */
  progress(name: string): Promise<string | undefined>;
  /** Installs a state under a local name once it has been checked, or says why not. */
  put(name: string, text: string): Promise<StepAnswer>;
  /** @throws STORE_FAILED */
  comment(name: string, text: string): Promise<StepAnswer>;
}

/** What is stored, and what is being made of it. */
export interface Revisions {
  readonly objects: ObjectStore;
  readonly steps: Steps;
  /** With `dryRun` it says what would be removed. @throws STORE_FAILED */
  collect(options?: { readonly dryRun?: boolean }): Promise<Collection>;
  /** The one under way. @throws STORE_FAILED */
  update(): Promise<UpdateView | undefined>;
}

/** An announcement with its place in the stream. */
export interface DeviceEvent {
  /** `<supervisor's life>-<number>`; numbers count up by one. */
  readonly id: string;
  readonly announcement: Announcement;
}

/** The last announcements, and those to come. Bounded. */
export interface Events {
  /** Those after `id`, oldest first; undefined when they are no longer all there, or the id is of another life. */
  since(id: string): readonly DeviceEvent[] | undefined;
  /** The id of the newest; what is told later comes after it. */
  readonly last: string;
  /** The id before the oldest that is kept. */
  readonly oldest: string;
  subscribe(listener: (event: DeviceEvent) => void): () => void;
}

export interface ContainerCounts {
  readonly starts: number;
  readonly exits: number;
}

/** What is counted over a supervisor's life. */
export interface Statistics {
  /** By container; those that have neither started nor ended here are not in it. */
  readonly containers: ReadonlyMap<string, ContainerCounts>;
  /** From the beginning to the first time that no group waited any longer, in ms. */
  readonly bootMs: number | undefined;
}

export interface Control {
  /** Undefined until the state is loaded (control API §1). */
  readonly loaded: LoadedState | undefined;
  /** Undefined where there is no store of revisions. */
  readonly revisions: Revisions | undefined;
  readonly userMeta: Metadata;
  readonly deviceMeta: Metadata;
  readonly config: Config;
  readonly daemons: Daemons;
  readonly commands: Commands;
  readonly events: Events;
  readonly statistics: Statistics;
  /** Of this program, as `statevisor --version` says it. */
  readonly version: string;
  /** Control API §6.14. */
  wakelocks(): WakelockView;
  /** The build manifest, may be empty (control API §6.9). */
  buildInfo(): string;
  /** Monotonic ms: the clock of announcements and records. */
  now(): number;
  /** Milliseconds since 1970, for people. */
  wallTime(): number;
}

export interface LoadedState {
  readonly supervisor: Supervisor;
  readonly revision: Revision;
  /** Revision id, `locals/<name>` for local ones. */
  readonly revisionName: string;
  readonly drivers: Drivers;
}
