/** The nouns of one revision: what a state JSON means once it is parsed, defaulted and validated.
 *  Types only. `state-json.ts` makes them, `defaults.ts` fills gaps, everyone else reads them.
 *  Durations are milliseconds here; seconds exist in the state JSON only. */

import type { Status } from './status.ts';

export type StatusGoal = Extract<Status, 'MOUNTED' | 'STARTED' | 'READY'>;
export type RestartPolicy = 'system' | 'container';
export type Role = 'mgmt';
export type Persistence = 'permanent' | 'revision' | 'boot';

/** State format §8.9. */
export interface RecoveryPolicy {
  readonly policy: 'no' | 'always' | 'on-failure' | 'unless-stopped';
  /** 0 = unlimited. */
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  /** Only values above 1 multiply. */
  readonly backoffFactor: number;
  /** 0 = the counter never resets by itself. */
  readonly resetWindowMs: number;
  /** 0 = no stability tracking. */
  readonly stableTimeoutMs: number;
  readonly backoff: Backoff;
}

export type Backoff =
  | { readonly kind: 'reboot' }
  | { readonly kind: 'never' }
  | { readonly kind: 'wait'; readonly delayMs: number };

/** State format §5.2. */
export interface GroupSpec {
  readonly name: string;
  readonly statusGoal: StatusGoal;
  readonly restartPolicy: RestartPolicy;
  /** undefined: `PV_UPDATER_GOALS_TIMEOUT`, resolved when a container starts (L-28). */
  readonly goalTimeoutMs: number | undefined;
  readonly recovery: RecoveryPolicy | undefined;
}

/** State format §9. `name` is also the last component of the mount point. */
export type VolumeSpec =
  | {
      readonly kind: 'image';
      readonly name: string;
      /** File below the container's directory; equals `name`. */
      readonly file: string;
      /** Text before the first `:`, e.g. `dm`. */
      readonly handler: string | undefined;
      /** The extension, which selects the mount method: `squashfs`, `ext4`, `bind`, `data`, … */
      readonly format: string;
      readonly root: boolean;
    }
  | {
      readonly kind: 'storage';
      readonly name: string;
      readonly persistence: Persistence;
      /** Canonical disk name once resolved; an unknown one is kept as written and fails at mount time. */
      readonly disk: string | undefined;
    };

/** State format §12.4. Alias names. */
export interface DriverNeeds {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly manual: readonly string[];
}

/** State format §10, defaults included. */
export interface LoggerSpec {
  readonly file: string;
  readonly name: string;
  readonly truncate: boolean;
  readonly maxSizeBytes: number | undefined;
}

/** State format §17.1. */
export interface ServiceNeed {
  readonly name: string;
  readonly type: string | undefined;
  readonly role: string | undefined;
  readonly interface: string | undefined;
  readonly target: string | undefined;
}

/** State format §17.2. */
export interface ServiceExport {
  readonly name: string | undefined;
  readonly type: string | undefined;
  readonly socket: string | undefined;
  readonly owns: string | undefined;
  readonly bus: string | undefined;
  readonly role: string | undefined;
  readonly allow: readonly string[];
}

/** State format §21. */
export interface ContainerNetwork {
  readonly mode: 'host' | 'pool' | 'none';
  readonly pool: string | undefined;
  readonly hostname: string | undefined;
  readonly ip: string | undefined;
  readonly mac: string | undefined;
}

/** One mount point pattern and the options laid over its flags (state format §18). */
export interface RemountRule {
  readonly pattern: string;
  readonly options: readonly string[];
}
export type RemountPolicies = ReadonlyMap<string, readonly RemountRule[]>;

/** One `<container>/run.json` with every gap filled and every inheritance resolved (state format §7, §8). */
export interface ContainerSpec {
  readonly name: string;
  /** Runtime plugin; anything but `lxc` fails when its turn comes (state format §8.2). */
  readonly type: string;
  /** LXC configuration file, relative to the container's directory. */
  readonly config: string;
  readonly group: string;
  readonly statusGoal: StatusGoal;
  readonly restartPolicy: RestartPolicy;
  /** Empty = `nobody` (R-01). */
  readonly roles: readonly Role[];
  /** undefined: an exit is a failure of the container. */
  readonly recovery: RecoveryPolicy | undefined;
  /** Mount order: root volume, `volumes`, `storage` (state format §9). */
  readonly volumes: readonly VolumeSpec[];
  readonly drivers: DriverNeeds;
  readonly loggers: readonly LoggerSpec[];
  readonly services: { readonly required: readonly ServiceNeed[]; readonly optional: readonly ServiceNeed[] };
  readonly serviceExports: readonly ServiceExport[];
  /** undefined: not an exporter; present, even empty, sets the exporter flag (state format §20). */
  readonly exports: readonly string[] | undefined;
  readonly network: ContainerNetwork | undefined;
  readonly remount: RemountPolicies;
  /** Bind the host's firmware and modules into it (state format §8.8). */
  readonly automodfw: boolean;
  /** undefined: `PV_LOG_AUTO_DEVLOG` decides (state format §8.10). */
  readonly devLog: boolean | undefined;
  /** The revision carries files below `_config/<name>/` (state format §11). */
  readonly hasConfigFiles: boolean;
  /** `mdev.json`: device nodes to make in it, as rules of mdev (state format §22); undefined: none. */
  readonly deviceRules: readonly string[] | undefined;
}

/** State format §12.1. A section with its prefix taken apart; tables keep document order. */
export interface DriverSection {
  readonly scope: 'all' | 'dtb' | 'ovl' | 'fitconfig';
  /** Text after the prefix; empty for `all`. */
  readonly match: string;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/** State format §13. Paths relative to `bsp/`. */
export interface BspSpec {
  readonly boot:
    | {
        readonly kind: 'kernel';
        readonly linux: string;
        readonly initrd: string;
        readonly fdt: string | undefined;
      }
    | { readonly kind: 'fit'; readonly fit: string }
    | { readonly kind: 'rpiab'; readonly rpiab: string };
  readonly addons: readonly string[];
  readonly firmware: string | undefined;
  readonly modules: string | undefined;
  /** `modules_<kernel release>`, preferred over `modules` when the release matches. */
  readonly modulesByRelease: ReadonlyMap<string, string>;
}

/** State format §14.2. */
export interface DiskSpec {
  readonly name: string;
  readonly type: string;
  readonly path: string | undefined;
  readonly mode: string | undefined;
  readonly format: string | undefined;
  readonly formatOptions: string | undefined;
  readonly mountOptions: string | undefined;
  readonly mountTarget: string | undefined;
  readonly provision: string | undefined;
  readonly provisionOptions: string | undefined;
  readonly uuid: string | undefined;
  readonly default: boolean;
  readonly migrateKeyblob: boolean;
  readonly aliases: readonly string[];
  readonly disks: readonly string[];
  readonly initOrder: readonly string[];
}

/** State format §21. */
export interface NetworkPool {
  readonly name: string;
  readonly type: 'bridge' | 'macvlan';
  readonly bridge: string | undefined;
  readonly parent: string | undefined;
  readonly subnet: string;
  readonly gateway: string;
  readonly nat: boolean;
}

/** A file of the revision: an object by its SHA-256, or inline JSON by its raw text (state format §3, §25). */
export type RevisionFile =
  | { readonly kind: 'object'; readonly id: string; readonly owner: string | undefined }
  | { readonly kind: 'json'; readonly text: string; readonly owner: string | undefined };

export interface Revision {
  /** In the order in which they start (state format §5.1). */
  readonly groups: readonly GroupSpec[];
  readonly defaultGroups: boolean;
  /** Container order: byte order of `<dir>/run.json` (state format §1.2). */
  readonly containers: readonly ContainerSpec[];
  readonly bsp: BspSpec | undefined;
  readonly driverSections: readonly DriverSection[];
  readonly disks: readonly DiskSpec[];
  /** `device.json` volumes, owned by the BSP (state format §14.5). */
  readonly deviceVolumes: readonly VolumeSpec[];
  readonly networkPools: readonly NetworkPool[];
  readonly remount: RemountPolicies;
  /** Path → file, in document order; what installing and comparing look at. */
  readonly files: ReadonlyMap<string, RevisionFile>;
  /** Raw text of `_sigs/**`, which is never compared, and of any other `pvs@2` value, which is in `files` too
   *  (state format §19). Verified before parsing. */
  readonly signatures: ReadonlyMap<string, string>;
}
