/** A boot of a small revision, with everything but the kernel and LXC: what it calls is compiled when the start-up
 *  snapshot is taken. Needs the rights that `statevisor run` needs; nothing of it stays on the machine. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseState } from '../../machines/domain/state-json.ts';
import { announcementLine } from '../cli/lines.ts';
import { openVoice } from '../cli/voice.ts';
import { monotonicMs } from '../clock.ts';
import { readDeviceFacts } from '../host/device-facts.ts';
import type { Kernel } from '../host/kernel.ts';
import { createLog } from '../log.ts';
import { openDevice } from '../main.ts';
import { readSettings } from '../settings.ts';

const CONTAINERS = ['first', 'second'] as const;

/** @throws what opening a device throws, or the fault with which a container failed */
export async function rehearse(): Promise<void> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'sv-')));
  const monitor = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    await boot(home, monitor.pid ?? 0);
  } finally {
    monitor.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
    rmSync(`/run/lxc/${home}`, { recursive: true, force: true });
  }
}

async function boot(home: string, monitor: number): Promise<void> {
  const stateFile = writeRevision(home);
  const text = stateText();
  const settings = readSettings(
    { state: stateFile, storage: home, runDir: join(home, 'run'), json: true },
    {},
  );
  const parsed = parseState(text, { activeSections: readDeviceFacts(settings) });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ reason }) => reason).join('; '));
  const nothing = { write: () => undefined };
  const terminal = { out: nothing, err: nothing, environment: {} };
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
    revision: parsed.revision,
    text,
    log: createLog('warn', () => undefined),
    listen: (announcement) => {
      voice.tell(announcement);
      announcementLine(announcement, 0, (_, plain) => plain);
      if (announcement.type === 'failure') failed(new Error(announcement.fault.message));
      if (announcement.type === 'revision' && announcement.goal === 'ACHIEVED') achieved();
    },
    crashed: failed,
    rebooter: { reboot: failed, powerOff: failed },
    kernel: makeBelieveKernel(monitor),
  });
  try {
    device.supervisor.start();
    await done;
  } finally {
    voice.close();
    await device.close();
  }
}

/** Everything succeeds, and every container gets the same process for its monitor. That one is never asked to end. */
function makeBelieveKernel(monitor: number): Kernel {
  const succeed = async () => undefined;
  return {
    name: 'native',
    mount: succeed,
    mountImage: succeed,
    bind: succeed,
    bindTree: succeed,
    unmount: succeed,
    detachLoop: succeed,
    watchProcess: () => ({ close: () => undefined }),
    signalProcess: () => true,
    run: async (argv) => {
      const fileAfter = (option: string) => argv[argv.indexOf(option) + 1] ?? '';
      writeFileSync(fileAfter('-p'), String(monitor));
      writeFileSync(fileAfter('-o'), `${logLine(monitor)}\n`);
      return { kind: 'code', code: 0 };
    },
  };
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
    'device.json': { groups, volumes: {} },
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
  writeFileSync(object, 'nothing mounts it');
  writeFileSync(join(home, 'objects', idOf('lxc.container.conf')), LXC_CONFIG);
  writeFileSync(stateFile, stateText());
  return stateFile;
}

/** Looks like a SHA-256. */
function idOf(file: string): string {
  return Buffer.from(file).toString('hex').padEnd(64, '0').slice(0, 64);
}
