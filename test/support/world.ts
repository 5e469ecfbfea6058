/** A supervisor on a fake device in virtual time, for tests that tell a story.
 *
 *  Every suite that boots one says `afterEach(checkWorlds)`: reality was respected, no chart broke, no timer leaked. */

import assert from 'node:assert/strict';
import type { Ports, Supervisor, SupervisorOptions } from '../../actors/ports.ts';
import { createSupervisor } from '../../actors/supervisor.ts';
import type { Answer, ContainerOrder } from '../../machines/domain/control.ts';
import type { Exit } from '../../machines/domain/recovery.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { advance, settle, VirtualClock } from '../../sim/clock.ts';
import { type ContainerConduct, type Decide, decideBy, type ModuleConduct } from '../../sim/conduct.ts';
import { type Attachment, createFakeHost, type FakeDevice, type FakeHost } from '../../sim/host.ts';
import { createRandom } from '../../sim/random.ts';
import { type Condensed, condense } from './told.ts';

export interface World extends Condensed {
  readonly clock: VirtualClock;
  readonly host: FakeHost;
  readonly supervisor: Supervisor;
  readonly told: readonly Announcement[];
  /** Errors that reached the root: bugs. */
  readonly crashes: readonly unknown[];
  readonly attachment: Attachment;
  /** Virtual time passes, in ms from now. */
  pass(ms: number): Promise<void>;
  /** A command on one container, carried out as far as it goes without time passing. */
  order(type: ContainerOrder, container: string): Promise<Answer>;
  /** Ends a container's init, and lets what follows at once happen. */
  exit(container: string, exit?: Exit): Promise<void>;
  /** `kill -9` of the supervisor. */
  cut(): void;
}

export interface WorldOptions extends Partial<Pick<SupervisorOptions, 'defaultGoalTimeoutMs' | 'inspect'>> {
  /** How containers behave; well and at once unless said. */
  readonly ways?: Readonly<Record<string, ContainerConduct>>;
  readonly modules?: Readonly<Record<string, ModuleConduct>>;
  /** Instead of `ways` and `modules`. */
  readonly decide?: Decide;
  readonly device?: FakeDevice;
  /** Goes on with the device of an earlier world. */
  readonly after?: World;
  /** Told of each announcement when it is made. */
  readonly heard?: (announcement: Announcement, host: FakeHost) => void;
  /** Puts something between the supervisor and its ports. */
  readonly ports?: (ports: Ports) => Ports;
  /** The test looks at violations and crashes itself. */
  readonly unchecked?: boolean;
}

const begun: (() => void)[] = [];

/** Has `check` done by `checkWorlds`. */
export function remember(check: () => void): void {
  begun.push(check);
}

/** For `afterEach`. Lets go of everything the test has begun and looks at what that leaves behind. */
export function checkWorlds(): void {
  for (const check of begun.splice(0)) check();
}

export async function boot(revision: Revision, options: WorldOptions = {}): Promise<World> {
  const clock = options.after?.clock ?? new VirtualClock();
  const host = options.after?.host ?? createHost(clock, options);
  const told: Announcement[] = [];
  const crashes: unknown[] = [];
  let open = true;
  const attachment = host.attach((name) => supervisor.send({ type: 'signal.ready', name }));
  const supervisor: Supervisor = await createSupervisor(
    options.ports?.(attachment.ports) ?? attachment.ports,
    {
      revision,
      defaultGoalTimeoutMs: options.defaultGoalTimeoutMs ?? 120_000,
      listen: (announcement) => {
        if (!open) return;
        told.push(announcement);
        options.heard?.(announcement, host);
      },
      crashed: (error) => crashes.push(error),
      ...(options.inspect === undefined ? {} : { inspect: options.inspect }),
    },
  );
  const world: World = {
    ...condense(told),
    clock,
    host,
    supervisor,
    told,
    crashes,
    attachment,
    pass: (ms) => advance(clock, clock.now() + ms),
    order: async (type, name) => {
      const answer = supervisor.send({ type, name });
      await settle();
      return answer;
    },
    exit: async (container, exit = { kind: 'code', code: 1 }) => {
      assert.ok(host.crash(container, exit), `${container} has no process that could exit`);
      await settle();
    },
    cut: () => {
      open = false;
      attachment.cut();
    },
  };
  if (options.unchecked !== true) remember(() => verify(world));
  supervisor.start();
  await settle();
  return world;
}

function verify({ host, crashes, supervisor, attachment }: World): void {
  supervisor.detach();
  assert.deepEqual(host.violations, []);
  assert.deepEqual(crashes, []);
  assert.equal(attachment.pendingTimers, 0, 'timers leaked');
}

/** A fake device of the given ways, for those who attach to it themselves. */
export function createHost(
  clock: VirtualClock,
  { ways = {}, modules = {}, decide, device }: Pick<WorldOptions, 'ways' | 'modules' | 'decide' | 'device'>,
): FakeHost {
  const conduct = {
    containers: new Map(Object.entries(ways)),
    modules: new Map(Object.entries(modules)),
  };
  return createFakeHost({
    clock,
    decide: decide ?? decideBy(conduct, createRandom(1)),
    ...(device === undefined ? {} : { device }),
  });
}
