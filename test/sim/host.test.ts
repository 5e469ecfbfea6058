import assert from 'node:assert/strict';
import type { ContainerProcess } from '../../actors/ports.ts';
import { blankRecord } from '../../machines/domain/adoption.ts';
import type { Answer } from '../../machines/domain/control.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { ProcessFact } from '../../machines/domain/recovery.ts';
import { advance, quiesce, settle, VirtualClock } from '../../sim/clock.ts';
import { type ContainerConduct, decideBy, type HostConduct } from '../../sim/conduct.ts';
import { type Attachment, createFakeHost, type FakeHost } from '../../sim/host.ts';
import { createRandom } from '../../sim/random.ts';
import { containerSpec } from '../support/revision.ts';

const web = containerSpec('web');
const never = new AbortController().signal;
const broken: Fault = {
  code: 'MOUNT_FAILED',
  message: 'mount root.squashfs of web: EINVAL',
  errno: 'EINVAL',
};

interface Bench {
  readonly clock: VirtualClock;
  readonly host: FakeHost;
  readonly signals: string[];
  attach(): Attachment;
}

function bench(conduct: HostConduct = {}): Bench {
  const clock = new VirtualClock();
  const host = createFakeHost({ clock, decide: decideBy(conduct, createRandom(1)) });
  const signals: string[] = [];
  const hear = (name: string): Answer => {
    signals.push(`${name} at ${clock.now()}`);
    return { ok: true };
  };
  return { clock, host, signals, attach: () => host.attach(hear) };
}

const only = (conduct: ContainerConduct): HostConduct => ({ containers: new Map([['web', conduct]]) });

function start({ clock }: Bench, { ports }: Attachment): { facts: string[]; process: ContainerProcess } {
  const facts: string[] = [];
  const tell = (fact: ProcessFact): void => {
    const what = fact.type === 'process.started' ? `pid ${fact.pid}` : JSON.stringify(fact.exit);
    facts.push(`${clock.now()} ${what}`);
  };
  return { facts, process: ports.runtime.start(web, 1, tell) };
}

async function startMounted(stage: Bench) {
  const attachment = stage.attach();
  await attachment.ports.mounter.mount(web, never);
  return { attachment, ...start(stage, attachment) };
}

describe('the fake host', () => {
  it('keeps a diary of what it was asked and of what came about', async () => {
    const stage = bench(only({ start: 30, halt: 2000 }));
    const { attachment, process } = await startMounted(stage);
    await attachment.ports.modules.load({ module: 'can', parameters: ['bitrate=5'] }, never);
    await advance(stage.clock, 100);
    process.halt();
    await quiesce(stage.clock);
    await attachment.ports.mounter.unmount(web);

    assert.deepEqual(stage.host.calls, [
      'mount web',
      'start web',
      'load can bitrate=5',
      'halt web',
      'unmount web',
    ]);
    assert.deepEqual(
      stage.host.diary.filter(({ kind }) => kind === 'happening').map(({ at, line }) => `${at} ${line}`),
      ['30 web runs as pid 1000', '2100 web exited: exit status 0'],
    );
    assert.deepEqual(stage.host.violations, []);
  });

  it('takes its time', async () => {
    const stage = bench(only({ mount: 40 }));
    const mounted: number[] = [];
    void stage
      .attach()
      .ports.mounter.mount(web, never)
      .then(() => mounted.push(stage.clock.now()));
    await quiesce(stage.clock);
    assert.deepEqual(mounted, [40]);
  });

  for (const { times, failures } of [
    { times: 1, failures: 1 },
    { times: Number.POSITIVE_INFINITY, failures: 3 },
  ]) {
    it(`fails ${times === 1 ? 'once' : 'always'} with the fault it was given`, async () => {
      const stage = bench(only({ mountFails: { fault: broken, times } }));
      const { mounter } = stage.attach().ports;
      let failed = 0;
      for (let attempt = 0; attempt < 3; attempt++) {
        await mounter.mount(web, never).catch((error: unknown) => {
          assert.ok(error instanceof SupervisorError);
          assert.equal(error.fault.errno, 'EINVAL');
          failed += 1;
        });
        await mounter.unmount(web);
      }
      assert.equal(failed, failures);
    });
  }

  it('undoes a mount that is aborted', async () => {
    const stage = bench(only({ mount: 40 }));
    const abort = new AbortController();
    const outcome = stage
      .attach()
      .ports.mounter.mount(web, abort.signal)
      .catch(() => 'aborted');
    abort.abort();
    assert.equal(await outcome, 'aborted');
    assert.deepEqual(stage.host.mounted, []);
    assert.equal(stage.clock.pending, 0);
  });

  it('crashes a container after a time, as often as it was told', async () => {
    const exit = { kind: 'code', code: 7 } as const;
    const stage = bench(only({ crash: { after: 500, exit, times: 1 } }));
    const first = await startMounted(stage);
    await quiesce(stage.clock);
    assert.deepEqual(first.facts, ['0 pid 1000', '500 {"kind":"code","code":7}']);
    const second = start(stage, first.attachment);
    await quiesce(stage.clock);
    assert.deepEqual(second.facts, ['500 pid 1001']);
    assert.equal(stage.host.starts('web'), 2);
  });

  it('has init signal ready after a delay', async () => {
    const stage = bench(only({ start: 30, readyAfter: 2000 }));
    await startMounted(stage);
    await quiesce(stage.clock);
    assert.deepEqual(stage.signals, ['web at 2030']);
  });

  it('lets init ignore the halt, and never the kill', async () => {
    const stage = bench(only({ ignoresHalt: true, kill: 3 }));
    const { facts, process } = await startMounted(stage);
    await advance(stage.clock, 10);
    process.halt();
    await advance(stage.clock, 5010);
    assert.equal(facts.length, 1);
    process.kill();
    process.kill();
    await quiesce(stage.clock);
    process.halt();
    assert.deepEqual(facts, ['0 pid 1000', '5013 {"kind":"signal","signal":"SIGKILL"}']);
    assert.equal(stage.host.calls.filter((call) => call === 'halt web').length, 1, 'nobody to halt any more');
  });

  it('halts a container that is still starting as soon as init is alive (L-04)', async () => {
    const stage = bench(only({ start: 100 }));
    const { facts, process } = await startMounted(stage);
    process.halt();
    await quiesce(stage.clock);
    assert.deepEqual(facts, ['100 pid 1000', '100 {"kind":"code","code":0}']);
  });

  it('tells a start that does not come about as an exit (lifecycle row 7)', async () => {
    const fault: Fault = { code: 'START_FAILED', message: 'lxc-start web: exit status 1' };
    const stage = bench(only({ startFails: { fault, times: 1 } }));
    const { facts } = await startMounted(stage);
    await quiesce(stage.clock);
    assert.deepEqual(facts, [`0 ${JSON.stringify({ kind: 'startFailed', fault })}`]);
    assert.deepEqual(stage.host.alive, []);
  });
});

describe('the fake host holds to reality', () => {
  it('notes a start without volumes and a second start', () => {
    const stage = bench();
    const attachment = stage.attach();
    start(stage, attachment);
    start(stage, attachment);
    assert.deepEqual(stage.host.violations, [
      'start web: its volumes are not mounted',
      'start web: its volumes are not mounted',
      'start web: it runs already',
    ]);
  });

  it('notes a second mount', async () => {
    const { mounter } = bench().attach().ports;
    await mounter.mount(web, never);
    const stage = bench();
    const again = stage.attach().ports.mounter;
    await again.mount(web, never);
    await again.mount(web, never);
    assert.deepEqual(stage.host.violations, ['mount web: it is mounted already']);
  });

  it('notes an unmount under a live process, and a reboot over one', async () => {
    const stage = bench();
    const { attachment } = await startMounted(stage);
    await attachment.ports.mounter.unmount(web);
    attachment.ports.rebooter.reboot(broken);
    assert.deepEqual(stage.host.violations, [
      'unmount web: its process is alive',
      'reboot: the process of web is alive',
    ]);
  });
});

describe('the fake host outlives its supervisor (R-08)', () => {
  it('goes on running containers, tells the dead nothing, and lets the next one adopt', async () => {
    const stage = bench(
      only({ crash: { after: 9000, exit: { kind: 'signal', signal: 'SIGSEGV' }, times: 1 } }),
    );
    const { attachment, facts } = await startMounted(stage);
    attachment.ports.journal.write(blankRecord('web', 0));
    attachment.ports.clock.setTimeout(() => assert.fail('a dead supervisor has no timers'), 1);
    await advance(stage.clock, 0);
    attachment.cut();
    assert.equal(attachment.pendingTimers, 0);
    await advance(stage.clock, 3000);

    const { ports } = stage.attach();
    assert.deepEqual(
      (await ports.journal.read()).map(({ name }) => name),
      ['web'],
    );
    const [survivor] = await ports.runtime.survivors([web]);
    assert.deepEqual(survivor, { name: 'web', pid: 1000 });
    const later: ProcessFact[] = [];
    ports.runtime.adopt(web, survivor ?? assert.fail(), (fact) => later.push(fact));
    await quiesce(stage.clock);
    assert.deepEqual(later, [
      { type: 'process.started', pid: 1000 },
      { type: 'process.exited', exit: { kind: 'signal', signal: 'SIGSEGV' } },
    ]);
    assert.deepEqual(facts, ['0 pid 1000']);
    assert.deepEqual(stage.host.violations, []);
  });

  it('remembers how a container ended while nobody looked', async () => {
    const stage = bench();
    const { attachment } = await startMounted(stage);
    await advance(stage.clock, 10);
    attachment.cut();
    stage.host.crash('web', { kind: 'code', code: 3 });
    const { runtime } = stage.attach().ports;
    assert.deepEqual(await runtime.survivors([web]), []);
    assert.deepEqual(await runtime.pastExit(web, 1), { kind: 'code', code: 3 });
    assert.deepEqual(await runtime.pastExit(containerSpec('db'), 1), undefined);
  });

  it('finishes a start that its supervisor did not live to see', async () => {
    const stage = bench(only({ start: 100 }));
    const { attachment } = await startMounted(stage);
    attachment.cut();
    const { runtime } = stage.attach().ports;
    const [survivor] = await runtime.survivors([web]);
    assert.deepEqual(survivor, { name: 'web', pid: undefined });
    const facts: string[] = [];
    runtime.adopt(web, survivor ?? assert.fail(), ({ type }) => facts.push(`${stage.clock.now()} ${type}`));
    await quiesce(stage.clock);
    assert.deepEqual(facts, ['100 process.started']);
  });

  it('repeats a readiness signal that nobody heard', async () => {
    const stage = bench(only({ readyAfter: 50 }));
    const { attachment } = await startMounted(stage);
    await advance(stage.clock, 10);
    attachment.cut();
    await advance(stage.clock, 200);
    const { runtime } = stage.attach().ports;
    runtime.adopt(web, { name: 'web', pid: 1000 }, () => undefined);
    await quiesce(stage.clock);
    assert.deepEqual(stage.signals, ['web at 200']);
  });

  it('sweeps half a mount that a killed supervisor left', async () => {
    const stage = bench(only({ mount: 100 }));
    const attachment = stage.attach();
    void attachment.ports.mounter.mount(web, never);
    attachment.cut();
    await quiesce(stage.clock);
    assert.deepEqual(stage.host.mounted, ['web']);
    await stage.attach().ports.mounter.sweep(new Set());
    assert.deepEqual(stage.host.mounted, []);
  });

  it('forgets everything in a power cycle', async () => {
    const stage = bench();
    const { attachment } = await startMounted(stage);
    attachment.ports.journal.write(blankRecord('web', 0));
    attachment.cut();
    stage.host.powerCycle();
    await settle();
    assert.deepEqual([stage.host.alive, stage.host.mounted, stage.host.records.size], [[], [], 0]);
  });
});
