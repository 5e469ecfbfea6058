/** Control groups below the supervisor's own, as in a container of another system (`lxc.cgroup.relative`, appengine). */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupsOf, readCgroupMounts } from '../../../adapters/host/cgroups.ts';
import { filesOf } from '../../../adapters/host/lxc-places.ts';
import { readPid } from '../../../adapters/host/lxc-survivors.ts';
import { follow, LxcWorld, OBEYS } from './lxc-world.ts';

const OURS = `lxcw-own-${process.pid}`;

describe('relative control groups (systems with a supervisor in a container)', () => {
  const mounts = readCgroupMounts();
  const own = mounts.map((mount) => join(mount.directory, OURS));
  /** Where this process was, to go back to. */
  const origins = mounts.map((mount) => cgroupsOf(process.pid, [mount])[0] ?? mount.directory);
  let world: LxcWorld;

  before(() => {
    world = new LxcWorld();
    for (const [index, directory] of own.entries()) {
      mkdirSync(directory);
      // A cpuset without CPUs takes no process.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        const above = join(mounts[index]?.directory ?? '', file);
        if (existsSync(above)) writeFileSync(join(directory, file), readFileSync(above));
      }
      enter(directory);
    }
  });
  after(() => {
    for (const directory of origins) enter(directory);
    world.close();
    for (const directory of own) remove(directory);
  });

  function enter(directory: string): void {
    writeFileSync(join(directory, 'cgroup.procs'), String(process.pid));
  }

  function remove(directory: string): void {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) remove(join(directory, entry.name));
    }
    rmdirSync(directory);
  }

  /** LXC parks its last process in a group that it leaves behind, here as elsewhere. */
  function left(): readonly string[] {
    return own
      .flatMap((directory) => readdirSync(directory, { withFileTypes: true }))
      .flatMap((entry) => (entry.isDirectory() && entry.name !== 'lxc.pivot' ? [entry.name] : []));
  }

  it('are made below ours, and go when the container has ended', async () => {
    const runtime = world.runtime({ relativeCgroups: true });
    const container = world.container('lxcw-rel', { init: OBEYS });
    const running = follow((tell) => runtime.start(container, 1, tell));
    const pid = await running.started;
    const groups = cgroupsOf(pid, mounts);
    assert.deepEqual(
      [...groups].sort(),
      own.map((directory) => join(directory, 'lxc.payload.lxcw-rel')).sort(),
    );
    await world.appears('lxcw-rel', 'tmp/ready');
    running.process.halt();
    assert.deepEqual(await running.exited, { kind: 'code', code: 3 });
    assert.deepEqual(left(), []);
    assert.deepEqual(world.complaints, []);
  });

  it('are found again by a later supervisor, when the monitor was killed while none ran (R-08)', async () => {
    const runtime = world.runtime({ relativeCgroups: true });
    const container = world.container('lxcw-rel2', { init: OBEYS });
    const running = follow((tell) => runtime.start(container, 1, tell));
    const init = await running.started;
    const monitor = readPid(filesOf(world.layout, 'lxcw-rel2').pidFile) ?? assert.fail('no monitor');
    running.process.detach();
    const gone = [monitor, init].map(
      (pid) => new Promise<void>((resolve) => void world.kernel.watchProcess(pid, resolve)),
    );
    process.kill(monitor, 'SIGKILL');
    await Promise.all(gone);
    assert.notDeepEqual(left(), []);
    await world.runtime({ relativeCgroups: true }).pastExit(container, 1);
    assert.deepEqual(left(), []);
  });
});
