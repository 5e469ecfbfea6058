import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { LxcRuntime } from '../../../adapters/host/lxc.ts';
import { filesOf } from '../../../adapters/host/lxc-places.ts';
import { readPid } from '../../../adapters/host/lxc-survivors.ts';
import type { Exit } from '../../../machines/domain/recovery.ts';
import type { ContainerSpec } from '../../../machines/domain/revision.ts';
import { follow, LxcWorld, OBEYS, type Running, WAITS } from './lxc-world.ts';

/** LXC puts `exec` in front of a hook, so only its first command would run. */
const holdingHook = (script: string): string => `sh -c '${script}'`;

describe('adoption on LXC (R-08)', () => {
  let world: LxcWorld;
  let runtime: LxcRuntime;
  beforeEach(() => {
    world = new LxcWorld();
    runtime = world.runtime();
  });
  afterEach(() => {
    const left = world.leftovers();
    world.close();
    assert.deepEqual(left, [], 'left behind');
    assert.deepEqual(world.complaints, []);
  });

  /** The next supervisor takes the place of this one, which let go of everything. */
  function succeed(...gone: readonly Running[]): void {
    for (const { process } of gone) process.detach();
    runtime.close();
    runtime = world.runtime();
  }

  async function adopt(container: ContainerSpec): Promise<Running> {
    const [survivor] = await runtime.survivors([container]);
    assert.ok(survivor !== undefined, 'not found');
    return follow((tell) => runtime.adopt(container, survivor, tell));
  }

  it('keeps the pid and sees the true exit status', async () => {
    const container = world.container('lxcw-a', { init: OBEYS });
    const first = follow((tell) => runtime.start(container, 1, tell));
    const pid = await first.started;
    await world.appears('lxcw-a', 'tmp/ready');
    succeed(first);
    const [survivor] = await runtime.survivors([container]);
    assert.deepEqual(survivor, { name: 'lxcw-a', pid });
    const second = await adopt(container);
    assert.equal(await second.started, pid);
    second.process.halt();
    assert.deepEqual(await second.exited, { kind: 'code', code: 3 });
    assert.equal(first.facts.length, 1, 'the first supervisor is told no more');
  });

  it('finds what is only being started, and has it when it runs', async () => {
    const hooked = join(world.directory, 'hooked');
    const go = join(world.directory, 'go');
    const hook = holdingHook(`touch ${hooked}; while [ ! -e ${go} ]; do sleep 0.01; done`);
    const container = world.container('lxcw-s', { init: OBEYS, config: [`lxc.hook.pre-start = ${hook}`] });
    const first = follow((tell) => runtime.start(container, 1, tell));
    await world.made(hooked);
    succeed(first);
    const [survivor] = await runtime.survivors([container]);
    assert.deepEqual(survivor, { name: 'lxcw-s', pid: undefined });
    const second = await adopt(container);
    world.write(go, '');
    assert.ok((await second.started) > 1);
    await world.appears('lxcw-s', 'tmp/ready');
    second.process.halt();
    assert.deepEqual(await second.exited, { kind: 'code', code: 3 });
    assert.equal(first.facts.length, 0);
  });

  it('tells of a start that fails after the supervisor that asked for it', async () => {
    const hooked = join(world.directory, 'hooked');
    const go = join(world.directory, 'go');
    const hook = holdingHook(`touch ${hooked}; while [ ! -e ${go} ]; do sleep 0.01; done`);
    const container = world.container('lxcw-sf', { config: [`lxc.hook.pre-start = ${hook}`] });
    const first = follow((tell) => runtime.start(container, 1, tell));
    await world.made(hooked);
    succeed(first);
    const second = await adopt(container);
    world.write(go, '');
    const exit = await second.exited;
    assert.equal(exit.kind, 'startFailed');
    if (exit.kind === 'startFailed') assert.match(exit.fault.message, /Failed to exec "\/sbin\/init"/);
    assert.equal(second.facts.length, 1);
  });

  it('can kill what is only being started', async () => {
    const hooked = join(world.directory, 'hooked');
    const hook = holdingHook(`touch ${hooked}; sleep 1000`);
    const container = world.container('lxcw-sk', { init: OBEYS, config: [`lxc.hook.pre-start = ${hook}`] });
    const first = follow((tell) => runtime.start(container, 1, tell));
    await world.made(hooked);
    succeed(first);
    const second = await adopt(container);
    second.process.kill();
    assert.deepEqual(await second.exited, { kind: 'signal', signal: 'SIGKILL' });
  });

  it('notices an exit between finding and adopting', async () => {
    const container = world.container('lxcw-b', { init: OBEYS });
    const first = follow((tell) => runtime.start(container, 1, tell));
    await first.started;
    await world.appears('lxcw-b', 'tmp/ready');
    succeed();
    const [survivor] = await runtime.survivors([container]);
    assert.ok(survivor !== undefined);
    first.process.halt();
    await first.exited;
    const second = follow((tell) => runtime.adopt(container, survivor, tell));
    assert.deepEqual(await second.exited, { kind: 'code', code: 3 });
  });

  it('kills an adopted container and all in it', async () => {
    const container = world.container('lxcw-ak', { init: `trap "" PWR\n${WAITS}` });
    const first = follow((tell) => runtime.start(container, 1, tell));
    await first.started;
    succeed(first);
    const second = await adopt(container);
    await second.started;
    second.process.kill();
    assert.deepEqual(await second.exited, { kind: 'signal', signal: 'SIGKILL' });
  });

  it('passes over containers that do not run, and those of another run directory', async () => {
    const other = new LxcWorld();
    const elsewhere = follow((tell) =>
      other.runtime().start(other.container('lxcw-o', { init: WAITS }), 1, tell),
    );
    await elsewhere.started;
    const here = world.container('lxcw-o', { init: WAITS });
    assert.deepEqual(await runtime.survivors([here]), []);
    elsewhere.process.kill();
    await elsewhere.exited;
    other.close();
  });

  describe('reads how a container ended that nobody watched', () => {
    const cases: { name: string; init: string | undefined; exit: Exit['kind']; expected?: Exit }[] = [
      { name: 'lxcw-p0', init: 'exit 0', exit: 'code', expected: { kind: 'code', code: 0 } },
      { name: 'lxcw-p7', init: 'exit 7', exit: 'code', expected: { kind: 'code', code: 7 } },
      { name: 'lxcw-po', init: 'exec poweroff -f', exit: 'code', expected: { kind: 'code', code: 0 } },
      { name: 'lxcw-pf', init: undefined, exit: 'startFailed' },
    ];
    for (const { name, init, exit, expected } of cases) {
      it(init ?? 'no init', async () => {
        const container = world.container(name, { init });
        const first = follow((tell) => runtime.start(container, 1, tell));
        await first.exited;
        succeed(first);
        assert.deepEqual(await runtime.survivors([container]), []);
        const past = await runtime.pastExit(container, 1);
        assert.equal(past?.kind, exit);
        if (expected !== undefined) assert.deepEqual(past, expected);
      });
    }

    it('killed with its monitor: unknown, and its control groups are removed', async () => {
      const container = world.container('lxcw-pm', { init: WAITS });
      const first = follow((tell) => runtime.start(container, 1, tell));
      const pid = await first.started;
      const monitor = readPid(filesOf(world.layout, 'lxcw-pm').pidFile) ?? assert.fail('no monitor');
      succeed(first);
      const gone = [pid, monitor].map(
        (each) => new Promise<void>((resolve) => void world.kernel.watchProcess(each, resolve)),
      );
      process.kill(monitor, 'SIGKILL');
      await Promise.all(gone);
      assert.deepEqual(await runtime.survivors([container]), []);
      assert.deepEqual(await runtime.pastExit(container, 1), { kind: 'unknown' });
    });

    it('never started: nothing', async () => {
      const container = world.container('lxcw-pn', { init: WAITS });
      assert.equal(await runtime.pastExit(container, 1), undefined);
    });
  });
});
