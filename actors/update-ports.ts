/** What updates need from outside (lifecycle §12–§17, storage §1–§5, §11–§13): the store of revisions and objects, the boot
 *  loader's record, hooks, the watchdog, signatures. `adapters/` implements it on a device, `sim/` with fakes.
 *
 *  Whatever a promise resolves to is durable by then (R-09). Failures reject a `SupervisorError`. */

import type { Progress } from '../machines/domain/progress.ts';
import type { ContainerRecord } from '../machines/domain/record.ts';
import type { Revision } from '../machines/domain/revision.ts';
import type { Ports } from './ports.ts';

/** A revision by its name: `0`, `7`, `locals/blue`. Names are checked at the edge (`machines/domain/step-name.ts`). */
export type RevisionName = string;

/** A step is a revision in the store (control API §6.7). */
export interface StoredStep {
  readonly name: RevisionName;
  /** Modification time of its directory, ms since 1970. */
  readonly at: number;
  readonly commitMessage: string;
  /** Raw text; undefined when there is none. */
  readonly progress: string | undefined;
}

/** Revisions on disk: `trails/` and what belongs to them (storage §1). */
export interface RevisionStore {
  /** Root revisions in ascending byte order, then `locals/*`. */
  list(): Promise<readonly StoredStep[]>;
  /** The state JSON exactly as received; undefined when there is no such revision. */
  state(name: RevisionName): Promise<string | undefined>;
  /** Replaces the state JSON, whole or not at all. @throws STORE_FAILED with errno ENOSPC: nothing is kept */
  writeState(name: RevisionName, text: string): Promise<void>;
  progressText(name: RevisionName): Promise<string | undefined>;
  progress(name: RevisionName): Promise<Progress | undefined>;
  writeProgress(name: RevisionName, progress: Progress): Promise<void>;
  writeCommitMessage(name: RevisionName, text: string): Promise<void>;
  /** The `done` marker: it was committed, or is the factory revision. */
  isDone(name: RevisionName): Promise<boolean>;
  markDone(name: RevisionName): Promise<void>;
  /** Links objects and writes inline JSON into the trail; what is there stays (storage §4 steps 5–7).
   *  @throws NOT_FOUND naming every missing object, STORE_FAILED */
  install(name: RevisionName, revision: Revision, text: string): Promise<void>;
  /** The revision of that name is this one from now on, installed whole, without progress and marker; or it stays what it
   *  was. @throws NOT_FOUND naming every missing object, STORE_FAILED */
  replace(name: RevisionName, revision: Revision, text: string): Promise<void>;
  /** Objects and inline JSON are what the state says (storage §12). @throws REFUSED naming the first that is not */
  verify(name: RevisionName, revision: Revision): Promise<void>;
  /** Points `trails/current` and `logs/current` to it. */
  makeCurrent(name: RevisionName): Promise<void>;
  /** What `current` points to; undefined before the first start. */
  current(): Promise<RevisionName | undefined>;
  /** Trail, logs and revision storage. */
  remove(name: RevisionName): Promise<void>;
  /** Lines of level ERROR and FATAL for the progress record of this revision, from now on; undefined: of none. */
  recordErrors(name: RevisionName | undefined): void;
  /** Takes what was recorded for the revision into its `.pv/logs`; at most 4096 bytes are served (storage §2). */
  keepErrors(name: RevisionName): Promise<void>;
}

/** Objects by SHA-256 (control API §6.6). */
export interface ObjectStore {
  list(): Promise<readonly { readonly sha256: string; readonly size: number }[]>;
  /** Hashes on the way; under its own name only when it is whole and right.
   *  @throws REFUSED bad checksum; STORE_FAILED with errno ENOSPC, or another; nothing is left then */
  put(sha256: string, body: AsyncIterable<Uint8Array>, length: number | undefined): Promise<void>;
  /** Undefined when there is none. */
  get(
    sha256: string,
  ): Promise<{ readonly size: number; readonly body: AsyncIterable<Uint8Array> } | undefined>;
}

/** Space of the storage, in bytes (storage §11). */
export interface Space {
  readonly total: number;
  readonly free: number;
  readonly reserved: number;
  /** `max(0, free - reserved)`. */
  readonly realFree: number;
}

/** Why an object or a revision is kept. */
export interface Kept {
  readonly what: string;
  readonly because: string;
}

export interface Collection {
  /** Bytes of removed objects. */
  readonly reclaimed: number;
  readonly removed: readonly string[];
  readonly kept: readonly Kept[];
}

/** Garbage collection (storage §11). */
export interface Collector {
  space(): Promise<Space>;
  /** With `dryRun` nothing is removed, and the answer says what would be. `roots` are revisions that stay, with why. */
  collect(
    roots: ReadonlyMap<RevisionName, string>,
    options?: { readonly dryRun?: boolean },
  ): Promise<Collection>;
}

/** What the boot loader keeps for us (lifecycle §14.1, logs and metadata §11). Read back after each write. */
export interface BootRecord {
  read(): Promise<BootVariables>;
  /** `pv_try=<rev>`. */
  setTry(name: RevisionName): Promise<void>;
  clearTry(): Promise<void>;
  /** `pv_rev=<rev>` and `pv_try` cleared, in an order in which every moment boots something good. */
  commit(name: RevisionName): Promise<void>;
}

export interface BootVariables {
  /** `pv_rev`: the rollback point; `0` when it was never set. */
  readonly committed: RevisionName;
  /** `pv_try`; undefined when empty. */
  readonly trying: RevisionName | undefined;
  /** The revision that was booted: environment, command line, the record, else `0`. */
  readonly booted: RevisionName;
}

export type HookPoint =
  | 'system-start'
  | 'system-before-install-update'
  | 'system-after-install-update'
  | 'system-install-update'
  | 'system-boot-done'
  | 'system-done';

export interface HookFacts {
  readonly revision: RevisionName;
  readonly trying: RevisionName | undefined;
  /** An uncommitted revision runs after a reboot. */
  readonly tryBoot: boolean;
  /** Status of the progress of `trying`, else of `revision`. */
  readonly status: string | undefined;
}

/** Executables of the hooks directory (logs and metadata §8). @throws START_FAILED of the first that fails */
export interface Hooks {
  run(point: HookPoint, facts: HookFacts): Promise<void>;
}

/** `/dev/watchdog` (lifecycle §18). None throws: a missing device is complained of once. */
export interface Watchdog {
  open(): void;
  kick(): void;
  close(): void;
}

/** Signatures of a state JSON (storage §13). */
export interface Signatures {
  /** @throws REFUSED with the literal text of `MESSAGES` as the fault's message, the details in `fix` */
  check(text: string): Promise<void>;
}

/** A revision that runs or is to run. */
export interface LoadedRevision {
  readonly name: RevisionName;
  readonly revision: Revision;
  readonly text: string;
}

/** What an earlier supervisor of the same boot of the device left behind (R-08). */
export interface PastRun {
  readonly running: RevisionName;
  /** What `running` replaced without a reboot, and goes back to when it fails. */
  readonly before: RevisionName | undefined;
}

/** What runs on from one revision into the next (lifecycle §12.4). */
export interface Handover {
  readonly records: readonly ContainerRecord[];
  readonly before: RevisionName | undefined;
}

/** Hands for the containers of one revision. */
export interface RevisionHost {
  /** Undefined after a boot of the device. */
  past(): Promise<PastRun | undefined>;
  /** For a revision that begins to run; the ports of the one before are closed by then. From now on `past` would tell of
   *  it. Without a handover it begins with the device, or with what its own journal says of an earlier supervisor. */
  open(next: LoadedRevision, handover?: Handover): Promise<OpenRevision>;
}

export interface OpenRevision {
  readonly ports: Ports;
  /** Containers run on. */
  close(): void;
}
