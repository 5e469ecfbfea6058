/** The runtime port on LXC: prepares a container's start, finds and adopts what an earlier supervisor left, reads how
 *  the others ended. The life of a process is in `lxc-process.ts`, the configuration in `lxc-config.ts`. */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerProcess, Runtime, TellProcess } from '../../actors/ports.ts';
import { type Fault, SupervisorError, toFault } from '../../machines/domain/fault.ts';
import { containerDir, type Layout } from '../../machines/domain/layout.ts';
import type { Survivor } from '../../machines/domain/record.ts';
import type { Exit } from '../../machines/domain/recovery.ts';
import { remountRules } from '../../machines/domain/remount-json.ts';
import type { ContainerSpec, RemountPolicies, Revision } from '../../machines/domain/revision.ts';
import type { Doors } from '../control/doors.ts';
import { cgroupKind, cgroupsNamed, readCgroupMounts, relativeMounts, removeEmptyCgroups } from './cgroups.ts';
import type { Kernel } from './kernel.ts';
import { occupied } from './lxc-commands.ts';
import { lxcConfig, refusal } from './lxc-config.ts';
import { readLxcConfig } from './lxc-config-file.ts';
import { placeDeviceRules } from './lxc-devices.ts';
import { type LxcEvent, openLxcEvents } from './lxc-events.ts';
import { bindExports, unbindExports } from './lxc-exports.ts';
import { readTraces, startFault, textIfThere } from './lxc-log.ts';
import {
  bindsOf,
  filesOf,
  lxcPathOf,
  makePlaces,
  readHostFacts,
  requireShortPath,
  rootfsMountOf,
} from './lxc-places.ts';
import { adoptLxc, type LxcContext, type LxcProcess, startLxc } from './lxc-process.ts';
import { type Found, findContainers, initOf, isMonitored } from './lxc-survivors.ts';
import { createNetworks } from './networks.ts';
import { realLayout } from './real-layout.ts';

export interface LxcRuntimeOptions {
  readonly kernel: Kernel;
  readonly layout: Layout;
  /** Whose network pools are served; no pool is known without. */
  readonly revision?: Pick<Revision, 'containers' | 'networkPools'>;
  /** `PV_LXC_LOG_LEVEL`, 0 TRACE to 8 FATAL; 2, INFO, unless configured. Above 2 less is known of what ended while no
   *  supervisor ran. */
  readonly logLevel?: number;
  /** `PV_LOG_AUTO_DEVLOG`; true unless configured. */
  readonly devLog?: boolean;
  /** We run inside a container ourselves (`appengine`): control groups are made below our own. */
  readonly relativeCgroups?: boolean;
  /** The remount policy in force, and the device's part of it (state format §18); `default` and none unless given. */
  readonly remount?: { readonly policy: string; readonly device: RemountPolicies };
  /** A container's socket is there for as long as its process; containers have none without. */
  readonly doors?: Pick<Doors, 'open' | 'close'>;
  /** Told what went wrong beside the outcome of a start or stop. */
  readonly complain: (fault: Fault) => void;
}

export interface LxcRuntime extends Runtime {
  /** Stops listening to LXC. Containers go on; detach their processes first. */
  close(): void;
}

const INFO = 2;
/** Console output kept per container, twice: the current file and one older. */
const CONSOLE_LOG_BYTES = 1024 * 1024;

/** @throws UNSUPPORTED when LXC's events cannot be had */
export function createLxcRuntime(options: LxcRuntimeOptions): LxcRuntime {
  const { kernel, logLevel = INFO, devLog = true, relativeCgroups = false, doors, complain } = options;
  const layout = realLayout(options.layout);
  const lxcPath = lxcPathOf(layout);
  const cgroupMounts = relativeCgroups ? relativeMounts(readCgroupMounts()) : readCgroupMounts();
  const host = readHostFacts(layout, cgroupKind(cgroupMounts));
  const networks = createNetworks(layout, options.revision ?? { containers: [], networkPools: [] });
  const processes = new Map<string, LxcProcess>();
  /** Exits that arrive between finding a container and adopting it. */
  const early = new Map<string, number>();
  let found: Found = new Map();
  const events = openLxcEvents(lxcPath, hear);

  function hear(event: LxcEvent): void {
    const process = processes.get(event.name);
    if (process !== undefined) process.hear(event);
    else if (event.type === 'exit') early.set(event.name, event.waitStatus);
  }

  function contextOf(container: ContainerSpec): LxcContext {
    return {
      name: container.name,
      files: filesOf(layout, container.name),
      lxcPath,
      logLevel,
      kernel,
      cgroupMounts,
      drainEvents: events.drain,
      cleanUp: () => unbindExports(container, layout, kernel),
      complain,
    };
  }

  async function remountHook({ name, remount }: ContainerSpec, script: string): Promise<string | undefined> {
    const { policy, device } = options.remount ?? { policy: 'default', device: new Map() };
    const rules = remountRules(policy, device, remount);
    if (rules.length === 0) return undefined;
    const { placeRemount } = await import('./remount.ts');
    return placeRemount(name, rules, script, complain);
  }

  async function prepare(container: ContainerSpec, startedAt: number): Promise<void> {
    const { name } = container;
    const refused = refusal(container);
    if (refused !== undefined) throw new SupervisorError(refused.code, refused.message, refused);
    requireShortPath(layout, name);
    const files = filesOf(layout, name);
    if (isMonitored(lxcPath, name, files.pidFile)) throw occupied(name);
    const binds = bindsOf(layout, container, devLog);
    const own = readLxcConfig(name, join(containerDir(layout, name), container.config));
    const places = {
      rootfsMount: rootfsMountOf(layout),
      consoleLog: files.consoleLog,
      consoleLogBytes: CONSOLE_LOG_BYTES,
      binds,
      deviceRules: placeDeviceRules(container, own, files.deviceRules, complain),
      remount: await remountHook(container, files.remount),
    };
    const lease = await networks.join(container);
    makePlaces(layout, container, binds);
    const config = lxcConfig({ container, own, layout, places, host, logLevel, relativeCgroups, lease });
    writeFileSync(files.config, config);
    // LXC appends to its log, and leaves the pid of a monitor that was killed.
    rmSync(files.log, { force: true });
    writeFileSync(files.startedAt, String(startedAt));
    rmSync(files.pidFile, { force: true });
    await bindExports(container, layout, kernel);
    await doors?.open(name);
  }

  /** Keeps the process findable for what LXC says of it, until it has exited. */
  function keep(name: string, tell: TellProcess, make: (tell: TellProcess) => LxcProcess): ContainerProcess {
    const process = make((fact) => {
      if (fact.type === 'process.exited' && processes.get(name) === process) {
        processes.delete(name);
        doors?.close(name);
      }
      tell(fact);
    });
    if (!processes.has(name)) processes.set(name, process);
    return {
      halt: process.halt,
      kill: process.kill,
      detach() {
        if (processes.get(name) === process) processes.delete(name);
        process.detach();
      },
    };
  }

  return {
    start(container, startedAt, tell) {
      early.delete(container.name);
      const context = contextOf(container);
      return keep(container.name, tell, (told) =>
        startLxc(context, () => prepare(container, startedAt), told),
      );
    },

    adopt(container, { name }, tell) {
      const status = early.get(name);
      doors?.open(name).catch((error: unknown) => complain(toFault(error)));
      return keep(name, tell, (told) => adoptLxc(contextOf(container), found.get(name), status, told));
    },

    async survivors(containers) {
      found = findContainers(lxcPath, (name) => filesOf(layout, name).pidFile);
      return containers.flatMap(({ name }): Survivor[] => {
        const container = found.get(name);
        if (container === undefined) return [];
        const { monitor, starters } = container;
        const settled = monitor !== undefined && starters.length === 0;
        return [{ name, pid: settled ? initOf(monitor) : undefined }];
      });
    },

    async pastExit(container, startedAt): Promise<Exit | undefined> {
      await unbindExports(container, layout, kernel);
      const files = filesOf(layout, container.name);
      const { log } = files;
      // A supervisor that died on the way to the start left the traces of the one before.
      if (textIfThere(files.startedAt) !== String(startedAt) || !existsSync(log)) return undefined;
      const text = textIfThere(log);
      const { pid, exit, errors, cgroups } = readTraces(text);
      // A monitor that was killed leaves its groups; one that came to its end removes them, and says nothing of exit 0.
      const left = cgroups.flatMap((name) => cgroupsNamed(name, cgroupMounts));
      await removeEmptyCgroups(left);
      if (exit !== undefined) return exit;
      if (pid !== undefined) return left.length === 0 ? { kind: 'code', code: 0 } : { kind: 'unknown' };
      if (errors.length === 0) return { kind: 'unknown' };
      return { kind: 'startFailed', fault: startFault(container.name, text, log) };
    },

    close: events.close,
  };
}
