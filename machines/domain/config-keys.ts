/** Every configuration key, in the order in which `/config2` lists them: type, default, levels, old dotted names
 *  (logs and metadata §7.5). One table, long because it is one, and the types that follow from it. What a text of each
 *  type may be is in `config-value.ts`, which level wins in `config.ts`. */

/** P: pv conf, policy, pv cmdline, env. H: ph conf, policy, ph cmdline, env. O: OEM. R: metadata. */
export type Groups = 'P' | 'PO' | 'POR' | 'HO' | 'HOR';

interface Row<Type extends string, Key extends string, Fallback> {
  readonly type: Type;
  readonly key: Key;
  readonly groups: Groups;
  /** The value where nothing is said. */
  readonly fallback: Fallback;
  /** Old names, case-sensitive; `/config` shows the first. */
  readonly aliases: readonly string[];
}
type Aliases = readonly string[];

function bool<const Key extends string>(
  key: Key,
  groups: Groups,
  fallback: boolean,
  ...aliases: Aliases
): Row<'BOOL', Key, boolean> {
  return { type: 'BOOL', key, groups, fallback, aliases };
}

function int<const Key extends string>(
  key: Key,
  groups: Groups,
  fallback: number,
  ...aliases: Aliases
): Row<'INT', Key, number> {
  return { type: 'INT', key, groups, fallback, aliases };
}

/** Seconds. */
function time<const Key extends string>(
  key: Key,
  groups: Groups,
  fallback: number,
  ...aliases: Aliases
): Row<'DURATION', Key, number> {
  return { type: 'DURATION', key, groups, fallback, aliases };
}

function str<const Key extends string>(
  key: Key,
  groups: Groups,
  fallback: string,
  ...aliases: Aliases
): Row<'STR', Key, string> {
  return { type: 'STR', key, groups, fallback, aliases };
}

/** A text without a default. */
function unset<const Key extends string>(
  key: Key,
  groups: Groups,
  ...aliases: Aliases
): Row<'STR', Key, string | undefined> {
  return { type: 'STR', key, groups, fallback: undefined, aliases };
}

/** `names` in the order of their numbers, from 0. */
function choice<const Key extends string, const Name extends string>(
  key: Key,
  groups: Groups,
  fallback: NoInfer<Name>,
  names: readonly Name[],
  ...aliases: Aliases
): Row<'ENUM', Key, Name> & { readonly names: readonly Name[] } {
  return { type: 'ENUM', key, groups, fallback, names, aliases };
}

/** Bits of the log outputs (control API §6.10). */
function outputs<const Key extends string>(
  key: Key,
  groups: Groups,
  fallback: number,
  ...aliases: Aliases
): Row<'MASK', Key, number> {
  return { type: 'MASK', key, groups, fallback, aliases };
}

export const LOG_OUTPUTS: Readonly<Record<string, number>> = {
  nullsink: 1,
  singlefile: 2,
  filetree: 4,
  stdout: 8,
  'stdout.containers': 16,
  'stdout.pantavisor': 32,
  stdout_direct: 64,
};
/** The output that is always on. */
export const UPDATE_OUTPUT = 128;

const REFERENCE_KEYS = [
  str('PH_CREDS_HOST', 'HO', 'api.pantahub.com', 'creds.host'),
  unset('PH_CREDS_ID', 'HO', 'creds.id'),
  int('PH_CREDS_PORT', 'HO', 443, 'creds.port'),
  unset('PH_CREDS_PROXY_HOST', 'HO', 'creds.proxy.host'),
  int('PH_CREDS_PROXY_NOPROXYCONNECT', 'HO', 0, 'creds.proxy.noproxyconnect'),
  int('PH_CREDS_PROXY_PORT', 'HO', 3218, 'creds.proxy.port'),
  unset('PH_CREDS_PRN', 'HO', 'creds.prn'),
  unset('PH_CREDS_SECRET', 'HO', 'creds.secret'),
  str('PH_CREDS_TYPE', 'HO', 'builtin', 'creds.type'),
  unset('PH_FACTORY_AUTOTOK', 'HO', 'factory.autotok'),
  int('PH_LIBEVENT_HTTP_TIMEOUT', 'HOR', 60),
  int('PH_LIBEVENT_HTTP_RETRIES', 'HOR', 1),
  int('PH_METADATA_DEVMETA_INTERVAL', 'HOR', 10, 'metadata.devmeta.interval'),
  int('PH_METADATA_USRMETA_INTERVAL', 'HOR', 5, 'metadata.usrmeta.interval'),
  int('PH_ONLINE_REQUEST_THRESHOLD', 'HOR', 0),
  int('PH_UPDATER_INTERVAL', 'HOR', 5, 'updater.interval'),
  int('PH_UPDATER_NETWORK_TIMEOUT', 'HOR', 120, 'updater.network_timeout'),
  int('PH_UPDATER_TRANSFER_MAX_COUNT', 'HOR', 5),
  unset('PV_BOOTLOADER_FITCONFIG', 'P', 'bootloader.fitconfig'),
  unset('PV_BOOTLOADER_MTD_ENV', 'P', 'bootloader.mtd_env'),
  bool('PV_BOOTLOADER_MTD_ONLY', 'P', false, 'bootloader.mtd_only'),
  choice(
    'PV_BOOTLOADER_TYPE',
    'P',
    'uboot',
    ['uboot', 'uboot-pvk', 'grub', 'rpiab', 'uboot-ab'],
    'bootloader.type',
  ),
  str('PV_BOOTLOADER_UBOOTAB_A_NAME', 'P', 'fitA'),
  str('PV_BOOTLOADER_UBOOTAB_B_NAME', 'P', 'fitB'),
  unset('PV_BOOTLOADER_UBOOTAB_ENV_NAME', 'P'),
  unset('PV_BOOTLOADER_UBOOTAB_ENV_BAK_NAME', 'P'),
  int('PV_BOOTLOADER_UBOOTAB_ENV_OFFSET', 'P', 0),
  int('PV_BOOTLOADER_UBOOTAB_ENV_SIZE', 'P', 0),
  str('PV_CACHE_DEVMETADIR', 'P', '/storage/cache/devmeta', 'cache.devmetadir'),
  str('PV_CACHE_USRMETADIR', 'P', '/storage/cache/meta', 'cache.usrmetadir', 'meta.cache.dir'),
  bool('PV_CONTROL_REMOTE', 'PO', true, 'control.remote'),
  bool('PV_CONTROL_REMOTE_ALWAYS', 'PO', false, 'control.remote.always'),
  bool('PV_DEBUG_SHELL', 'P', true, 'debug.shell'),
  bool('PV_DEBUG_SHELL_AUTOLOGIN', 'P', false, 'debug.shell.autologin'),
  int('PV_DEBUG_SHELL_TIMEOUT', 'P', 60),
  bool('PV_DEBUG_SSH', 'POR', true, 'debug.ssh'),
  unset('PV_DEBUG_SSH_AUTHORIZED_KEYS', 'POR', 'debug.ssh_authorized_keys'),
  str('PV_DISK_EXPORTSDIR', 'P', '/exports', 'disk.exportsdir'),
  str('PV_DISK_VOLDIR', 'P', '/volumes', 'disk.voldir'),
  str('PV_DISK_WRITABLEDIR', 'P', '/writable', 'disk.writabledir'),
  str('PV_DROPBEAR_CACHE_DIR', 'P', '/storage/cache/dropbear', 'dropbear.cache.dir'),
  bool('PV_LIBEVENT_DEBUG_MODE', 'PO', false),
  str('PV_LIBTHTTP_CERTSDIR', 'P', '/certs', 'libthttp.certdir'),
  int('PV_LIBTHTTP_LOG_LEVEL', 'POR', 3, 'libthttp.log.level'),
  bool('PV_LOG_AUTO_DEVLOG', 'PO', true),
  bool('PV_LOG_CAPTURE', 'PO', true, 'log.capture'),
  bool('PV_LOG_CAPTURE_DMESG', 'PO', true, 'log.capture.dmesg'),
  int('PV_LOG_BUF_NITEMS', 'PO', 128, 'log.buf_nitems'),
  str('PV_LOG_DIR', 'P', '/storage/logs/', 'log.dir'),
  str('PV_LOG_DIR_MAXSIZE', 'POR', '0'),
  unset('PV_LOG_FILETREE_TIMESTAMP_FORMAT', 'POR', 'log.filetree.timestamp.format'),
  int('PV_LOG_HYSTERESIS_FACTOR', 'POR', 4),
  int('PV_LOG_LEVEL', 'POR', 0, 'log.level'),
  bool('PV_LOG_LOGGERS', 'PO', true, 'log.loggers'),
  bool('PV_LOG_PUSH', 'POR', true, 'log.push', 'pantahub.log.push'),
  int('PV_LOG_ROTATE_FACTOR', 'POR', 5),
  outputs('PV_LOG_SERVER_OUTPUTS', 'POR', 4 | UPDATE_OUTPUT, 'log.server.outputs'),
  unset('PV_LOG_SINGLEFILE_TIMESTAMP_FORMAT', 'POR', 'log.singlefile.timestamp.format'),
  unset('PV_LOG_STDOUT_TIMESTAMP_FORMAT', 'POR', 'log.stdout.timestamp.format'),
  choice('PV_LOG_TIMESTAMP', 'POR', 'relative', ['relative', 'absolute']),
  int('PV_LOOP_INDEX_BASE', 'P', -1),
  int('PV_LXC_LOG_LEVEL', 'PO', 2, 'lxc.log.level'),
  str('PV_NET_BRADDRESS4', 'PO', '10.0.3.1', 'net.braddress4'),
  str('PV_NET_BRDEV', 'PO', 'lxcbr0', 'net.brdev'),
  str('PV_NET_BRMASK4', 'PO', '255.255.255.0', 'net.brmask4'),
  unset('PV_OEM_NAME', 'P'),
  unset('PV_POLICY', 'P', 'policy'),
  choice('PV_POWER_MODE', 'POR', 'locks', ['disabled', 'locks', 'managed'], 'power.mode'),
  bool('PV_POWER_DEVMETA_EAGER_PUSH', 'POR', false, 'power.devmeta.eager_push'),
  time('PV_POWER_WAKE_INTERVAL', 'POR', 3600, 'power.wake.interval'),
  time('PV_POWER_WAKE_RUN_WINDOW', 'POR', 0, 'power.wake.run_window'),
  time('PV_POWER_AUTOSLEEP_SETTLE', 'POR', 90, 'power.autosleep.settle'),
  time('PV_POWER_WAKE_MIN_AWAKE', 'POR', 10, 'power.wake.min_awake'),
  time('PV_POWER_WAKE_MAX_AWAKE', 'POR', 60, 'power.wake.max_awake'),
  time('PV_POWER_DEVMETA_MAX_HELD', 'POR', 300, 'power.devmeta.max_held'),
  str('PV_POWER_SYSFS_DIR', 'POR', '/sys/power', 'power.sysfs_dir'),
  int('PV_REVISION_RETRIES', 'POR', 10, 'revision.retries'),
  bool('PV_SECUREBOOT_CHECKSUM', 'P', true, 'secureboot.checksum'),
  bool('PV_SECUREBOOT_HANDLERS', 'P', true, 'secureboot.handlers'),
  choice('PV_SECUREBOOT_MODE', 'P', 'lenient', ['disabled', 'audit', 'lenient', 'strict'], 'secureboot.mode'),
  str('PV_SECUREBOOT_OEM_TRUSTSTORE', 'P', 'ca-oem-certificates'),
  str('PV_SECUREBOOT_TRUSTSTORE', 'P', 'ca-certificates', 'secureboot.truststore'),
  unset('PV_STORAGE_DEVICE', 'P', 'storage.device'),
  unset('PV_STORAGE_FSTYPE', 'P', 'storage.fstype'),
  bool('PV_STORAGE_GC_KEEP_FACTORY', 'POR', false, 'storage.gc.keep_factory', 'updater.keep_factory'),
  int('PV_STORAGE_GC_RESERVED', 'POR', 5, 'storage.gc.reserved'),
  int('PV_STORAGE_GC_THRESHOLD_DEFERTIME', 'POR', 600, 'storage.gc.threshold.defertime'),
  int('PV_STORAGE_GC_THRESHOLD', 'POR', 0, 'storage.gc.threshold'),
  unset('PV_STORAGE_LOGTEMPSIZE', 'P', 'storage.logtempsize'),
  unset('PV_STORAGE_MNTPOINT', 'P', 'storage.mntpoint'),
  unset('PV_STORAGE_MNTTYPE', 'P', 'storage.mnttype'),
  bool('PV_STORAGE_FIRMWARE_VOL', 'P', false),
  bool('PV_STORAGE_PHCONFIG_VOL', 'P', false),
  int('PV_STORAGE_WAIT', 'P', 5, 'storage.wait'),
  unset('PV_SYSTEM_APPARMOR_PROFILES', 'P', 'system.apparmor.profiles'),
  str('PV_SYSTEM_CONFDIR', 'P', '/configs', 'system.confdir'),
  bool('PV_SYSTEM_DRIVERS_LOAD_EARLY_AUTO', 'P', false, 'system.drivers.load_early.auto'),
  str('PV_SYSTEM_ETCDIR', 'P', '/etc', 'system.etcdir'),
  str('PV_SYSTEM_ETCPANTAVISORDIR', 'P', '/etc/pantavisor'),
  choice('PV_SYSTEM_INIT_MODE', 'P', 'embedded', ['embedded', 'standalone', 'appengine'], 'system.init.mode'),
  str('PV_SYSTEM_LIBDIR', 'P', '/lib', 'system.libdir'),
  str('PV_SYSTEM_MEDIADIR', 'P', '/media', 'system.mediadir'),
  bool('PV_SYSTEM_MOUNT_SECURITYFS', 'P', false, 'system.mount.securityfs'),
  str('PV_SYSTEM_RUNDIR', 'P', '/pv', 'system.rundir'),
  str('PV_SYSTEM_DISKSDIR', 'P', '/run/pantavisor/disks', 'system.disksdir'),
  str('PV_SYSTEM_USRDIR', 'P', '/usr', 'system.usrdir'),
  int('PV_UPDATER_COMMIT_DELAY', 'POR', 25, 'updater.commit.delay'),
  int('PV_UPDATER_GOALS_TIMEOUT', 'PO', 120, 'updater.goals.timeout'),
  bool('PV_UPDATER_USE_TMP_OBJECTS', 'POR', false, 'updater.use_tmp_objects'),
  unset('PV_VOLMOUNT_DM_EXTRA_ARGS', 'PO'),
  choice('PV_WDT_MODE', 'P', 'shutdown', ['disabled', 'shutdown', 'startup', 'always'], 'wdt.mode'),
  int('PV_WDT_TIMEOUT', 'P', 15, 'wdt.timeout'),
  bool('PV_XCONNECT_DBUS_SYSTEMBUS_ENABLED', 'PO', true, 'xconnect.dbus.systembus.enabled'),
] as const;

/** Ours: the reference has no such keys. A value that one of them cannot have is fatal, not passed over: nothing
 *  that the reference does is lost by that, and who sets them relies on them. */
const OWN_KEYS = [
  //
  choice('PV_CONTAINER_DEFAULT_ROLE', 'P', 'nobody', ['nobody', 'mgmt']),
  // S-02: `last`, own groups take a container without one into the last of them.
  choice('PV_CONTAINER_DEFAULT_GROUP', 'P', 'none', ['none', 'last']),
  //
  bool('PV_UPDATER_ROLLBACK_REBOOT', 'PO', false),
] as const;

export const CONFIG_ROWS = [...REFERENCE_KEYS, ...OWN_KEYS] as const;
export type ConfigRow = (typeof CONFIG_ROWS)[number];
export type ConfigKey = ConfigRow['key'];
/** BOOL boolean, INT number, DURATION seconds, STR text (undefined: unset), ENUM its name, MASK bits with `update`. */
export type ConfigValue<Key extends ConfigKey = ConfigKey> = Extract<ConfigRow, { key: Key }>['fallback'];

/** Shown as dots wherever people look; `/config` and `/config2` tell them as the reference does. */
export const SECRET_KEYS: ReadonlySet<ConfigKey> = new Set(['PH_CREDS_SECRET', 'PH_FACTORY_AUTOTOK']);

const ROW_OF: ReadonlyMap<string, ConfigRow> = new Map(CONFIG_ROWS.map((row) => [row.key, row]));
const OTHER_NAMES: ReadonlyMap<string, ConfigRow> = new Map(
  CONFIG_ROWS.flatMap((row) => row.aliases.map((alias) => [alias, row] as const)),
);
/** A spelling that the reference accepts as well. */
const MISSPELT: Readonly<Record<string, ConfigKey>> = {
  PV_SECUREBOOT_OEM_TRUSTORE: 'PV_SECUREBOOT_OEM_TRUSTSTORE',
};

/** By key, in any case, or by old name; undefined for what is no key. */
export function findRow(name: string): ConfigRow | undefined {
  return findKeyRow(name) ?? OTHER_NAMES.get(name);
}

/** By key alone, in any case: the environment has no old names. */
export function findKeyRow(name: string): ConfigRow | undefined {
  const key = name.toUpperCase();
  return ROW_OF.get(MISSPELT[key] ?? key);
}

export function isOwnKey(key: ConfigKey): boolean {
  return OWN_KEYS.some((own) => own.key === key);
}
