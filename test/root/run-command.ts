/** The built command in a process of its own, and what it leaves on the machine. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { readLoopDevices } from '../../adapters/host/loop-devices.ts';
import { findContainers } from '../../adapters/host/lxc-survivors.ts';
import { mountsBelow, readMountTable } from '../../adapters/host/mount-table.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import { ROOT } from '../support/sources.ts';

type Change = Extract<Announcement, { type: 'container' }>;

/** One `statevisor run --json`. */
export interface Run {
  readonly pid: number;
  /** Everything announced so far. */
  readonly told: readonly Announcement[];
  /** Waits for an announcement that fits, past ones included. Fails when the command ends before. */
  heard(fits: (announcement: Announcement) => boolean): Promise<Announcement>;
  signal(name: NodeJS.Signals): void;
  /** Exit code and what was said on stderr. */
  readonly ended: Promise<{ readonly code: number | null; readonly err: string }>;
}

export interface Scene {
  readonly storage: string;
  readonly runDir: string;
  /** `what`: a state JSON, or options in its place. `environment`: over that of this process. */
  run(what: string, environment?: Readonly<Record<string, string>>): Run;
  /** Mounts, loop devices, containers and control groups that belong to this scene. */
  traces(): Traces;
}

export interface Traces {
  readonly mounts: readonly string[];
  readonly loops: readonly string[];
  readonly containers: readonly string[];
}

export const NO_TRACES: Traces = { mounts: [], loops: [], containers: [] };

/** Call inside `describe`: a storage and a run directory for each test, or for all of them; runs that still go on are
 *  ended after it. */
export function useScene(lasts: 'test' | 'suite' = 'test'): () => Scene {
  const runs: ChildProcess[] = [];
  const directories: string[] = [];
  before(function () {
    this.timeout(60_000);
    // What is tested is what is installed: one file, made from the sources as they are.
    execFileSync(process.execPath, ['--import', 'tsx', join(ROOT, 'adapters/dev/build.ts')], { cwd: ROOT });
  });
  (lasts === 'test' ? afterEach : after)(async () => {
    for (const child of runs.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      child.kill('SIGTERM');
      await gone;
    }
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
  });
  return () => {
    const root = mkdtempSync(join(tmpdir(), 'sv-'));
    directories.push(root);
    const runDir = join(root, 'run');
    return {
      storage: root,
      runDir,
      run: (what, environment = {}) => {
        const child = start(root, runDir, what, environment);
        runs.push(child);
        return follow(child);
      },
      traces: () => ({
        mounts: mountsBelow(readMountTable(), root).map(({ target }) => target),
        loops: readLoopDevices().flatMap(({ file }) => (file.startsWith(`${root}/`) ? [file] : [])),
        containers: [...findContainers(join(runDir, 'lxc'), pidFileIn(runDir)).keys()],
      }),
    };
  };
}

const pidFileIn = (runDir: string) => (name: string) => join(runDir, 'lxc', name, 'monitor.pid');

function start(
  storage: string,
  runDir: string,
  what: string,
  environment: Readonly<Record<string, string>>,
): ChildProcess {
  const command = join(ROOT, 'adapters/cli/statevisor');
  const words = ['run', '--json', '--storage', storage, '--run-dir', runDir, what];
  return spawn(command, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
}

function follow(child: ChildProcess): Run {
  const { stdout, stderr, pid = 0 } = child;
  if (stdout === null || stderr === null) throw new Error('the command has no pipes');
  const told: Announcement[] = [];
  const waiting = new Set<() => void>();
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const ended = Promise.all([exited, text(stderr)]).then(([[code], err]) => ({ code, err }));
  createInterface(stdout).on('line', (line) => {
    told.push(JSON.parse(line) as Announcement);
    for (const look of waiting) look();
  });
  const heard = (fits: (announcement: Announcement) => boolean): Promise<Announcement> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = told.find(fits);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      void ended.then(({ code, err }) => reject(new Error(`the command ended with ${code}: ${err}`)));
      look();
    });
  return { pid, told, heard, ended, signal: (name) => void child.kill(name) };
}

export function isChange(announcement: Announcement): announcement is Change {
  return announcement.type === 'container';
}

/** The last pid that each container had. */
export function pidsOf(told: readonly Announcement[]): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(told.filter(isChange).map(({ record }) => [record.name, record.pid]));
}

export const revisionIs =
  (status: string) =>
  (announcement: Announcement): boolean =>
    announcement.type === 'revision' && announcement.status === status;

export function claimsIn(runDir: string): readonly string[] {
  const directory = join(runDir, 'lock');
  return existsSync(directory) ? readdirSync(directory) : [];
}
