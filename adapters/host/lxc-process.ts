/** The life of one container's process, from `lxc-start` (or from finding what an earlier supervisor started) to the
 *  moment when nothing of it is left. What leads to a start is in `lxc.ts`.
 *
 *  Three sources, none of them polled: LXC's FIFO says how init ended; pidfds say when monitor and init are gone, also
 *  when the monitor was killed and could say nothing; /proc names the pids.
 *
 *  Reboot from inside: LXC would start init again by itself. To its owner that is an exit like any other, counted by
 *  recovery, so the monitor is killed once it has taken the container down. (While no supervisor runs, LXC does it
 *  its way, and the next supervisor adopts the new init.)
 *
 *  One closure is one process: what is known of it is changed nowhere else, so the file is longer than most. */

import type { ContainerProcess, TellProcess } from '../../actors/ports.ts';
import { type Fault, SupervisorError, toFault } from '../../machines/domain/fault.ts';
import type { Exit } from '../../machines/domain/recovery.ts';
import {
  type CgroupMount,
  cgroupsNamed,
  cgroupsOf,
  clearCgroups,
  lxcGroups,
  membersOf,
  removeEmptyCgroups,
} from './cgroups.ts';
import type { ProcessWatch } from './kernel.ts';
import { killFamily, type LxcTarget, occupied, runLxcStart, sendHalt } from './lxc-commands.ts';
import type { LxcEvent } from './lxc-events.ts';
import { exitOf, isReboot, readTraces, startedPid, startFault, textIfThere } from './lxc-log.ts';
import { type FoundContainer, findContainers, initOf, readPid } from './lxc-survivors.ts';

export interface LxcContext extends LxcTarget {
  readonly cgroupMounts: readonly CgroupMount[];
  /** Makes whatever LXC has said already arrive now. */
  readonly drainEvents: () => void;
  /** After the last process, before the exit is told. */
  readonly cleanUp: () => Promise<void>;
  /** What went wrong beside the outcome. */
  readonly complain: (fault: Fault) => void;
}

export interface LxcProcess extends ContainerProcess {
  /** What LXC says of this container. */
  hear(event: LxcEvent): void;
}

/** `prepare` makes everything `lxc-start` needs; when it rejects, the start has failed. */
export function startLxc(context: LxcContext, prepare: () => Promise<void>, tell: TellProcess): LxcProcess {
  return live(context, tell, async (life) => {
    await prepare();
    if (life.killed()) return;
    const ended = await runLxcStart(context);
    if (ended.kind === 'code' && ended.code === 0) {
      // LXC calls it a success when somebody else started it before.
      const { files } = context;
      if (readPid(files.pidFile) !== undefined || !readTraces(textIfThere(files.log)).alreadyRunning) return;
      throw occupied(context.name);
    }
    if (ended.kind === 'signal') {
      await killFamily(context);
      if (life.killed()) return;
      throw new SupervisorError('START_FAILED', `starting ${context.name}: lxc-start: ${ended.signal}`, {
        subject: context.name,
        fix: 'Something on this host killed it: look at the kernel log for want of memory.',
      });
    }
    life.failed();
  });
}

/** Goes on with what was found. */
export function adoptLxc(
  context: LxcContext,
  found: FoundContainer | undefined,
  waitStatus: number | undefined,
  tell: TellProcess,
): LxcProcess {
  const process = live(context, tell, async (life) => {
    life.learn(found?.monitor);
    for (let now = found; now !== undefined && now.starters.length > 0; ) {
      await Promise.race(now.starters.map(life.gone));
      now = findContainers(context.lxcPath, () => context.files.pidFile).get(context.name);
      life.learn(now?.monitor);
    }
    if (found === undefined || found.starters.length === 0) return;
    // A monitor that cleans up behind a failed start still has children; LXC's log knows that none became init.
    const { pid, errors } = readTraces(textIfThere(context.files.log));
    if (pid === undefined && errors.length > 0) life.failed();
  });
  if (waitStatus !== undefined) process.hear({ type: 'exit', name: context.name, waitStatus });
  return process;
}

interface Life {
  /** Resolves when the process is gone; never after `detach`. */
  gone(pid: number): Promise<void>;
  /** Was it asked to be killed? */
  killed(): boolean;
  /** LXC says that the start did not come about. */
  failed(): void;
  learn(monitor: number | undefined): void;
}

interface Watched {
  readonly pid: number;
  readonly gone: Promise<void>;
  alive: boolean;
}

function live(context: LxcContext, tell: TellProcess, begin: (life: Life) => Promise<void>): LxcProcess {
  const { name, files, kernel } = context;
  const watches = new Set<ProcessWatch>();
  let detached = false;
  let wish: 'halt' | 'kill' | undefined;
  let monitor: Watched | undefined;
  let init: Watched | undefined;
  /** Its control groups, and these with those of its monitor. */
  let payload: readonly string[] = [];
  let groups: readonly string[] = [];
  let waitStatus: number | undefined;
  let startFailed = false;
  let over = false;

  function gone(pid: number): Promise<void> {
    return new Promise((resolve) => {
      if (detached) return;
      const watch = kernel.watchProcess(pid, () => {
        watches.delete(watch);
        resolve();
      });
      watches.add(watch);
    });
  }

  function watched(pid: number): Watched {
    const ended = gone(pid).then(() => {
      process.alive = false;
    });
    const process: Watched = { pid, alive: true, gone: ended };
    return process;
  }

  function learn(pid: number | undefined): void {
    if (monitor !== undefined || pid === undefined || detached) return;
    monitor = watched(pid);
  }

  async function run(): Promise<Exit> {
    await begin({
      gone,
      learn,
      killed: () => wish === 'kill',
      failed: () => {
        startFailed = true;
      },
    });
    learn(readPid(files.pidFile));
    if (!startFailed && monitor !== undefined) learnInit(monitor.pid);
    const pid = startFailed ? undefined : (init?.pid ?? readTraces(textIfThere(files.log)).pid);
    if (pid !== undefined && !detached) tell({ type: 'process.started', pid });
    const asked = wish;
    if (asked !== undefined) attempt(() => carryOut(asked));
    await monitor?.gone;
    await init?.gone;
    context.drainEvents();
    await removeGroups();
    return outcome(pid);
  }

  function learnInit(monitorPid: number): void {
    const pid = initOf(monitorPid, startedPid(textIfThere(files.log)));
    if (pid === undefined) return;
    init = watched(pid);
    payload = lxcGroups(cgroupsOf(pid, context.cgroupMounts));
    groups = [...payload, ...lxcGroups(cgroupsOf(monitorPid, context.cgroupMounts))];
  }

  /** Mostly LXC has done it. */
  async function removeGroups(): Promise<void> {
    try {
      if (init !== undefined) return await clearCgroups(groups, kernel);
      // It ended before its processes could be asked for their groups; LXC's log names them.
      const { cgroups } = readTraces(textIfThere(files.log));
      await removeEmptyCgroups(cgroups.flatMap((group) => cgroupsNamed(group, context.cgroupMounts)));
    } catch (error) {
      complain(error);
    }
  }

  function outcome(pid: number | undefined): Exit {
    const log = textIfThere(files.log);
    if (pid !== undefined) {
      if (waitStatus !== undefined) return exitOf(waitStatus);
      // Without a word from it, its monitor was killed and took init with it; or it spoke before we listened.
      return readTraces(log).exit ?? { kind: 'signal', signal: 'SIGKILL' };
    }
    if (wish === 'kill') return { kind: 'signal', signal: 'SIGKILL' };
    return { kind: 'startFailed', fault: startFault(name, log, files.log) };
  }

  function carryOut(what: 'halt' | 'kill'): void {
    wish = wish === 'kill' ? 'kill' : what;
    if (what === 'halt') {
      if (init?.alive) sendHalt(context, init.pid);
    } else if (init?.alive) {
      kernel.signalProcess(init.pid, 'SIGKILL');
      for (const pid of membersOf(payload)) kernel.signalProcess(pid, 'SIGKILL');
    } else if (!over) {
      // A start under way, or an end that does not come because a hook of the container hangs.
      killFamily(context).catch(complain);
    }
  }

  function complain(error: unknown): void {
    context.complain(toFault(error));
  }

  /** Who commands or tells us something is not the one to handle what goes wrong here. */
  function attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      complain(error);
    }
  }

  function hear(event: LxcEvent): void {
    if (event.type === 'exit') {
      waitStatus ??= event.waitStatus;
    } else if (event.state === 'STARTING') {
      learn(readPid(files.pidFile));
    } else if (event.state === 'STOPPED' && waitStatus !== undefined && isReboot(waitStatus)) {
      if (monitor?.alive) kernel.signalProcess(monitor.pid, 'SIGKILL');
    }
  }

  async function whole(): Promise<void> {
    let exit: Exit;
    try {
      exit = await run();
    } catch (error) {
      exit = { kind: 'startFailed', fault: toFault(error) };
      // What was not followed to its end must not outlive its exit.
      if (!detached && (monitor?.alive || init?.alive)) await killFamily(context).catch(complain);
    }
    over = true;
    if (detached) return;
    try {
      await context.cleanUp();
    } catch (error) {
      complain(error);
    }
    tell({ type: 'process.exited', exit });
  }

  void whole();
  return {
    hear: (event) => attempt(() => hear(event)),
    halt: () => attempt(() => carryOut('halt')),
    kill: () => attempt(() => carryOut('kill')),
    detach() {
      detached = true;
      for (const watch of watches) watch.close();
      watches.clear();
    },
  };
}
