/** `statevisor run`, from state JSON to running LXC containers and back to nothing. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupsOf, readCgroupMounts } from '../../adapters/host/cgroups.ts';
import { buildExample } from '../../examples/build.ts';
import { claimsIn, isChange, NO_TRACES, pidsOf, revisionIs, type Scene, useScene } from './run-command.ts';

const READY = revisionIs('READY');

function isRunning(pid: number | undefined): boolean {
  if (pid === undefined || !existsSync(`/proc/${pid}`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return !/\) [ZX] /.test(stat);
}

describe('statevisor run', function () {
  this.timeout(60_000);
  const makeScene = useScene();

  /** A scene with the quickstart example in its storage. */
  function quickstart(): Scene & { readonly state: string } {
    const scene = makeScene();
    return { ...scene, state: buildExample('quickstart', scene.storage, { images: 'squashfs' }) };
  }

  /** The example with one thing changed. */
  function altered(
    scene: Scene & { readonly state: string },
    change: (state: Record<string, unknown>) => void,
  ): string {
    const state = JSON.parse(readFileSync(scene.state, 'utf8')) as Record<string, unknown>;
    change(state);
    const file = join(scene.storage, 'altered.json');
    writeFileSync(file, JSON.stringify(state));
    return file;
  }

  it('brings a revision to READY, and on SIGTERM takes everything down and ends with 0 (lifecycle §8)', async () => {
    const scene = quickstart();
    const run = scene.run(scene.state);
    await run.heard(READY);
    assert.deepEqual([...scene.traces().containers].sort(), ['base', 'counter', 'greeter', 'web']);
    const pids = Object.values(pidsOf(run.told)).filter((pid) => pid !== undefined);
    const groups = pids
      .flatMap((pid) => cgroupsOf(pid, readCgroupMounts()))
      .filter((group) => /lxc/.test(group));
    assert.ok(groups.length >= pids.length);
    run.signal('SIGTERM');
    const { code, err } = await run.ended;
    assert.equal(code, 0, err);
    assert.deepEqual(run.told.at(-1), { ...run.told.at(-1), type: 'device', phase: 'stopped' });
    assert.deepEqual(scene.traces(), NO_TRACES);
    assert.deepEqual(pids.filter(isRunning), []);
    assert.deepEqual(groups.filter(existsSync), []);
    assert.deepEqual(claimsIn(scene.runDir), []);
  });

  it('ends with 1 when something stays mounted, and says what, why and what to do; the next run takes it down', async () => {
    const scene = quickstart();
    const run = scene.run(scene.state);
    await run.heard(READY);
    const overlay = scene.traces().mounts.find((target) => target.endsWith('/web/rootfs')) ?? '';
    const user = spawn('sleep', ['1000'], { cwd: overlay });
    await once(user, 'spawn');
    run.signal('SIGTERM');
    const { code, err } = await run.ended;
    assert.equal(code, 1, err);
    assert.match(
      err,
      new RegExp(`statevisor: unmounting web: ${overlay}: in use by sleep \\(${user.pid}\\) \\(EBUSY\\)`),
    );
    assert.match(err, new RegExp(`still mounted: .*${overlay}.*End what uses it \\(fuser -vm ${overlay}\\)`));
    assert.deepEqual(scene.traces().containers, []);
    user.kill('SIGKILL');
    await once(user, 'exit');
    const next = scene.run(scene.state);
    await next.heard(READY);
    next.signal('SIGTERM');
    assert.equal((await next.ended).code, 0);
    assert.deepEqual(scene.traces(), NO_TRACES);
  });

  it('kills what still runs on a second SIGTERM, and ends with 0', async () => {
    const scene = quickstart();
    const run = scene.run(scene.state);
    await run.heard(READY);
    run.signal('SIGTERM');
    run.signal('SIGINT');
    const { code, err } = await run.ended;
    assert.equal(code, 0, err);
    assert.match(err, /stopping all containers.*\n.*killing what still runs/);
    assert.deepEqual(scene.traces(), NO_TRACES);
  });

  it('hands its containers over on SIGUSR2; the next run has the same pids and readiness (R-08)', async () => {
    const scene = quickstart();
    const first = scene.run(scene.state);
    await first.heard(READY);
    first.signal('SIGUSR2');
    assert.equal((await first.ended).code, 0);
    const pids = pidsOf(first.told);
    assert.deepEqual(Object.values(pids).filter(isRunning).length, 4);

    const second = scene.run(scene.state);
    await second.heard(READY);
    assert.deepEqual(pidsOf(second.told), pids);
    assert.deepEqual(
      second.told.filter(isChange).filter(({ record }) => record.status === 'STARTING'),
      [],
    );
    second.signal('SIGTERM');
    assert.equal((await second.ended).code, 0);
    assert.deepEqual(scene.traces(), NO_TRACES);
  });

  it('refuses a second supervisor with the pid of the first, exit code 5', async () => {
    const scene = quickstart();
    const first = scene.run(scene.state);
    await first.heard(READY);
    const { code, err } = await scene.run(scene.state).ended;
    assert.equal(code, 5);
    assert.match(
      err,
      new RegExp(`belongs to the supervisor with pid ${first.pid}\\. Stop it \\(kill ${first.pid}\\)`),
    );
    assert.equal(scene.traces().containers.length, 4);
  });

  it('refuses another revision while containers of this one run, exit code 4', async () => {
    const scene = quickstart();
    const first = scene.run(scene.state);
    await first.heard(READY);
    first.signal('SIGUSR2');
    await first.ended;
    const other = altered(scene, (state) => {
      state['note.json'] = { text: 'another revision' };
    });
    const { code, err } = await scene.run(other).ended;
    assert.equal(code, 4);
    assert.match(err, /has running containers of revision locals\/[0-9a-f]{12}: .*web/);
    const again = scene.run(scene.state);
    await again.heard(READY);
    again.signal('SIGTERM');
    assert.equal((await again.ended).code, 0);
    const next = scene.run(other);
    await next.heard(READY);
  });

  it('cleans up after a start that failed, says why, and ends with 1 where a device would reboot', async () => {
    const scene = quickstart();
    writeFileSync(join(scene.storage, 'objects', 'f'.repeat(64)), 'not a squashfs'.repeat(1000));
    const broken = altered(scene, (state) => {
      state['greeter/root.squashfs'] = 'f'.repeat(64);
    });
    const { code, err } = await scene.run(broken).ended;
    assert.equal(code, 1);
    assert.match(err, /greeter.*squashfs/);
    assert.match(err, /a device would reboot now; all containers are stopped/);
    assert.deepEqual(scene.traces(), NO_TRACES);
    assert.deepEqual(claimsIn(scene.runDir), []);
  });

  it('names all objects that are missing, exit code 3, and starts nothing', async () => {
    const scene = quickstart();
    const lacking = altered(scene, (state) => {
      state['greeter/root.squashfs'] = 'e'.repeat(64);
      state['web/root.squashfs'] = 'd'.repeat(64);
    });
    const { code, err } = await scene.run(lacking).ended;
    assert.equal(code, 3);
    assert.match(err, /2 objects are not in .*greeter\/root\.squashfs \(e+\), web\/root\.squashfs \(d+\)/);
    assert.deepEqual(scene.traces(), NO_TRACES);
  });

  it('tells every problem of a state, exit code 8', async () => {
    const scene = quickstart();
    const invalid = altered(scene, (state) => {
      state['web/run.json'] = { name: 'web' };
      state['base/root.squashfs'] = 7;
    });
    const { code, err } = await scene.run(invalid).ended;
    assert.equal(code, 8);
    assert.match(err, /altered\.json:1:\d+: error: \$\["web\/run\.json"\]/);
    assert.match(err, /altered\.json:1:\d+: error: \$\["base\/root\.squashfs"\]/);
  });
});
