import assert from 'node:assert/strict';
import { allowedLevels, LEVELS } from '../../../machines/domain/config.ts';
import { CONFIG_ROWS, findRow, isOwnKey } from '../../../machines/domain/config-keys.ts';
import { configText } from '../../../machines/domain/config-text.ts';

/** Key, type, default, levels, old names and notes, as logs and metadata §7.5 has them. */
const TABLE = `
  PH_CREDS_HOST | STR | api.pantahub.com | H O | creds.host
  PH_CREDS_ID | STR | – | H O | creds.id
  PH_CREDS_PORT | INT | 443 | H O | creds.port
  PH_CREDS_PROXY_HOST | STR | – | H O | creds.proxy.host
  PH_CREDS_PROXY_NOPROXYCONNECT | INT | 0 | H O | creds.proxy.noproxyconnect
  PH_CREDS_PROXY_PORT | INT | 3218 | H O | creds.proxy.port
  PH_CREDS_PRN | STR | – | H O | creds.prn
  PH_CREDS_SECRET | STR | – | H O | creds.secret
  PH_CREDS_TYPE | STR | builtin | H O | creds.type
  PH_FACTORY_AUTOTOK | STR | – | H O | factory.autotok
  PH_LIBEVENT_HTTP_TIMEOUT | INT | 60 | H O R |
  PH_LIBEVENT_HTTP_RETRIES | INT | 1 | H O R |
  PH_METADATA_DEVMETA_INTERVAL | INT | 10 | H O R | metadata.devmeta.interval
  PH_METADATA_USRMETA_INTERVAL | INT | 5 | H O R | metadata.usrmeta.interval
  PH_ONLINE_REQUEST_THRESHOLD | INT | 0 | H O R |
  PH_UPDATER_INTERVAL | INT | 5 | H O R | updater.interval
  PH_UPDATER_NETWORK_TIMEOUT | INT | 120 | H O R | updater.network_timeout
  PH_UPDATER_TRANSFER_MAX_COUNT | INT | 5 | H O R |
  PV_BOOTLOADER_FITCONFIG | STR | – | P | bootloader.fitconfig; selects \`fitconfig:<name>\` drivers
  PV_BOOTLOADER_MTD_ENV | STR | – | P | bootloader.mtd_env; MTD name (\`pv-env\`)
  PV_BOOTLOADER_MTD_ONLY | BOOL | 0 | P | bootloader.mtd_only; whole env in MTD
  PV_BOOTLOADER_TYPE | enum | uboot | P | bootloader.type: uboot, uboot-pvk, grub, rpiab, uboot-ab
  PV_BOOTLOADER_UBOOTAB_A_NAME | STR | fitA | P |
  PV_BOOTLOADER_UBOOTAB_B_NAME | STR | fitB | P |
  PV_BOOTLOADER_UBOOTAB_ENV_NAME | STR | – | P |
  PV_BOOTLOADER_UBOOTAB_ENV_BAK_NAME | STR | – | P |
  PV_BOOTLOADER_UBOOTAB_ENV_OFFSET | INT | 0 | P |
  PV_BOOTLOADER_UBOOTAB_ENV_SIZE | INT | 0 | P |
  PV_CACHE_DEVMETADIR | STR | /storage/cache/devmeta | P | cache.devmetadir
  PV_CACHE_USRMETADIR | STR | /storage/cache/meta | P | cache.usrmetadir, meta.cache.dir
  PV_CONTROL_REMOTE | BOOL | 1 | P O | control.remote; 0 = never talk to a Hub
  PV_CONTROL_REMOTE_ALWAYS | BOOL | 0 | P O | control.remote.always; keep Hub on local revisions
  PV_DEBUG_SHELL | BOOL | 1 | P | debug.shell
  PV_DEBUG_SHELL_AUTOLOGIN | BOOL | 0 | P | debug.shell.autologin
  PV_DEBUG_SHELL_TIMEOUT | INT | 60 | P | seconds a reboot waits for an open shell
  PV_DEBUG_SSH | BOOL | 1 | P O R | debug.ssh; dropbear on port 8222
  PV_DEBUG_SSH_AUTHORIZED_KEYS | STR | – | P O R | debug.ssh_authorized_keys; file in \`<etcpantavisor>/ssh/\`, unset or \`__default__\` = user-meta file
  PV_DISK_EXPORTSDIR | STR | /exports | P | disk.exportsdir
  PV_DISK_VOLDIR | STR | /volumes | P | disk.voldir
  PV_DISK_WRITABLEDIR | STR | /writable | P | disk.writabledir
  PV_DROPBEAR_CACHE_DIR | STR | /storage/cache/dropbear | P | dropbear.cache.dir
  PV_LIBEVENT_DEBUG_MODE | BOOL | 0 | P O |
  PV_LIBTHTTP_CERTSDIR | STR | /certs | P | libthttp.certdir
  PV_LIBTHTTP_LOG_LEVEL | INT | 3 | P O R | libthttp.log.level
  PV_LOG_AUTO_DEVLOG | BOOL | 1 | P O | default for \`dev-log\`
  PV_LOG_CAPTURE | BOOL | 1 | P O | log.capture; log server outputs on
  PV_LOG_CAPTURE_DMESG | BOOL | 1 | P O | log.capture.dmesg
  PV_LOG_BUF_NITEMS | INT | 128 | P O | log.buf_nitems; KiB
  PV_LOG_DIR | STR | /storage/logs/ | P | log.dir
  PV_LOG_DIR_MAXSIZE | STR | 0 | P O R | section 4
  PV_LOG_FILETREE_TIMESTAMP_FORMAT | STR | – | P O R | log.filetree.timestamp.format
  PV_LOG_HYSTERESIS_FACTOR | INT | 4 | P O R |
  PV_LOG_LEVEL | INT | 0 | P O R | log.level
  PV_LOG_LOGGERS | BOOL | 1 | P O | log.loggers
  PV_LOG_PUSH | BOOL | 1 | P O R | log.push, pantahub.log.push (Hub)
  PV_LOG_ROTATE_FACTOR | INT | 5 | P O R |
  PV_LOG_SERVER_OUTPUTS | mask | filetree | P O R | log.server.outputs; read at start
  PV_LOG_SINGLEFILE_TIMESTAMP_FORMAT | STR | – | P O R | log.singlefile.timestamp.format
  PV_LOG_STDOUT_TIMESTAMP_FORMAT | STR | – | P O R | log.stdout.timestamp.format
  PV_LOG_TIMESTAMP | enum | relative | P O R | relative, absolute
  PV_LOOP_INDEX_BASE | INT | -1 | P | first loop device index
  PV_LXC_LOG_LEVEL | INT | 2 | P O | lxc.log.level
  PV_NET_BRADDRESS4 | STR | 10.0.3.1 | P O | net.braddress4
  PV_NET_BRDEV | STR | lxcbr0 | P O | net.brdev; bridge created at start
  PV_NET_BRMASK4 | STR | 255.255.255.0 | P O | net.brmask4
  PV_OEM_NAME | STR | – | P | OEM config directory and OEM signer name
  PV_POLICY | STR | – | P | policy
  PV_POWER_MODE | enum | locks | P O R | power.mode: disabled, locks, managed
  PV_POWER_DEVMETA_EAGER_PUSH | BOOL | 0 | P O R | power.devmeta.eager_push
  PV_POWER_WAKE_INTERVAL | DURATION | 3600 | P O R | power.wake.interval
  PV_POWER_WAKE_RUN_WINDOW | DURATION | 0 | P O R | power.wake.run_window
  PV_POWER_AUTOSLEEP_SETTLE | DURATION | 90 | P O R | power.autosleep.settle
  PV_POWER_WAKE_MIN_AWAKE | DURATION | 10 | P O R | power.wake.min_awake
  PV_POWER_WAKE_MAX_AWAKE | DURATION | 60 | P O R | power.wake.max_awake
  PV_POWER_DEVMETA_MAX_HELD | DURATION | 300 | P O R | power.devmeta.max_held
  PV_POWER_SYSFS_DIR | STR | /sys/power | P O R | power.sysfs_dir (test hook)
  PV_REVISION_RETRIES | INT | 10 | P O R | revision.retries
  PV_SECUREBOOT_CHECKSUM | BOOL | 1 | P | secureboot.checksum
  PV_SECUREBOOT_HANDLERS | BOOL | 1 | P | secureboot.handlers
  PV_SECUREBOOT_MODE | enum | lenient | P | secureboot.mode
  PV_SECUREBOOT_OEM_TRUSTSTORE | STR | ca-oem-certificates | P | also accepted: PV_SECUREBOOT_OEM_TRUSTORE
  PV_SECUREBOOT_TRUSTSTORE | STR | ca-certificates | P | secureboot.truststore
  PV_STORAGE_DEVICE | STR | – | P | storage.device; path, LABEL= or UUID=
  PV_STORAGE_FSTYPE | STR | – | P | storage.fstype
  PV_STORAGE_GC_KEEP_FACTORY | BOOL | 0 | P O R | storage.gc.keep_factory, updater.keep_factory
  PV_STORAGE_GC_RESERVED | INT | 5 | P O R | storage.gc.reserved, %
  PV_STORAGE_GC_THRESHOLD_DEFERTIME | INT | 600 | P O R | storage.gc.threshold.defertime
  PV_STORAGE_GC_THRESHOLD | INT | 0 | P O R | storage.gc.threshold, %; 0 = off
  PV_STORAGE_LOGTEMPSIZE | STR | – | P | storage.logtempsize
  PV_STORAGE_MNTPOINT | STR | – | P | storage.mntpoint
  PV_STORAGE_MNTTYPE | STR | – | P | storage.mnttype
  PV_STORAGE_FIRMWARE_VOL | BOOL | 0 | P |
  PV_STORAGE_PHCONFIG_VOL | BOOL | 0 | P |
  PV_STORAGE_WAIT | INT | 5 | P | storage.wait; seconds for the device to appear
  PV_SYSTEM_APPARMOR_PROFILES | STR | – | P | system.apparmor.profiles
  PV_SYSTEM_CONFDIR | STR | /configs | P | system.confdir
  PV_SYSTEM_DRIVERS_LOAD_EARLY_AUTO | BOOL | 0 | P | system.drivers.load_early.auto
  PV_SYSTEM_ETCDIR | STR | /etc | P | system.etcdir
  PV_SYSTEM_ETCPANTAVISORDIR | STR | /etc/pantavisor | P |
  PV_SYSTEM_INIT_MODE | enum | embedded | P | system.init.mode: embedded, standalone, appengine
  PV_SYSTEM_LIBDIR | STR | /lib | P | system.libdir
  PV_SYSTEM_MEDIADIR | STR | /media | P | system.mediadir
  PV_SYSTEM_MOUNT_SECURITYFS | BOOL | 0 | P | system.mount.securityfs
  PV_SYSTEM_RUNDIR | STR | /pv | P | system.rundir; docs: /run/pantavisor/pv
  PV_SYSTEM_DISKSDIR | STR | /run/pantavisor/disks | P | system.disksdir
  PV_SYSTEM_USRDIR | STR | /usr | P | system.usrdir
  PV_UPDATER_COMMIT_DELAY | INT | 25 | P O R | updater.commit.delay
  PV_UPDATER_GOALS_TIMEOUT | INT | 120 | P O | updater.goals.timeout
  PV_UPDATER_USE_TMP_OBJECTS | BOOL | 0 | P O R | updater.use_tmp_objects
  PV_VOLMOUNT_DM_EXTRA_ARGS | STR | – | P O | appended to verity mount
  PV_WDT_MODE | enum | shutdown | P | wdt.mode
  PV_WDT_TIMEOUT | INT | 15 | P | wdt.timeout
  PV_XCONNECT_DBUS_SYSTEMBUS_ENABLED | BOOL | 1 | P O | xconnect.dbus.systembus.enabled
`;

/** §7.5, in words of §7.1. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  P: ['pv conf file', 'policy', 'pv cmdline', 'env'],
  H: ['ph conf file', 'policy', 'ph cmdline', 'env'],
  O: ['oem config'],
  R: ['metadata'],
};

interface Expected {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly levels: readonly string[];
  readonly aliases: readonly string[];
}

function expectations(): readonly Expected[] {
  return TABLE.trim()
    .split('\n')
    .map((line): Expected => {
      const [key = '', type = '', fallback = '', groups = '', names = ''] = line
        .split('|')
        .map((cell) => cell.trim());
      const allowed = groups.split(' ').flatMap((group) => GROUPS[group] ?? []);
      const levels = LEVELS.filter((level) => allowed.includes(level));
      const aliases = (names.split(/[;:(]/)[0] ?? '').split(',').map((name) => name.trim());
      return {
        key,
        type: type === 'enum' || type === 'mask' ? type.toUpperCase() : type,
        fallback: fallback === '–' ? '(null)' : fallback,
        levels,
        aliases: aliases.filter((name) => name === 'policy' || /^[a-z]+(\.[a-z_0-9]+)+$/.test(name)),
      };
    });
}

describe('the configuration keys (logs and metadata §7.5)', () => {
  const expected = expectations();

  it('come in the order of the table, with ours after them (R-12)', () => {
    const own = ['PV_CONTAINER_DEFAULT_ROLE', 'PV_CONTAINER_DEFAULT_GROUP', 'PV_UPDATER_ROLLBACK_REBOOT'];
    assert.deepEqual(
      CONFIG_ROWS.map(({ key }) => key),
      [...expected.map(({ key }) => key), ...own],
    );
    assert.deepEqual(CONFIG_ROWS.map(({ key }) => key).filter(isOwnKey), own);
  });

  for (const { key, type, fallback, levels, aliases } of expected) {
    it(`has ${key}`, () => {
      const row = findRow(key);
      assert.ok(row !== undefined);
      const shown = row.type === 'MASK' ? 'filetree' : configText(row, row.fallback);
      assert.deepEqual(
        {
          type: row.type,
          fallback: shown,
          levels: LEVELS.filter((level) => allowedLevels(row).includes(level)),
        },
        { type, fallback, levels },
      );
      assert.deepEqual(row.aliases, aliases);
      for (const name of [key.toLowerCase(), ...aliases]) assert.equal(findRow(name), row, name);
    });
  }

  it('has the numbers of the enumerations (control API §6.10)', () => {
    const numbers = Object.fromEntries(
      CONFIG_ROWS.flatMap((row) => (row.type === 'ENUM' ? [[row.key, row.names]] : [])),
    );
    assert.deepEqual(numbers, {
      PV_BOOTLOADER_TYPE: ['uboot', 'uboot-pvk', 'grub', 'rpiab', 'uboot-ab'],
      PV_LOG_TIMESTAMP: ['relative', 'absolute'],
      PV_POWER_MODE: ['disabled', 'locks', 'managed'],
      PV_SECUREBOOT_MODE: ['disabled', 'audit', 'lenient', 'strict'],
      PV_SYSTEM_INIT_MODE: ['embedded', 'standalone', 'appengine'],
      PV_WDT_MODE: ['disabled', 'shutdown', 'startup', 'always'],
      PV_CONTAINER_DEFAULT_ROLE: ['nobody', 'mgmt'],
      PV_CONTAINER_DEFAULT_GROUP: ['none', 'last'],
    });
  });

  it('are found in any case, and by old names only as they are written (§7.2)', () => {
    assert.equal(findRow('Pv_Log_Level')?.key, 'PV_LOG_LEVEL');
    assert.equal(findRow('log.level')?.key, 'PV_LOG_LEVEL');
    assert.equal(findRow('meta.cache.dir')?.key, 'PV_CACHE_USRMETADIR');
    assert.equal(findRow('PV_SECUREBOOT_OEM_TRUSTORE')?.key, 'PV_SECUREBOOT_OEM_TRUSTSTORE');
    for (const name of ['Log.Level', 'LOG_LEVEL', 'constructor', '__proto__', ' PV_LOG_LEVEL', '']) {
      assert.equal(findRow(name), undefined, name);
    }
  });
});
