/** Helper processes on a device: found, started, signalled, and found again by the next supervisor.
 *
 *  They outlive a supervisor that dies, as containers do: killing them would cut what they carry for containers
 *  that go on. So that there is never a second copy, each process writes down itself, before it becomes the daemon:
 *  boot, pid and start time, which name a process for good. What it says goes into a FIFO that it holds open itself:
 *  it neither dies of a broken pipe while nobody reads, nor fills the run directory. */

import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { DaemonProcess, DaemonSpawner, TellDaemon } from '../../actors/ports.ts';
import { DAEMONS } from '../../machines/domain/daemon.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { processStart } from '../store/boot.ts';
import { makeFifo, openFifo } from './fifo.ts';
import type { Kernel } from './kernel.ts';
import { errnoOf } from './kernel-error.ts';

export interface DaemonSpawnerOptions {
  readonly kernel: Pick<Kernel, 'watchProcess' | 'signalProcess'>;
  readonly runDir: string;
  readonly bootId: string;
  /** Searched in this order. */
  readonly directories: readonly string[];
  /** Told of each line that a daemon writes, at most 4096 bytes of it, and of how its process ended. */
  readonly say: (daemon: string, line: string) => void;
}

export interface OpenDaemonSpawner extends DaemonSpawner {
  /** Listens to no daemon any more. */
  close(): void;
}

/** Of the shell: $1 record, $2 boot id, then the command. /proc/$$/stat is that of the daemon to come: same pid, same
 *  start time. Without a record there is no daemon. */
const SCRIPT = `
read -r stat < /proc/$$/stat && printf '%s\\n%s\\n' "$2" "$stat" > "$1.new" && mv "$1.new" "$1" || exit 1
shift 2
exec "$@"`;

const MAX_LINE_BYTES = 4096;

export function createDaemonSpawner(options: DaemonSpawnerOptions): OpenDaemonSpawner {
  const { kernel, runDir, bootId, directories, say } = options;
  const place = join(runDir, 'daemons');
  const listening = new Map<string, Socket>();

  const listen = (name: string): string => {
    const fifo = join(place, `${name}.out`);
    if (listening.has(name)) return fifo;
    mkdirSync(place, { recursive: true, mode: 0o700 });
    makeFifo(fifo, '0600', 'START_FAILED');
    const socket = new Socket({ fd: openFifo(fifo), readable: true, writable: false });
    socket.on(
      'data',
      inLines((line) => say(name, line)),
    );
    listening.set(name, socket.unref());
    return fifo;
  };

  const adopt = (name: string, pid: number, tell: TellDaemon): DaemonProcess => {
    listen(name);
    const life = { over: false };
    const introduction = setImmediate(() => tell({ type: 'daemon.started', pid }));
    const watch = kernel.watchProcess(pid, () => {
      life.over = true;
      clearImmediate(introduction);
      say(name, 'ended');
      tell({ type: 'daemon.exited' });
    });
    return {
      terminate: () => {
        if (!life.over) kernel.signalProcess(pid, 'SIGTERM');
      },
      kill: () => {
        if (!life.over) killGroup(pid);
      },
      detach: () => {
        clearImmediate(introduction);
        watch.close();
      },
    };
  };

  const start = (name: string, command: readonly string[], tell: TellDaemon): DaemonProcess => {
    const fifo = listen(name);
    // A description of its own, which blocks: flags are shared with whoever has the same one.
    const out = openSync(fifo, constants.O_RDWR);
    const argv = ['-c', SCRIPT, 'sh', join(place, name), bootId, ...command];
    const child = spawn('/bin/sh', argv, { cwd: '/', detached: true, stdio: ['ignore', out, out] });
    closeSync(out);
    child.unref();
    const life: { tell: TellDaemon | undefined } = { tell };
    child.once('spawn', () => life.tell?.({ type: 'daemon.started', pid: child.pid ?? 0 }));
    child.once('error', (cause) =>
      life.tell?.({ type: 'daemon.exited', fault: notStarted(name, cause).fault }),
    );
    child.once('exit', (code, signal) => {
      if (life.tell === undefined) return;
      say(name, signal === null ? `exited with status ${code}` : `was killed by ${signal}`);
      life.tell({ type: 'daemon.exited' });
    });
    return {
      terminate: () => {
        child.kill('SIGTERM');
      },
      kill: () => {
        const { pid, exitCode, signalCode } = child;
        if (pid !== undefined && exitCode === null && signalCode === null) killGroup(pid);
      },
      detach: () => {
        life.tell = undefined;
      },
    };
  };

  return {
    spawn: (name, tell) => {
      try {
        const pid = livingCopy(join(place, name), bootId);
        if (pid !== undefined) return adopt(name, pid, tell);
        const [program = name, ...args] = DAEMONS.find((daemon) => daemon.name === name)?.command ?? [];
        const executable = directories.map((directory) => join(directory, program)).find(isExecutable);
        if (executable === undefined) return later(() => tell({ type: 'daemon.missing' }));
        return start(name, [executable, ...args], tell);
      } catch (error) {
        const fault = error instanceof SupervisorError ? error.fault : notStarted(name, error).fault;
        return later(() => tell({ type: 'daemon.exited', fault }));
      }
    },
    close: () => {
      for (const socket of listening.values()) socket.destroy();
      listening.clear();
    },
  };
}

/** Where daemons are looked for. @param libDir `PV_SYSTEM_LIBDIR` @param path the environment's PATH */
export function daemonDirectories(libDir: string, path: string): readonly string[] {
  return [join(libDir, 'pv'), ...path.split(':'), '/usr/bin', '/bin', '/usr/sbin', '/sbin'].filter(
    (directory) => directory.startsWith('/'),
  );
}

/** The pid of what this record tells of, if that still runs. */
function livingCopy(record: string, bootId: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(record, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [boot, stat = ''] = text.split('\n');
  const pid = Number.parseInt(stat, 10);
  const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const lives = boot === bootId && pid > 1 && startedAt !== undefined && processStart(pid) === startedAt;
  return lives ? pid : undefined;
}

/** A process of which nothing is left but what it has to tell. */
function later(tell: () => void): DaemonProcess {
  const told = setImmediate(tell);
  const nothing = () => undefined;
  return { terminate: nothing, kill: nothing, detach: () => clearImmediate(told) };
}

/** Each was made the leader of a group of its own. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** Cuts bytes into lines; of a long one only the beginning is told. */
function inLines(tell: (line: string) => void): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE_BYTES);
    for (const line of lines) {
      if (line !== '') tell(Buffer.from(line.slice(0, MAX_LINE_BYTES), 'latin1').toString('utf8'));
    }
  };
}

function notStarted(name: string, cause: unknown): SupervisorError {
  const errno = errnoOf(cause);
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SupervisorError('START_FAILED', `starting daemon ${name} failed: ${why}`, {
    subject: name,
    cause,
    ...(errno === undefined ? {} : { errno }),
    fix: 'It is tried again in 5 s; stop it over the control socket to end that',
  });
}
