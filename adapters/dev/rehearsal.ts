/** A boot of a small revision, with everything but the kernel and LXC: what it calls is compiled when the start-up
 *  snapshot is taken. Needs the rights that `statevisor run` needs; nothing of it stays on the machine. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { announcementLine } from '../cli/lines.ts';
import { painter } from '../cli/output.ts';
import { quickRunFlags } from '../cli/run-options.ts';
import { problemLines, readStateFile } from '../cli/state-file.ts';
import { openVoice } from '../cli/voice.ts';
import { monotonicMs } from '../clock.ts';
import { readDeviceFacts } from '../host/device-facts.ts';
import type { Sysx, WatchHandle } from '../host/native/load.ts';
import { createNativeKernel } from '../host/native-kernel.ts';
import { createLog } from '../log.ts';
import { openDevice } from '../main.ts';
import { readSettings } from '../settings.ts';
import { readBootId } from '../store/boot.ts';
import { readPast } from '../store/journal.ts';

const CONTAINERS = ['first', 'second'] as const;

/** @throws what opening a device throws, or the fault with which a container failed */
export async function rehearse(): Promise<void> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'sv-')));
  const init = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    await boot(home, init.pid ?? 0);
  } finally {
    init.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
    rmSync(`/run/lxc/${home}`, { recursive: true, force: true });
  }
}

async function boot(home: string, init: number): Promise<void> {
  const stateFile = writeRevision(home);
  const runDir = join(home, 'run');
  const flags = quickRunFlags(['--json', '--storage', home, '--run-dir', runDir, stateFile]);
  if (flags === undefined) throw new Error('the command line is not understood');
  const settings = readSettings(flags, {});
  const parsed = readStateFile(stateFile, { activeSections: readDeviceFacts(settings) });
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = { out: nothing, err: nothing, environment: {} };
  nothing.write(problemLines(stateFile, parsed, painter(nothing, terminal)));
  if (!parsed.ok) throw new Error(parsed.problems.map(({ reason }) => reason).join('; '));
  const nobody = (): never => {
    throw new Error('the rehearsal looked at its own supervisor');
  };
  const voice = openVoice({ json: true, terminal, now: monotonicMs, view: nobody });
  let failed: (error: unknown) => void = () => undefined;
  let achieved: () => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    achieved = resolve;
    failed = reject;
  });
  const device = await openDevice({
    settings,
    given: { revision: parsed.revision, text: parsed.text },
    parse: () => parsed,
    // What there is to complain of here is no line for a log, which would have to be loaded.
    log: createLog('fatal', () => undefined),
    listen: (announcement) => {
      voice.tell(announcement);
      announcementLine(announcement, 0, (_, plain) => plain);
      if (announcement.type === 'failure') failed(new Error(announcement.fault.message));
      if (announcement.type === 'revision' && announcement.goal === 'ACHIEVED') achieved();
    },
    crashed: failed,
    rebooter: { reboot: failed, powerOff: failed },
    kernel: createNativeKernel(makeBelieveCalls(init)),
  });
  try {
    await device.begin();
    await done;
  } finally {
    voice.close();
    await device.close();
  }
  readPast(runDir, readBootId(), ({ message }) => failed(new Error(message)));
}

/** The pid of every `lxc-start`. */
const STARTER = 1_000_000_000;

/** Everything succeeds, every container gets the same process for its init and ourselves for its monitor, and nothing
 *  ends but `lxc-start`. */
function makeBelieveCalls(init: number): Sysx {
  const succeed = async () => undefined;
  return {
    mount: () => undefined,
    mountImage: succeed,
    detachLoop: () => undefined,
    unmount: succeed,
    watch: (pid, gone) => {
      if (pid === STARTER) setImmediate(gone);
      return {} as WatchHandle;
    },
    unwatch: () => undefined,
    signal: () => undefined,
    launch: async (argv) => {
      const after = (option: string) => argv[argv.indexOf(option) + 1] ?? '';
      writeFileSync(after('-p'), String(process.pid));
      writeFileSync(after('-o'), `${logLine(init)}\n`);
      writeFileSync(`/run/lxc/${after('-P')}/monitor-fifo`, eventOf(after('-n')));
      return STARTER;
    },
    reap: () => 0,
    setWatchdogTimeout: (_, seconds) => seconds,
  };
}

/** STARTING, as a monitor tells it. */
function eventOf(name: string): Buffer {
  const record = Buffer.alloc(264);
  record.write(name, 4);
  record[endianness() === 'LE' ? 260 : 263] = 1;
  return record;
}

/** The one of LXC's that tells the pid of init. */
function logLine(pid: number): string {
  return `lxc-start first 20260101000000.000 NOTICE   start - ../src/lxc/start.c:post_start:2205 - Started "/sbin/init" with pid "${pid}"`;
}

/** Two groups of one container each, with what containers usually have. */
function stateText(): string {
  const files = CONTAINERS.flatMap((name) => [
    [`${name}/root.squashfs`, idOf('root.squashfs')],
    [`${name}/lxc.container.conf`, idOf('lxc.container.conf')],
    [
      `${name}/run.json`,
      {
        '#spec': 'service-manifest-run@1',
        type: 'lxc',
        name,
        group: name,
        config: 'lxc.container.conf',
        'root-volume': 'root.squashfs',
        storage: { 'lxc-overlay': { persistence: 'boot' } },
      },
    ],
  ]);
  const groups = CONTAINERS.map((name) => ({
    name,
    status_goal: 'STARTED',
    restart_policy: 'container',
    timeout: 60,
  }));
  return JSON.stringify({
    '#spec': 'pantavisor-service-system@1',
    'device.json': { groups },
    ...Object.fromEntries(files),
  });
}

const LXC_CONFIG = `lxc.rootfs.path = overlayfs:/volumes/first/root.squashfs:/volumes/first/lxc-overlay/upper
lxc.init.cmd = /sbin/init
lxc.mount.auto = proc:mixed
`;

/** Gives the path of its state JSON. */
function writeRevision(home: string): string {
  const stateFile = join(home, 'state.json');
  const object = join(home, 'objects', idOf('root.squashfs'));
  mkdirSync(dirname(object));
  mkdirSync(join(home, 'run/volumes/first'), { recursive: true });
  writeFileSync(object, 'nothing mounts it');
  writeFileSync(join(home, 'objects', idOf('lxc.container.conf')), LXC_CONFIG);
  writeFileSync(stateFile, stateText());
  return stateFile;
}

/** Looks like a SHA-256. */
function idOf(file: string): string {
  return Buffer.from(file).toString('hex').padEnd(64, '0').slice(0, 64);
}
