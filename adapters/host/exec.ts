/** The one place that runs a short command and collects what it says. Long-lived processes are not for here. */

import { spawn } from 'node:child_process';
import { errnoOf } from './kernel-error.ts';

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Added to our own environment. `LC_ALL=C` is always set: we read messages. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Per stream; what exceeds it is read and dropped. */
  readonly maxOutputBytes?: number;
}

export interface Finished {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_OUTPUT_BYTES = 64 * 1024;

/** Any exit is an answer, not an error. Rejects with the spawn error (`code` ENOENT: no such program), or with the
 *  reason of the abort or time-out after the command and all its children have been killed and it is gone. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { timeoutMs, cwd, env, maxOutputBytes = DEFAULT_OUTPUT_BYTES } = options;
  const signals = [options.signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)];
  const cancel = AbortSignal.any(signals.filter((signal) => signal !== undefined));
  return new Promise((resolve, reject) => {
    cancel.throwIfAborted();
    // A group of its own, so that a cancelled script takes its children with it.
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const stdout = collect(child.stdout, maxOutputBytes);
    const stderr = collect(child.stderr, maxOutputBytes);
    // Until `close`, even after the exit: children left behind hold our pipes open.
    const kill = () => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    cancel.addEventListener('abort', kill, { once: true });
    child.on('error', (error) => {
      cancel.removeEventListener('abort', kill);
      reject(error);
    });
    child.on('close', (code, signal) => {
      cancel.removeEventListener('abort', kill);
      if (cancel.aborted) return reject(cancel.reason);
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout: stdout(), stderr: stderr() });
    });
  });
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** Keeps the first `limit` bytes; the rest must still be read, or the command would wait for ever. */
function collect(stream: NodeJS.ReadableStream, limit: number): () => string {
  const chunks: Buffer[] = [];
  let kept = 0;
  stream.on('data', (chunk: Buffer) => {
    if (kept >= limit) return;
    const part = chunk.subarray(0, limit - kept);
    chunks.push(part);
    kept += part.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
