/** R-08 on real LXC: a supervisor that is killed takes no container with it, and the next one goes on where it was.
 *  Twenty kills, each at a moment that a seeded draw picks among what is announced: ten during boots, ten during a
 *  crash loop. What really ran is told by the containers themselves: each init writes its start and its end, and
 *  whether another one was there, into a permanent volume. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Announcement } from '../../machines/domain/report.ts';
import { createRandom } from '../../sim/random.ts';
import { buildDeviceRevision, type DeviceContainer, WAIT } from '../support/device-revision.ts';
import { isChange, NO_TRACES, pidsOf, type Run, type Scene, useScene } from './run-command.ts';

/** `$$` is init's own pid inside. A directory cannot be made twice: whoever finds it was not alone. */
const DIARY = 'mkdir /diary/alive || echo twice >>/diary/log; echo start >>/diary/log';
const GOODBYE = 'rmdir /diary/alive; echo end >>/diary/log';
/** Before anything is written: whoever reads the start may ask for the end at once. */
const TRAP = `trap '${GOODBYE}; exit 0' PWR TERM`;
const STEADY = `${TRAP}; ${DIARY}; while :; do sleep 3600 & wait $!; done`;
const CRASHER = `${TRAP}; ${DIARY}; sleep 0.3 & wait $!; ${GOODBYE}; exit 3`;

const KEPT = { 'lxc-overlay': { persistence: 'boot' }, diary: { persistence: 'permanent' } };
const GROUPS = ['first', 'second'].map((name) => ({
  name,
  status_goal: 'STARTED',
  restart_policy: 'container',
  timeout: 60,
}));

function container(name: string, group: string, init: string, run: object = {}): DeviceContainer {
  const mounts = [`lxc.mount.entry = /volumes/${name}/diary diary none bind,rw,create=dir 0 0`];
  return { name, group, init, mounts, run: { storage: KEPT, ...run } };
}

const diaryDir = (scene: Scene, name: string): string => join(scene.storage, 'disks/perm', name, 'diary');

function diaryOf(scene: Scene, name: string): string[] {
  const file = join(diaryDir(scene, name), 'log');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

/** STARTED means that init is alive, not that it has written already. */
function wrote(scene: Scene, name: string, starts: number): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(diaryDir(scene, name), look);
    function look(): void {
      if (count(diaryOf(scene, name), 'start') < starts) return;
      watcher.close();
      resolve();
    }
    look();
  });
}

const count = (lines: readonly string[], word: string): number =>
  lines.filter((line) => line === word).length;

/** Kills the supervisor right after its `heard`-th announcement. */
async function killAfter(run: Run, heard: number): Promise<void> {
  await run.heard(() => run.told.length >= heard);
  run.signal('SIGKILL');
  await run.ended;
}

const isReady = (one: Announcement): boolean => one.type === 'revision' && one.goal === 'ACHIEVED';

describe('adoption after a kill of the supervisor (R-08)', function () {
  this.timeout(120_000);
  const scene = useScene();

  it('ten kills during boots: every container starts once, none is lost, nothing leaks', async () => {
    const random = createRandom(1);
    const here = scene();
    const names = ['a', 'b', 'c', 'd'];
    const state = buildDeviceRevision(here.storage, {
      groups: GROUPS,
      containers: names.map((name, i) => container(name, i < 2 ? 'first' : 'second', STEADY)),
    });
    for (let round = 1; round <= 10; round += 1) {
      await killAfter(here.run(state), random.between(1, 30));
      const next = here.run(state);
      await next.heard(isReady);
      await Promise.all(names.map((name) => wrote(here, name, round)));
      next.signal('SIGTERM');
      assert.equal((await next.ended).code, 0);
      assert.deepEqual(here.traces(), NO_TRACES);
    }
    for (const name of names) {
      assert.deepEqual(diaryOf(here, name), Array(10).fill(['start', 'end']).flat());
    }
  });

  it('ten kills during a crash loop: restarts go on, none runs twice, the others keep their pid', async () => {
    const random = createRandom(2);
    const here = scene();
    const recovery = { policy: 'always', retry_delay: 0, max_retries: 0 };
    const state = buildDeviceRevision(here.storage, {
      groups: GROUPS,
      containers: [
        container('steady', 'first', STEADY),
        container('crasher', 'first', CRASHER, { auto_recovery: recovery }),
        container('quiet', 'second', WAIT),
      ],
    });
    const first = here.run(state);
    await first.heard(isReady);
    const { steady, quiet } = pidsOf(first.told);
    await killAfter(first, first.told.length + random.between(1, 12));
    let retries = 0;
    for (let kill = 2; kill <= 10; kill += 1) {
      const next = here.run(state);
      await killAfter(next, random.between(4, 30));
      const counters = next.told
        .filter(isChange)
        .flatMap(({ record }) => (record.name === 'crasher' ? [record.retries] : []));
      assert.deepEqual(
        counters,
        counters.toSorted((a, b) => a - b),
        'the retry counter only grows',
      );
      assert.ok((counters[0] ?? 0) >= retries, `${counters[0]} retries after ${retries}`);
      retries = counters.at(-1) ?? retries;
    }
    const last = here.run(state);
    await last.heard((one) => isChange(one) && one.record.name === 'crasher' && one.record.retries > retries);
    const now = pidsOf(last.told);
    assert.deepEqual([now['steady'], now['quiet']], [steady, quiet]);
    last.signal('SIGTERM');
    assert.equal((await last.ended).code, 0);
    assert.deepEqual(here.traces(), NO_TRACES);
    assert.deepEqual(diaryOf(here, 'steady'), ['start', 'end']);
    const crasher = diaryOf(here, 'crasher');
    assert.equal(count(crasher, 'twice'), 0);
    assert.equal(count(crasher, 'start'), count(crasher, 'end'));
  });
});
