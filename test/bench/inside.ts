/** Measurements from inside: the supervisor in this process, on real LXC and real mounts, with a kernel port that notes
 *  the time. Only so can be told what the supervisor adds to what the kernel and LXC take. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Supervisor } from '../../actors/ports.ts';
import { createSupervisor } from '../../actors/supervisor.ts';
import { createClock, monotonicMs } from '../../adapters/clock.ts';
import { createLxcRuntime } from '../../adapters/host/lxc.ts';
import { createModuleLoader } from '../../adapters/host/modules.ts';
import { createMounter } from '../../adapters/host/mounter.ts';
import { openKernel } from '../../adapters/host/open-kernel.ts';
import { deployTrail, revisionId } from '../../adapters/store/trail.ts';
import type { Layout } from '../../machines/domain/layout.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import type { Status } from '../../machines/domain/status.ts';
import { ROOT } from '../support/sources.ts';

export interface Inside {
  readonly supervisor: Supervisor;
  readonly told: readonly Announcement[];
  /** Monotonic ms of each mount as the kernel had made it, by mount point. */
  readonly mountedAt: ReadonlyMap<string, number>;
  /** Resolves with the first announcement, past ones from `after` on included, that fits. */
  until(fits: (one: Announcement) => boolean, after?: number): Promise<Announcement>;
  /** Monotonic ms at which the kernel reports the end of a process. */
  exitOf(pid: number): Promise<number>;
  stop(): Promise<void>;
}

export async function openInside(home: string): Promise<Inside> {
  const text = readFileSync(join(home, 'state.json'), 'utf8');
  const parsed = parseState(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { revision } = parsed;
  const layout: Layout = {
    storage: home,
    runDir: join(home, 'run'),
    volumes: join(home, 'run/volumes'),
    configs: join(home, 'run/configs'),
    media: join(home, 'run/media'),
    libDir: '/usr/lib',
    exports: join(home, 'run/exports'),
    revision: revisionId(text),
  };
  deployTrail({ storage: home, name: layout.revision, revision, text });
  const mountedAt = new Map<string, number>();
  const { kernel } = openKernel(ROOT);
  const timed = {
    ...kernel,
    mountImage: async (image: string, target: string, fsType: string) => {
      await kernel.mountImage(image, target, fsType);
      mountedAt.set(target, monotonicMs());
    },
  };
  const told: Announcement[] = [];
  let waiting: (() => void)[] = [];
  const complain = (fault: unknown): never => {
    throw new Error(JSON.stringify(fault));
  };
  const runtime = createLxcRuntime({ kernel: timed, layout, complain });
  const supervisor = await createSupervisor(
    {
      mounter: createMounter({
        kernel: timed,
        layout,
        disks: [],
        handlers: false,
        handlerArgs: [],
        verityOff: true,
      }),
      modules: createModuleLoader(),
      device: {
        deviceTree: undefined,
        overlays: [],
        fitConfig: undefined,
        userMeta: () => undefined,
        deviceMeta: () => undefined,
      },
      runtime,
      journal: { read: async () => [], write: () => undefined },
      rebooter: { reboot: complain, powerOff: complain },
      clock: createClock(),
      complain,
    },
    {
      revision,
      defaultGoalTimeoutMs: 60_000,
      listen: (announcement) => {
        told.push(announcement);
        const now = waiting;
        waiting = [];
        for (const look of now) look();
      },
      crashed: complain,
    },
  );
  const until = (fits: (one: Announcement) => boolean, after = 0): Promise<Announcement> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = told.slice(after).find(fits);
        if (found === undefined) waiting.push(look);
        else resolve(found);
      };
      look();
    });
  supervisor.start();
  return {
    supervisor,
    told,
    mountedAt,
    until,
    exitOf: (pid) => new Promise((resolve) => kernel.watchProcess(pid, () => resolve(monotonicMs()))),
    stop: async () => {
      supervisor.send({ type: 'device.stop' });
      await until((one) => one.type === 'device' && one.phase === 'stopped');
      supervisor.detach();
      runtime.close();
    },
  };
}

export function isEntry(one: Announcement, container: string, status: Status): boolean {
  return (
    one.type === 'container' &&
    one.record.name === container &&
    one.record.status === status &&
    one.from !== status
  );
}
