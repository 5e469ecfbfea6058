/** Updates on real LXC: the built command boots what the storage holds, and clients tell it what to run. */

import assert from 'node:assert/strict';
import { on } from 'node:events';
import { mkdirSync, readFileSync, watch } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createBootRecord } from '../../adapters/host/boot/boot-record.ts';
import { deployTrail } from '../../adapters/store/trail.ts';
import { isFinal, type Progress, parseProgress } from '../../machines/domain/progress.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import { buildDeviceRevision } from '../support/device-revision.ts';
import { NO_TRACES, pidsOf, type Run, revisionIs, type Scene, useScene } from './run-command.ts';

type State = Record<string, unknown>;

const SOON = { PV_UPDATER_COMMIT_DELAY: '0', PV_UPDATER_GOALS_TIMEOUT: '30' };

describe('updates (lifecycle §12–§15, R-07)', function () {
  this.timeout(90_000);
  const makeScene = useScene();

  /** A factory revision: `base` belongs to the system, `web` and `job` to their containers. */
  function installFactory({ storage }: Scene): State {
    const file = buildDeviceRevision(storage, {
      groups: [{ name: 'app', status_goal: 'STARTED', restart_policy: 'container', timeout: 20 }],
      containers: [
        { name: 'base', group: 'app', run: { restart_policy: 'system' } },
        { name: 'job', group: 'app' },
        { name: 'web', group: 'app' },
        // Not run: what a later revision breaks with.
        { name: 'gone', group: 'app', init: 'exit 3', run: { status_goal: 'READY' } },
      ],
    });
    const state = JSON.parse(readFileSync(file, 'utf8')) as State;
    const factory = Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith('gone/')));
    const text = JSON.stringify(factory);
    const parsed = parseState(text);
    assert.ok(parsed.ok);
    deployTrail({ storage, name: '0', revision: parsed.revision, text });
    return state;
  }

  /** The part of the state that every revision here has. */
  function without(state: State, container: string): State {
    return Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith(`${container}/`)));
  }

  function changed(state: State, key: string): State {
    return { ...without(state, 'gone'), [key]: { ...(state[key] as State), note: 'changed' } };
  }

  async function ask(scene: Scene, method: string, path: string, body: string): Promise<number> {
    const socketPath = join(scene.runDir, 'pv-ctrl');
    const status = await new Promise<number>((resolve, reject) => {
      request({ socketPath, method, path }, (answer) => {
        text(answer).then(() => resolve(answer.statusCode ?? 0), reject);
      })
        .once('error', reject)
        .end(body);
    });
    return status;
  }

  async function update(scene: Scene, name: string, state: State): Promise<void> {
    assert.equal(await ask(scene, 'PUT', `/steps/${name}`, JSON.stringify(state)), 200);
    const command = JSON.stringify({ op: 'LOCAL_RUN', payload: name });
    assert.equal(await ask(scene, 'POST', '/commands', command), 200);
  }

  /** Its last progress record. */
  async function outcome({ storage }: Scene, name: string): Promise<Progress> {
    const directory = join(storage, 'trails', name, '.pv');
    mkdirSync(directory, { recursive: true });
    const watcher = watch(directory);
    const changes = on(watcher, 'change');
    try {
      for (;;) {
        const progress = parseProgress(readFileSync(join(directory, 'progress'), 'utf8'));
        if (progress !== undefined && isFinal(progress.status)) return progress;
        await changes.next();
      }
    } finally {
      watcher.close();
    }
  }

  const booted = (run: Run) => run.heard(revisionIs('READY'));

  async function end(run: Run, scene: Scene): Promise<void> {
    run.signal('SIGTERM');
    const { code, err } = await run.ended;
    assert.equal(code, 0, err);
    assert.deepEqual(scene.traces(), NO_TRACES);
  }

  function bootRecord({ storage }: Scene) {
    return createBootRecord({
      type: 'uboot',
      directory: join(storage, 'boot'),
      environment: {},
      commandLine: '',
      complain: ({ message }) => assert.fail(message),
    });
  }

  it('go live where only containers of their own change: the others keep their process', async () => {
    const scene = makeScene();
    const state = installFactory(scene);
    const run = scene.run('--json', SOON);
    await booted(run);
    const before = pidsOf(run.told);
    await update(scene, 'locals/web', changed(state, 'web/run.json'));
    assert.equal((await outcome(scene, 'locals/web')).status, 'UPDATED');
    const after = pidsOf(run.told);
    assert.notEqual(after['web'], before['web']);
    assert.deepEqual([after['base'], after['job']], [before['base'], before['job']]);
    const { committed, trying } = await bootRecord(scene).read();
    assert.deepEqual([committed, trying], ['0', 'locals/web']);
    await end(run, scene);
  });

  it('go back in place when a container of a live update does not stay up', async () => {
    const scene = makeScene();
    const state = installFactory(scene);
    const run = scene.run('--json', SOON);
    await booted(run);
    const before = pidsOf(run.told);
    await update(scene, 'locals/bad', state);
    const { status, message } = await outcome(scene, 'locals/bad');
    assert.deepEqual([status, message], ['ERROR', 'A container could not be started']);
    assert.equal(await ask(scene, 'PUT', '/containers/web', '{"action":"restart"}'), 200);
    const after = pidsOf(run.told);
    assert.deepEqual([after['base'], after['job']], [before['base'], before['job']]);
    await end(run, scene);
  });

  it('reboot where the device changes, are tried once, and become the rollback point', async () => {
    const scene = makeScene();
    const state = installFactory(scene);
    const run = scene.run('--appengine', SOON);
    await booted(run);
    await update(scene, 'locals/next', changed(state, 'base/run.json'));
    const { status, message } = await outcome(scene, 'locals/next');
    assert.deepEqual([status, message], ['DONE', 'Update finished, revision set as rollback point']);
    const { committed, trying } = await bootRecord(scene).read();
    assert.deepEqual([committed, trying], ['locals/next', undefined]);
    await end(run, scene);
  });

  it('come back to the last good revision when one that was rebooted into fails', async () => {
    const scene = makeScene();
    const state = installFactory(scene);
    const run = scene.run('--appengine', SOON);
    await booted(run);
    await update(scene, 'locals/bad', { ...state, 'note.json': { reboots: true } });
    const { status, message } = await outcome(scene, 'locals/bad');
    assert.deepEqual([status, message], ['ERROR', 'A container could not be started']);
    // The factory revision has been up once before.
    const begun = () => run.told.filter(revisionIs('READY')).length;
    await run.heard((announcement) => revisionIs('READY')(announcement) && begun() > 1);
    assert.equal(
      readFileSync(join(scene.storage, 'trails/current/.pvr/json'), 'utf8').includes('gone/'),
      false,
    );
    await end(run, scene);
  });
});
