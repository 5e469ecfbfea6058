/** Executables that a device runs at certain points of its life (logs and metadata §8, lifecycle §17). When these points
 *  are, and what a failure means, is the caller's; here one point is carried out. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { HookFacts, HookPoint, Hooks } from '../../actors/update-ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { errnoOf, fileError } from '../store/files.ts';

export interface HooksOptions {
  /** `PV_SYSTEM_LIBDIR`; hooks lie in its `pv/hooks/system.d`. */
  readonly libDir: string;
  readonly storage: string;
  /** PATH of our own environment. */
  readonly path: string | undefined;
  /** Told of each line of a hook, at most 4096 bytes of it: `<file>` for its output at level info, `<file>_err` for what
   *  it complains of at level warn. */
  readonly say: (source: string, level: 'info' | 'warn', line: string) => void;
  /** 60 s, unless a test cannot wait. */
  readonly limitMs?: number;
}

const LIMIT_MS = 60_000;
const MAX_LINE_BYTES = 4096;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const OWNER_EXECUTE = 0o100;

/** No directory, or an empty one, is success. A hook has ended when its own process has; what that leaves running in the
 *  background stays, and may go on talking. */
export function createHooks(options: HooksOptions): Hooks {
  const directory = join(options.libDir, 'pv/hooks/system.d');
  return {
    run: async (point, facts) => {
      const environment = hookEnvironment(point, facts, options);
      for (const file of hooksIn(directory)) await runHook(directory, file, environment, options);
    },
  };
}

/** `system-boot-done` comes after a trial that followed a reboot, and says so (L-29), though its `pv_try` is no more. */
export function hookEnvironment(
  point: HookPoint,
  { revision, trying, tryBoot, status }: HookFacts,
  { storage, path }: Pick<HooksOptions, 'storage' | 'path'>,
): Readonly<Record<string, string>> {
  const isAfter = point === 'system-boot-done' || point === 'system-done';
  return {
    PATH: path ?? PATH,
    PV_OP: point,
    PV_REV: revision,
    PV_TRY: isAfter ? '' : (trying ?? ''),
    PV_TRYBOOT: String(tryBoot || point === 'system-boot-done'),
    PV_OBJ_STORAGE: `${storage}/objects/`,
    PV_TRAILS_STORAGE: `${storage}/trails/${revision}`,
    PV_STATUS: status ?? '',
  };
}

/** Regular files that their owner may execute, links followed, in the order of their names. */
function hooksIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .sort()
      .filter((name) => {
        // A link to nowhere is no file.
        const found = statSync(join(directory, name), { throwIfNoEntry: false });
        return found?.isFile() === true && (found.mode & OWNER_EXECUTE) !== 0;
      });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError('START_FAILED', `reading the hooks in ${directory}`, directory, error);
  }
}

async function runHook(
  directory: string,
  file: string,
  environment: Readonly<Record<string, string>>,
  { say, limitMs = LIMIT_MS }: HooksOptions,
): Promise<void> {
  // A group of its own, so that a hook that hangs is killed with its children.
  const child = spawn(join(directory, file), [], {
    cwd: '/',
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  tellLines(child.stdout as Socket, (line) => say(file, 'info', line));
  tellLines(child.stderr as Socket, (line) => say(`${file}_err`, 'warn', line));
  const why = await endOf(child, limitMs);
  // What it said last may still lie in its pipes: the next turn of the event loop reads them empty. They need not be
  // closed, as somebody else may hold them.
  await turn();
  await turn();
  for (const stream of [child.stdout, child.stderr]) (stream as Socket).unref();
  if (why === undefined) return;
  const op = environment['PV_OP'];
  throw new SupervisorError('START_FAILED', `hook ${file} for ${op} ${why}`, {
    subject: join(directory, file),
    fix: `See its own messages, of sources ${file} and ${file}_err`,
  });
}

/** Why it counts as failed; undefined when it does not. */
function endOf(child: ChildProcess, limitMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, limitMs);
    const end = (why: string | undefined) => {
      clearTimeout(limit);
      resolve(why);
    };
    child.once('error', (error) => end(`could not be started: ${errnoOf(error) ?? error.message}`));
    child.once('exit', (code, signal) => {
      if (late) end(`was killed: it took longer than ${limitMs / 1000} s`);
      else if (signal !== null) end(`was killed by ${signal}`);
      else end(code === 0 ? undefined : `exited with status ${code}`);
    });
  });
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** Line by line; of a long one only the beginning is told. */
function tellLines(stream: Socket, tell: (line: string) => void): void {
  let rest = '';
  const say = (line: string) => {
    if (line !== '') tell(Buffer.from(line.slice(0, MAX_LINE_BYTES), 'latin1').toString('utf8'));
  };
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE_BYTES);
    for (const line of lines) say(line);
  });
  stream.on('end', () => say(rest));
}
