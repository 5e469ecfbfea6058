/** Measurements on real LXC, squashfs and overlay mounts. Needs root and what `npm run setup` installs. */

import { join } from 'node:path';
import type { Announcement } from '../../machines/domain/report.ts';
import type { Status } from '../../machines/domain/status.ts';
import { buildDeviceRevision, type DeviceRevision } from '../support/device-revision.ts';
import { type Baseline, writeBaseline } from './baseline.ts';
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
  const argv = [launcher, 'run', '--json', '--storage', home, '--run-dir', join(home, 'run'), state];
  return new MeasuredSupervisor(argv);
}

function build({ directory }: Bench, name: string, revision: DeviceRevision): DeviceRevision {
  buildDeviceRevision(join(directory, name), revision);
  return revision;
}

function baseline({ directory }: Bench, name: string, { groups, containers }: DeviceRevision): Baseline {
  const image = join(directory, name, 'root-0.squashfs');
  const members = groups.map((group) =>
    containers.filter((container) => container.group === group.name).map((container) => container.name),
  );
  return writeBaseline(join(directory, `${name}-script`), image, members);
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
  const script = baseline(bench, name, build(bench, name, grid(groups, count)));
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

/** Last goal of a group reached → first container of the next group MOUNTED: the gate, and a whole mount plan. */
export async function measureGate(bench: Bench, groups: number): Promise<number> {
  const name = `gate-${groups}`;
  build(bench, name, grid(groups, 1));
  const supervisor = supervise(bench, name);
  await supervisor.ready();
  await supervisor.stop();
  const delays: number[] = [];
  for (let i = 1; i < groups; i += 1) {
    const reached = entryAt(supervisor, `g${i - 1}-0`, 'STARTED');
    const mounted = entryAt(supervisor, `g${i}-0`, 'MOUNTED');
    delays.push(mounted - reached);
  }
  return median(delays);
}

function entryAt(supervisor: MeasuredSupervisor, container: string, status: Status): number {
  const found = supervisor.told.find(({ announcement }) => isEntry(announcement, container, status));
  return found?.announcement.at ?? Number.NaN;
}

function isEntry(one: Announcement, container: string, status: Status): boolean {
  return one.type === 'container' && one.record.name === container && one.record.status === status;
}

export interface Restart {
  /** Kill of init → restart requested. */
  readonly requestedMs: number;
  /** Kill of init → STARTED again. */
  readonly startedMs: number;
}

/** Kills init of the one container `rounds` times. Times are the supervisor's own: monotonic, like ours. */
export async function measureRestart(bench: Bench, retryDelayS: number, rounds: number): Promise<Restart> {
  const name = `restart-${retryDelayS}`;
  build(bench, name, grid(1, 1, { auto_recovery: { policy: 'always', retry_delay: retryDelayS } }));
  const supervisor = supervise(bench, name);
  await supervisor.ready();
  const requested: number[] = [];
  const started: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const seen = supervisor.told.length;
    const last = supervisor.told.findLast(({ announcement }) => isEntry(announcement, 'g0-0', 'STARTED'));
    const pid = last?.announcement.type === 'container' ? last.announcement.record.pid : undefined;
    if (pid === undefined || pid <= 1) throw new Error('no pid of init');
    const killedAt = Number(process.hrtime.bigint()) / 1e6;
    process.kill(pid, 'SIGKILL');
    requested.push(
      (await supervisor.until((one) => isEntry(one, 'g0-0', 'STARTING'), seen)).announcement.at - killedAt,
    );
    started.push(
      (await supervisor.until((one) => isEntry(one, 'g0-0', 'STARTED'), seen)).announcement.at - killedAt,
    );
  }
  await supervisor.stop();
  return { requestedMs: median(requested), startedMs: median(started) };
}

/** One `lxc-start -d` of the same container with everything mounted, in ms. */
export async function measureBareStart(bench: Bench, rounds: number): Promise<number> {
  const script = baseline(bench, 'bare', build(bench, 'bare', grid(1, 1)));
  const directory = join(bench.directory, 'bare-script');
  await timeCommand('sh', [script.start]);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await timeCommand('lxc-stop', ['-k', '-P', `${directory}/lxc`, '-n', 'g0-0']);
    const args = ['-P', `${directory}/lxc`, '-n', 'g0-0', '-f', `${directory}/g0-0.conf`, '-d'];
    times.push(await timeCommand('lxc-start', [...args, '-o', `${directory}/g0-0.log`, '-l', 'INFO']));
  }
  await timeCommand('sh', [script.stop]);
  return median(times);
}

export interface Footprint {
  readonly residentKb: number;
  readonly cpuMs: number;
}

/** Resident memory once READY and, `idleMs` later, the CPU time used since. */
export async function measureFootprint(bench: Bench, count: number, idleMs: number): Promise<Footprint> {
  const name = `idle-${count}`;
  build(bench, name, grid(Math.ceil(count / 16), 16));
  const supervisor = supervise(bench, name);
  await supervisor.ready();
  const pid = supervisor.child.pid ?? 0;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = cpuMs(pid);
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const footprint = { residentKb: residentKb(pid), cpuMs: cpuMs(pid) - before };
  await supervisor.stop();
  return footprint;
}
