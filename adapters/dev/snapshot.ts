/** Takes the start-up snapshot of `statevisor run`, which saves a third of what the supervisor computes before the first
 *  container starts. A snapshot fits one file of Node and one kind of processor; what it was made with is written
 *  beside it, for the launcher to compare. Without one the command works as well, and starts more slowly. */

import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type SnapshotBuild =
  /** `said`: what the script had to say meanwhile, mostly nothing. */
  { readonly built: string; readonly said: string } | { readonly skipped: string };

/** V8 takes a snapshot only with the flags it was made with: those of `adapters/cli/statevisor`. */
const RUN_FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc'] as const;

/** @param directory the build directory, which has the bundle
 *  @param script `run-snapshot.ts` as one file */
export function buildSnapshot(directory: string, script: string): SnapshotBuild {
  const blob = join(directory, 'run.blob');
  const marks = join(directory, 'run.blob.for');
  rmSync(marks, { force: true });
  const fresh = `${blob}.${process.pid}`;
  const environment = { PATH: process.env['PATH'] ?? '' };
  try {
    const made = node(['--snapshot-blob', fresh, '--build-snapshot', script], environment);
    if (made.failed) return { skipped: made.said };
    const bundle = join(directory, 'statevisor.cjs');
    const works = node(['--snapshot-blob', fresh, bundle, '--version'], environment);
    if (works.failed) return { skipped: works.said };
    renameSync(fresh, blob);
    // Last: the launcher takes the snapshot once this file is there.
    const lines = [fileMark(process.execPath), fileMark(blob), processorMark()];
    writeFileSync(`${marks}.new`, `${lines.join('\n')}\n`);
    renameSync(`${marks}.new`, marks);
    return { built: blob, said: made.said };
  } finally {
    rmSync(fresh, { force: true });
  }
}

function node(args: readonly string[], env: NodeJS.ProcessEnv): { failed: boolean; said: string } {
  const { status, signal, stderr, error } = spawnSync(process.execPath, [...RUN_FLAGS, ...args], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (error !== undefined) return { failed: true, said: error.message };
  const said = stderr.trim().split('\n').slice(-3).join(' ');
  return status === 0
    ? { failed: false, said }
    : { failed: true, said: `node ended with ${signal ?? status}: ${said}` };
}

/** As `stat -L -c %s:%Y` prints it: of another version, or of one that was written in part, it is another. Numbers of
 *  devices and inodes would change with every boot from some file systems. */
function fileMark(file: string): string {
  const { size, mtimeNs } = statSync(file, { bigint: true });
  return `${size}:${mtimeNs / 1_000_000_000n}`;
}

/** The line of /proc/cpuinfo that names what the processor can. */
function processorMark(): string {
  const lines = readFileSync('/proc/cpuinfo', 'utf8').split('\n');
  return lines.find((line) => /^(flags|Features)/.test(line)) ?? '';
}
