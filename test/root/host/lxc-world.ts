/** A scratch device for LXC: containers of busybox, their root file systems plain directories, and a count of what LXC
 *  and the supervisor could leave behind. */

import { EventEmitter, once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerProcess, TellProcess } from '../../../actors/ports.ts';
import { createLxcRuntime, type LxcRuntime, type LxcRuntimeOptions } from '../../../adapters/host/lxc.ts';
import { openKernel } from '../../../adapters/host/open-kernel.ts';
import { listProcesses } from '../../../adapters/host/processes.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import { containerDir, type Layout, rootfsDir } from '../../../machines/domain/layout.ts';
import type { Exit } from '../../../machines/domain/recovery.ts';
import type { ContainerSpec } from '../../../machines/domain/revision.ts';
import { containerSpec } from '../../support/revision.ts';

/** An init that goes on for ever, deaf like every init without handlers. */
export const WAITS = 'while :; do sleep 1000 & wait; done';
/** Ends with 3 when asked to halt. */
export const OBEYS = `trap "exit 3" PWR\n: > /tmp/ready\n${WAITS}`;
export const IGNORES = `trap "" PWR\n: > /tmp/ready\n${WAITS}`;

export interface Sketch {
  /** A shell script, run as /sbin/init; undefined: there is no init. */
  readonly init?: string | undefined;
  /** Lines of its lxc.container.conf. */
  readonly config?: readonly string[];
  readonly spec?: Partial<ContainerSpec>;
}

type ProcessFact = Parameters<TellProcess>[0];

export interface Running {
  readonly process: ContainerProcess;
  /** In the order told. */
  readonly facts: readonly ProcessFact[];
  readonly started: Promise<number>;
  readonly exited: Promise<Exit>;
}

export class LxcWorld {
  readonly directory = mkdtempSync('/tmp/lxcw-');
  readonly complaints: Fault[] = [];
  readonly layout: Layout = {
    storage: join(this.directory, 'storage'),
    runDir: join(this.directory, 'run'),
    volumes: join(this.directory, 'volumes'),
    configs: join(this.directory, 'configs'),
    media: join(this.directory, 'media'),
    libDir: join(this.directory, 'lib'),
    exports: join(this.directory, 'exports'),
    revision: '0',
  };
  readonly kernel = openKernel(join(import.meta.dirname, '../../..')).kernel;
  private runtimes: LxcRuntime[] = [];

  runtime(options: Partial<LxcRuntimeOptions> = {}): LxcRuntime {
    const { kernel, layout } = this;
    const runtime = createLxcRuntime({
      kernel,
      layout,
      complain: (fault) => this.complaints.push(fault),
      ...options,
    });
    this.runtimes.push(runtime);
    return runtime;
  }

  container(name: string, { init, config = [], spec = {} }: Sketch = {}): ContainerSpec {
    const root = rootfsDir(this.layout, name);
    for (const directory of ['bin', 'sbin', 'dev', 'proc', 'sys', 'tmp', 'etc']) {
      mkdirSync(join(root, directory), { recursive: true });
    }
    cpSync('/bin/busybox', join(root, 'bin/busybox'));
    for (const applet of ['sh', 'sleep', 'cat', 'reboot', 'poweroff', 'hostname', 'ls', 'env', 'mount']) {
      symlinkSync('busybox', join(root, 'bin', applet));
    }
    if (init !== undefined) this.write(join(root, 'sbin/init'), `#!/bin/sh\n${init}\n`, 0o755);
    const own = [
      'lxc.rootfs.path = overlayfs:/volumes/x:/volumes/y',
      'lxc.mount.auto = proc:mixed',
      ...config,
    ];
    this.write(join(containerDir(this.layout, name), 'lxc.container.conf'), `${own.join('\n')}\n`);
    return containerSpec(name, 'app', spec);
  }

  /** So that the name can be used for another one. */
  forget(name: string): void {
    rmSync(rootfsDir(this.layout, name), { recursive: true });
  }

  /** A file of the container as the host sees it. */
  read(name: string, path: string): string {
    return readFileSync(join(rootfsDir(this.layout, name), path), 'utf8');
  }

  /** Resolves when the container has made this file. */
  async appears(name: string, path: string): Promise<void> {
    await this.made(join(rootfsDir(this.layout, name), path));
  }

  async made(file: string): Promise<void> {
    const watcher = watch(dirname(file));
    while (!existsSync(file)) await once(watcher, 'change');
    watcher.close();
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
  }

  /** What must be as before when everything has stopped. */
  leftovers(): readonly string[] {
    const groups = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => readdirSync(join('/sys/fs/cgroup', name)))
      .filter((name) => /^lxc\.(payload|monitor)\.lxcw-/.test(name));
    const processes = listProcesses().filter(({ argv }) => argv.join(' ').includes(this.directory));
    const sockets = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((row) => row.includes(this.directory));
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((row) => row.includes(this.directory));
    return [...groups, ...processes.map(({ argv }) => argv.join(' ')), ...sockets, ...mounts];
  }

  /** A failed test must not hang the run. */
  close(): void {
    for (const { pid, argv } of listProcesses()) {
      if (argv[0]?.startsWith(`[lxc monitor] ${this.directory}/`)) process.kill(pid, 'SIGKILL');
    }
    for (const runtime of this.runtimes) runtime.close();
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(`/run/lxc${this.directory}`, { recursive: true, force: true });
  }
}

/** Collects what a process tells. */
export function follow(begin: (tell: (fact: ProcessFact) => void) => ContainerProcess): Running {
  const facts: ProcessFact[] = [];
  const told = new EventEmitter();
  const started = once(told, 'process.started').then(([pid]) => pid as number);
  const exited = once(told, 'process.exited').then(([exit]) => exit as Exit);
  const process = begin((fact) => {
    facts.push(fact);
    told.emit(fact.type, fact.type === 'process.started' ? fact.pid : fact.exit);
  });
  return { process, facts, started, exited };
}
