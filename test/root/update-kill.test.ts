/** R-08 during live updates on real LXC: the supervisor is killed at a moment that a seeded draw picks among what it
 *  announces and what it writes; the next one goes on. Nothing is lost, what an update does not touch keeps its process, the
 *  record says what became of the update, and the next update is possible. What really ran is told by the containers: each
 *  init writes its start and its end, and whether another one was there, into a permanent volume. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, watch } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { openStore } from '../../adapters/store/store.ts';
import { isFinal, type Progress, parseProgress } from '../../machines/domain/progress.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import { createRandom } from '../../sim/random.ts';
import { buildDeviceRevision, type DeviceContainer } from '../support/device-revision.ts';
import { NO_TRACES, pidsOf, type Run, type Scene, useScene } from './run-command.ts';

/** `UPDATE_KILLS=200` for a longer look. */
const KILLS = Number(process.env['UPDATE_KILLS'] ?? 14);
/** Announcements and writes of a whole update are about as many. */
const LAST_MOMENT = 60;

/** `$$` is init's own pid inside. A directory cannot be made twice: whoever finds it was not alone. */
const INIT = [
  'mkdir /diary/alive || echo twice >>/diary/log; echo start >>/diary/log',
  "trap 'rmdir /diary/alive; echo end >>/diary/log; exit 0' PWR TERM",
  'while :; do sleep 3600 & wait $!; done',
].join('; ');

function container(name: string): DeviceContainer {
  return {
    name,
    group: 'app',
    init: INIT,
    mounts: [`lxc.mount.entry = /volumes/${name}/diary diary none bind,rw,create=dir 0 0`],
    run: { storage: { 'lxc-overlay': { persistence: 'boot' }, diary: { persistence: 'permanent' } } },
  };
}

function diaryOf({ storage }: Scene, name: string): readonly string[] {
  return readFileSync(join(storage, 'disks/perm', name, 'diary/log'), 'utf8')
    .trim()
    .split('\n');
}

/** In place of a state JSON: what the storage says is run, and the loader is not played. */
const NO_STATE = '--json';

const isReady = (one: Announcement): boolean => one.type === 'revision' && one.goal === 'ACHIEVED';

/** Revision 0 as factory tools leave it. @returns its state JSON */
async function manufacture({ storage }: Scene): Promise<string> {
  const file = buildDeviceRevision(storage, {
    groups: [{ name: 'app', status_goal: 'STARTED', restart_policy: 'container', timeout: 60 }],
    containers: ['kept', 'changed'].map(container),
  });
  const state = readFileSync(file, 'utf8');
  const parsed = parseState(state);
  if (!parsed.ok) assert.fail(JSON.stringify(parsed.problems));
  const { revisions } = await openStore({
    storage,
    logs: join(storage, 'logs'),
    reservedPercent: () => 0,
    bootAssets: false,
    complain: (fault) => assert.fail(fault.message),
  });
  await revisions.install('0', parsed.revision, state);
  await revisions.writeProgress('0', { status: 'DONE', message: 'Factory revision', retries: 0 });
  await revisions.markDone('0');
  return state;
}

async function ask({ runDir }: Scene, method: string, path: string, body = ''): Promise<[number, string]> {
  const headers = { 'content-length': Buffer.byteLength(body) };
  const asked = request({ socketPath: join(runDir, 'pv-ctrl'), method, path, headers });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  return [answer.statusCode, await text(answer)];
}

async function must(scene: Scene, method: string, path: string, body?: string): Promise<string> {
  const [status, answer] = await ask(scene, method, path, body);
  assert.equal(status, 200, `${method} ${path}: ${answer}`);
  return answer;
}

/** The revision before with another object for one container. @returns its state JSON */
async function upload(scene: Scene, name: string, factory: string): Promise<string> {
  const content = `settings of ${name}`;
  const id = createHash('sha256').update(content).digest('hex');
  const state = JSON.stringify({ ...JSON.parse(factory), 'changed/settings': id });
  await must(scene, 'PUT', `/objects/${id}`, content);
  await must(scene, 'PUT', `/steps/${name}`, state);
  return state;
}

/** Taken once the update before has let go, which it does right after its last record. */
async function order(scene: Scene, name: string): Promise<void> {
  const command = JSON.stringify({ op: 'LOCAL_RUN', payload: name });
  for (let attempts = 0; attempts < 1000; attempts += 1) {
    const [status, answer] = await ask(scene, 'POST', '/commands', command);
    if (status === 200) return;
    assert.ok(status === 409 || status === 503, `${status} ${answer}`);
  }
  assert.fail('no update is taken any more');
}

/** Kills at the given number of announcements and writes from now on, or when the update is over. */
async function killAt(scene: Scene, run: Run, name: string, moment: number): Promise<void> {
  const directories = [join(scene.storage, 'trails', name, '.pv'), join(scene.storage, 'boot')];
  const begun = run.told.length;
  let writes = 0;
  const look = (): boolean => {
    const over = isFinal(progressOf(scene, name).status);
    if (over || writes + run.told.length - begun >= moment) run.signal('SIGKILL');
    return false;
  };
  const watchers = directories.filter(existsSync).map((directory) =>
    watch(directory, () => {
      writes += 1;
      look();
    }),
  );
  const silence = run.heard(look).catch(() => undefined);
  const { code, err } = await run.ended;
  for (const watcher of watchers) watcher.close();
  await silence;
  assert.equal(code, null, `it ended by itself: ${err}`);
}

function progressOf({ storage }: Scene, name: string): Progress {
  const record = readFileSync(join(storage, 'trails', name, '.pv/progress'), 'utf8');
  return parseProgress(record) ?? assert.fail(`no progress: ${record}`);
}

/** Waits for the last record of an update. */
function finalOf(scene: Scene, name: string): Promise<Progress> {
  return new Promise((resolve) => {
    const watcher = watch(join(scene.storage, 'trails', name, '.pv'), look);
    function look(): void {
      const progress = progressOf(scene, name);
      if (!isFinal(progress.status)) return;
      watcher.close();
      resolve(progress);
    }
    look();
  });
}

describe('a supervisor killed during live updates (R-08)', function () {
  this.timeout(20_000 + KILLS * 10_000);
  const scene = useScene();

  it(`${KILLS} times: the next one goes on, nothing is lost, the record is true`, async () => {
    const random = createRandom(1);
    const here = scene();
    const factory = await manufacture(here);
    const begin = async (): Promise<Run> => {
      const run = here.run(NO_STATE, { PV_UPDATER_COMMIT_DELAY: '1' });
      await run.heard(isReady);
      return run;
    };
    let run = await begin();
    const { kept } = pidsOf(run.told);
    let running = { name: '0', state: factory };
    const outcomes: Record<string, number> = {};
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const name = `locals/${kill}`;
      const next = { name, state: await upload(here, name, factory) };
      await order(here, name);
      // Every other one when containers have begun to change.
      const moment = random.between(kill % 2 === 0 ? 0 : LAST_MOMENT / 2, LAST_MOMENT);
      await killAt(here, run, name, moment);
      const { status: left, message } = progressOf(here, name);
      const where = `kill ${kill}, at moment ${moment}, ${left} ${message}`;

      run = await begin();
      // What is NEW by now has not begun, and nobody goes on with it.
      const found = progressOf(here, name);
      const { status } = found.status === 'NEW' ? found : await finalOf(here, name);
      const outcome = `${left} → ${status}`;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      assert.ok(['NEW', 'UPDATED', 'ERROR'].includes(status), `${where}: ${status}`);
      if (status === 'UPDATED') running = next;
      assert.equal(await must(here, 'GET', '/steps/current'), running.state, `${where}: ${status}`);
      assert.equal(pidsOf(run.told)['kept'], kept, where);
      assert.ok(existsSync(`/proc/${kept}`), where);
      assert.equal(await must(here, 'GET', `/steps/${name}`), next.state, where);
    }
    console.info(`      ${JSON.stringify(outcomes)}`);

    const last = 'locals/last';
    const state = await upload(here, last, factory);
    await order(here, last);
    assert.equal((await finalOf(here, last)).status, 'UPDATED');
    assert.equal(await must(here, 'GET', '/steps/current'), state);
    run.signal('SIGTERM');
    const { code, err } = await run.ended;
    assert.equal(code, 0, err);
    assert.deepEqual(here.traces(), NO_TRACES);
    assert.deepEqual(diaryOf(here, 'kept'), ['start', 'end']);
    const changed = diaryOf(here, 'changed');
    assert.ok(!changed.includes('twice'), changed.join(' '));
    assert.deepEqual(
      changed,
      changed.map((_, at) => (at % 2 === 0 ? 'start' : 'end')),
    );
  });
});
