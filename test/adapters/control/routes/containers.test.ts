import assert from 'node:assert/strict';
import type { Control } from '../../../../actors/control-ports.ts';
import { containerRoutes as routes } from '../../../../adapters/control/routes/containers.ts';
import type { ContainerSpec, Revision } from '../../../../machines/domain/revision.ts';
import type { Status } from '../../../../machines/domain/status.ts';
import { type Answered, callRoute, stateOf } from '../../../support/call-route.ts';
import { recovery, revisionOf } from '../../../support/revision.ts';
import { boot, checkWorlds, type World, type WorldOptions } from '../../../support/world.ts';

interface Scene {
  readonly world: World;
  get(target: string): Promise<Answered>;
  put(name: string, body: string): Promise<Answered>;
}

function sceneOf(world: World, revision: Revision): Scene {
  const control: Partial<Control> = stateOf(world, revision);
  return {
    world,
    get: (target) => callRoute({ routes, control, method: 'GET', target }),
    put: (name, body) => callRoute({ routes, control, method: 'PUT', target: `/containers/${name}`, body }),
  };
}

async function bootOne(spec: Partial<ContainerSpec> = {}, options: WorldOptions = {}): Promise<Scene> {
  const revision = revisionOf({ g: { containers: { a: spec, sys: { restartPolicy: 'system' } } } });
  const world = await boot(revision, options);
  await world.pass(0);
  return sceneOf(world, revision);
}

const act = (action: string) => JSON.stringify({ action });
const error = (text: string) => JSON.stringify({ Error: text });

describe('GET /containers and GET /groups (control API §6.1, §6.3)', () => {
  afterEach(checkWorlds);

  const revision = revisionOf({
    root: { restartPolicy: 'system', containers: { net: { roles: ['mgmt'] } } },
    app: {
      recovery: recovery({ maxRetries: 5, stableTimeoutMs: 30_000 }),
      containers: { ui: { statusGoal: 'READY' } },
    },
  });

  it('follow what happens', async () => {
    const world = await boot(revision, { ways: { ui: { readyAfter: 1_000 } } });
    const { get, put } = sceneOf(world, revision);
    await world.pass(0);
    const net =
      '{"name":"net","group":"root","status":"STARTED","status_goal":"STARTED","restart_policy":"system","roles":["mgmt"]}';
    const ui = (status: Status, retries: number, stable: boolean, stopped: boolean) =>
      `{"name":"ui","group":"app","status":"${status}","status_goal":"READY","restart_policy":"container","roles":[],"auto_recovery":{"policy":"on-failure","max_retries":5,"current_retries":${retries},"stable_timeout":30,"is_stable":"${stable}","backoff_policy":"reboot"},"user_stopped":"${stopped}"}`;
    const shows = async (entry: string, group: Status) => {
      assert.equal((await get('/containers')).body, `[${net},${entry}]`);
      assert.equal(
        (await get('/groups')).body,
        `[{"name":"root","status_goal":"STARTED","restart_policy":"system","status":"READY"},{"name":"app","status_goal":"STARTED","restart_policy":"container","status":"${group}","auto_recovery":{"max_retries":5,"stable_timeout":30,"backoff_policy":"reboot"}}]`,
      );
    };
    await shows(ui('STARTED', 0, false, false), 'STARTED');
    await world.exit('ui');
    await world.pass(1_000);
    await shows(ui('READY', 1, false, false), 'READY');
    await world.pass(30_000);
    await shows(ui('READY', 1, true, false), 'READY');
    await put('ui', act('stop'));
    await world.pass(0);
    await shows(ui('STOPPED', 1, false, true), 'READY');
    await put('ui', act('start'));
    await world.pass(0);
    await shows(ui('STARTED', 0, false, false), 'STARTED');
  });

  it('list nothing of an empty revision', async () => {
    const empty = revisionOf({ g: { containers: {} } });
    const { get } = sceneOf(await boot(empty), empty);
    assert.equal((await get('/containers')).body, '[]');
    assert.match((await get('/groups')).body, /^\[{"name":"g",.*"status":"READY"}\]$/);
  });

  for (const target of ['/containers', '/groups']) {
    it(`GET ${target} says so while the state is not loaded (control API §1)`, async () => {
      const { status, body } = await callRoute({ routes, method: 'GET', target, control: {} });
      assert.deepEqual({ status, body }, { status: 500, body: error('State not loaded yet') });
    });
  }
});

describe('PUT /containers/{name} (control API §6.2)', () => {
  afterEach(checkWorlds);

  const long = (bytes: number) => act('stop').padEnd(bytes);
  const SYSTEM = error("Container has restart_policy 'system' and cannot be controlled via API");
  const NO_START = error('Container must be in STOPPED, STOPPING, or RECOVERING state to start');
  const INVALID = error("Invalid action. Use 'start', 'stop', or 'restart'");
  const MISSING = error("Missing 'action' field");

  const checks: readonly {
    readonly why: string;
    readonly name?: string;
    readonly body: string;
    readonly status: number;
    readonly text: string;
  }[] = [
    {
      why: '1: no such container',
      name: 'x',
      body: act('stop'),
      status: 404,
      text: error('Container not found'),
    },
    { why: '1 before 3', name: 'x', body: long(2_000), status: 404, text: error('Container not found') },
    {
      why: '1, a name as it was sent',
      name: '%61',
      body: act('stop'),
      status: 404,
      text: error('Container not found'),
    },
    { why: '2: restart policy system', name: 'sys', body: act('stop'), status: 403, text: SYSTEM },
    { why: '2 before 3', name: 'sys', body: long(2_000), status: 403, text: SYSTEM },
    { why: '3: 1025 bytes', body: long(1025), status: 507, text: error('Not enough disk space available') },
    { why: '1024 bytes', body: long(1024), status: 200, text: '' },
    { why: 'no body (lifecycle §11)', body: '', status: 400, text: error('No data') },
    { why: '4: no JSON', body: 'stop', status: 400, text: error('Invalid JSON') },
    { why: '4: half of it', body: '{"action":"stop"', status: 400, text: error('Invalid JSON') },
    { why: '5: no action', body: '{"do":"stop"}', status: 400, text: MISSING },
    { why: '5: a list', body: '["action"]', status: 400, text: MISSING },
    { why: '5: a string', body: '"action"', status: 400, text: MISSING },
    { why: '5: null', body: 'null', status: 400, text: MISSING },
    { why: '6: an action nobody knows', body: act('pause'), status: 400, text: INVALID },
    { why: '6: the beginning of one', body: act('sto'), status: 400, text: INVALID },
    { why: '6: a number', body: '{"action":1}', status: 400, text: INVALID },
    { why: '6: a property of every object', body: act('toString'), status: 400, text: INVALID },
    { why: 'further keys', body: '{"x":1,"action":"stop","y":[]}', status: 200, text: '' },
  ];
  for (const { why, name = 'a', body, status, text } of checks) {
    it(`answers ${status} on check ${why}`, async () => {
      const scene = await bootOne();
      const reply = await scene.put(name, body);
      assert.deepEqual({ status: reply.status, body: reply.body }, { status, body: text });
      assert.equal(scene.world.status('a'), status === 200 ? 'STOPPING' : 'STARTED');
    });
  }

  const OK = { status: 200, body: '' };
  const bad = (body: string) => ({ status: 400, body });
  const unprepared = {
    stop: OK,
    start: bad(NO_START),
    restart: bad(error('Container state does not allow restart')),
  };
  const allowed = { stop: OK, start: OK, restart: OK };
  const rows: readonly {
    readonly from: Status;
    readonly scene: () => Promise<Scene>;
    readonly answers: Readonly<Record<'stop' | 'start' | 'restart', { status: number; body: string }>>;
  }[] = [
    { from: 'INSTALLED', scene: () => bootOne({}, { ways: { a: { mount: 9 } } }), answers: unprepared },
    {
      from: 'BLOCKED',
      scene: async () => {
        const revision = revisionOf({
          earlier: { containers: { f: { statusGoal: 'READY' } } },
          later: { containers: { a: {} } },
        });
        return sceneOf(await boot(revision), revision);
      },
      answers: unprepared,
    },
    { from: 'MOUNTED', scene: () => bootOne({ statusGoal: 'MOUNTED' }), answers: unprepared },
    { from: 'STARTING', scene: () => bootOne({}, { ways: { a: { start: 9 } } }), answers: allowed },
    { from: 'STARTED', scene: () => bootOne(), answers: allowed },
    {
      from: 'READY',
      scene: () => bootOne({ statusGoal: 'READY' }, { ways: { a: { readyAfter: 0 } } }),
      answers: allowed,
    },
    {
      from: 'RECOVERING',
      scene: async () => {
        const scene = await bootOne({ recovery: recovery({ retryDelayMs: 9 }) });
        await scene.world.exit('a');
        return scene;
      },
      answers: allowed,
    },
    {
      from: 'STOPPING',
      scene: async () => {
        const scene = await bootOne({}, { ways: { a: { halt: 9 } } });
        await scene.put('a', act('stop'));
        return scene;
      },
      answers: allowed,
    },
    {
      from: 'STOPPED',
      scene: async () => {
        const scene = await bootOne();
        await scene.put('a', act('stop'));
        await scene.world.pass(0);
        return scene;
      },
      answers: allowed,
    },
  ];
  for (const { from, scene, answers } of rows) {
    for (const action of ['stop', 'start', 'restart'] as const) {
      it(`check 7: answers ${answers[action].status} to ${action} of a container that is ${from}`, async () => {
        const { put, world } = await scene();
        assert.equal(world.status('a'), from);
        const { status, body } = await put('a', act(action));
        assert.deepEqual({ status, body }, answers[action]);
        await world.pass(100);
      });
    }
  }

  it('refuses while the device stops', async () => {
    const { put, world } = await bootOne({}, { ways: { a: { halt: 9 } } });
    world.supervisor.send({ type: 'device.stop' });
    const { status, body } = await put('a', act('stop'));
    assert.deepEqual({ status, body }, { status: 400, body: error('The device is stopping') });
    await world.pass(9);
  });

  it('says so while the state is not loaded (control API §1)', async () => {
    const target = '/containers/a';
    const { status, body } = await callRoute({
      routes,
      method: 'PUT',
      target,
      body: act('stop'),
      control: {},
    });
    assert.deepEqual({ status, body }, { status: 500, body: error('State not loaded yet') });
  });
});
