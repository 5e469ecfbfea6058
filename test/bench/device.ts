/** Measurements on real LXC, squashfs and overlay mounts. Needs root and what `npm run setup` installs. */

import { join } from 'node:path';
import { buildDeviceRevision, type DeviceRevision } from '../support/device-revision.ts';
import { type Baseline, SCRIPTED, writeBaseline } from './baseline.ts';
import { isEntry, openInside } from './inside.ts';
import { cpuMs, MeasuredSupervisor, median, residentKb, timeCommand } from './processes.ts';

export interface Bench {
  readonly launcher: string;
  readonly directory: string;
}

/** `count` containers in each of `groups` groups. */
function grid(groups: number, count: number, run: Readonly<Record<string, unknown>> = {}): DeviceRevision {
  const names = Array.from({ length: groups }, (_, i) => `g${i}`);
  return {
    groups: names.map((name) => ({ name, status_goal: 'STARTED', restart_policy: 'container', timeout: 60 })),
    containers: names.flatMap((group) =>
      Array.from({ length: count }, (_, i) => ({ name: `${group}-${i}`, group, run })),
    ),
  };
}

function supervise({ launcher, directory }: Bench, name: string): MeasuredSupervisor {
  const home = join(directory, name);
  const state = join(home, 'state.json');
  const args = ['run', '--json', '--storage', home, '--run-dir', join(home, 'run'), state];
  return new MeasuredSupervisor(launcher, args);
}

function build({ directory }: Bench, name: string, revision: DeviceRevision): DeviceRevision {
  buildDeviceRevision(join(directory, name), revision);
  return revision;
}

/** Runs the revision once, so that everything is warm, and writes the script that does the same. */
async function baseline(
  bench: Bench,
  name: string,
  { groups, containers }: DeviceRevision,
): Promise<Baseline> {
  const supervisor = supervise(bench, name);
  await supervisor.ready();
  await supervisor.stop();
  const members = groups.map((group) =>
    containers.filter((container) => container.group === group.name).map((container) => container.name),
  );
  const { directory } = bench;
  return writeBaseline(join(directory, `${name}-script`), join(directory, name), members);
}

export interface Boot {
  readonly supervisorMs: number;
  readonly scriptMs: number;
  /** The medians of the pairwise ratios supervisor / script. */
  readonly ratio: number;
}

/** From process start to all STARTED, in turn with the script, warm. */
export async function measureBoot(
  bench: Bench,
  groups: number,
  count: number,
  rounds: number,
): Promise<Boot> {
  const name = `boot-${groups}x${count}`;
  const script = await baseline(bench, name, build(bench, name, grid(groups, count)));
  const pairs: { supervisor: number; script: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const supervisor = supervise(bench, name);
    const { ms } = await supervisor.ready();
    await supervisor.stop();
    const scripted = await timeCommand('sh', [script.start]);
    await timeCommand('sh', [script.stop]);
    if (round > 0) pairs.push({ supervisor: ms, script: scripted });
  }
  return {
    supervisorMs: median(pairs.map((pair) => pair.supervisor)),
    scriptMs: median(pairs.map((pair) => pair.script)),
    ratio: median(pairs.map((pair) => pair.supervisor / pair.script)),
  };
}

/** Last goal of a group reached → the first mount of the next group made by the kernel, ms, median over the gates. */
export async function measureGate(bench: Bench, groups: number): Promise<number> {
  const name = `gate-${groups}`;
  build(bench, name, grid(groups, 1));
  const inside = await openInside(join(bench.directory, name));
  await inside.until((one) => one.type === 'revision' && one.goal === 'ACHIEVED');
  await inside.stop();
  const delays: number[] = [];
  for (let i = 1; i < groups; i += 1) {
    const reached = inside.told.find((one) => isEntry(one, `g${i - 1}-0`, 'STARTED'));
    const mount = [...inside.mountedAt].find(([target]) => target.includes(`/g${i}-0/`));
    delays.push((mount?.[1] ?? Number.NaN) - (reached?.at ?? Number.NaN));
  }
  return median(delays);
}

/** The kernel reports the end of init → restart requested, ms, median; retry_delay 0. */
export async function measureRestartRequest(bench: Bench, rounds: number): Promise<number> {
  const name = 'restart-0';
  build(bench, name, grid(1, 1, { auto_recovery: { policy: 'always', retry_delay: 0 } }));
  const inside = await openInside(join(bench.directory, name));
  const delays: number[] = [];
  let seen = 0;
  for (let round = 0; round < rounds; round += 1) {
    const started = await inside.until((one) => isEntry(one, 'g0-0', 'STARTED'), seen);
    seen = inside.told.length;
    const pid = started.type === 'container' ? (started.record.pid ?? 0) : 0;
    if (pid <= 1) throw new Error('no pid of init');
    const exited = inside.exitOf(pid);
    process.kill(pid, 'SIGKILL');
    const requested = await inside.until((one) => isEntry(one, 'g0-0', 'STARTING'), seen);
    delays.push(requested.at - (await exited));
  }
  await inside.until((one) => isEntry(one, 'g0-0', 'STARTED'), seen);
  await inside.stop();
  return median(delays);
}

export interface DelayedRestart {
  /** RECOVERING with retry_delay 1 s → STARTED again. */
  readonly restartMs: number;
  /** One `lxc-start -d` of the same container, its volumes just mounted, a second after it was stopped. */
  readonly bareMs: number;
  /** The median of the pairwise ratios (restart - 1 s) / bare. */
  readonly ratio: number;
}

/** Restarts after a second's delay, in turn with bare starts after a second's delay: control groups that have just been
 *  changed can be changed again at once, after a while the kernel takes twice as long. Times are the supervisor's own: monotonic, like ours. */
export async function measureDelayedRestart(bench: Bench, rounds: number): Promise<DelayedRestart> {
  const name = 'restart-1';
  const revision = grid(1, 1, { auto_recovery: { policy: 'always', retry_delay: 1 } });
  const script = await baseline(bench, name, build(bench, name, revision));
  const directory = join(bench.directory, `${name}-script`);
  await timeCommand('sh', [script.start]);
  const supervisor = supervise(bench, name);
  await supervisor.ready();
  const pairs: { restart: number; bare: number }[] = [];
  let seen = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const { announcement } = await supervisor.until((one) => isEntry(one, 'g0-0', 'STARTED'), seen);
    seen = supervisor.told.length;
    const pid = announcement.type === 'container' ? (announcement.record.pid ?? 0) : 0;
    if (pid <= 1) throw new Error('no pid of init');
    process.kill(pid, 'SIGKILL');
    const recovering = await supervisor.until((one) => isEntry(one, 'g0-0', 'RECOVERING'), seen);
    const again = await supervisor.until((one) => isEntry(one, 'g0-0', 'STARTED'), seen);
    await timeCommand('lxc-stop', ['-k', '-P', `${directory}/lxc`, '-n', `${SCRIPTED}g0-0`]);
    await timeCommand('sh', [script.remount]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const args = ['-P', `${directory}/lxc`, '-n', `${SCRIPTED}g0-0`, '-f', `${directory}/g0-0.conf`, '-d'];
    const bare = await timeCommand('lxc-start', [...args, '-o', `${directory}/g0-0.log`, '-l', 'INFO']);
    if (round > 0) pairs.push({ restart: again.announcement.at - recovering.announcement.at, bare });
  }
  await supervisor.stop();
  await timeCommand('sh', [script.stop]);
  return {
    restartMs: median(pairs.map((pair) => pair.restart)),
    bareMs: median(pairs.map((pair) => pair.bare)),
    ratio: median(pairs.map((pair) => (pair.restart - 1_000) / pair.bare)),
  };
}

export interface Footprint {
  readonly residentKb: number;
  readonly cpuMs: number;
}

/** V8 collects once more some seconds after a boot, the later the larger the boot was. */
const SETTLE_MS = 15_000;

/** CPU time used while idle for `idleMs`, and the memory that is resident after it. */
export async function measureFootprint(bench: Bench, count: number, idleMs: number): Promise<Footprint> {
  const name = `idle-${count}`;
  build(bench, name, grid(Math.ceil(count / 16), 16));
  const supervisor = supervise(bench, name);
  await supervisor.ready();
  const pid = supervisor.child.pid ?? 0;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = cpuMs(pid);
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const footprint = { cpuMs: cpuMs(pid) - before, residentKb: residentKb(pid) };
  await supervisor.stop();
  return footprint;
}
