/** `/drivers`: exact texts for every caller (control API §6.11). */

import assert from 'node:assert/strict';
import type { SupervisorWithDrivers } from '../../../../actors/supervisor.ts';
import type { Caller } from '../../../../adapters/control/route.ts';
import { driverRoutes as routes } from '../../../../adapters/control/routes/drivers.ts';
import { callRoute, HOST, stateOf } from '../../../support/call-route.ts';
import { revisionOf } from '../../../support/revision.ts';
import { boot, checkWorlds } from '../../../support/world.ts';

const fault = { code: 'MODULE_FAILED', message: 'modprobe bad: not found' } as const;
const aliases = { can: ['can_raw'], radio: ['phy_core', 'radio_usb'], camera: ['cam'], broken: ['bad'] };
const own = { required: ['can'], optional: ['nowhere'], manual: ['camera', 'radio'] };
const revision = revisionOf(
  {
    g: {
      containers: {
        app: { drivers: own },
        plain: {},
        poor: { drivers: { required: [], optional: [], manual: ['broken', 'camera'] } },
        lost: { drivers: { required: [], optional: [], manual: ['gone'] } },
      },
    },
  },
  { driverSections: [{ scope: 'all', match: '', aliases: new Map(Object.entries(aliases)) }] },
);
const LISTED =
  '[{"name":"can","type":"REQUIRED","status":"LOADED"},{"name":"nowhere","type":"OPTIONAL","status":"UNKNOWN"},' +
  '{"name":"camera","type":"MANUAL","status":"UNLOADED"},{"name":"radio","type":"MANUAL","status":"UNLOADED"}]';

describe('/drivers (control API §6.11)', () => {
  afterEach(checkWorlds);

  const scene = async () => {
    const world = await boot(revision, { modules: { bad: { loadFails: { fault, times: 100 } } } });
    await world.pass(0);
    const { drivers } = world.supervisor as SupervisorWithDrivers;
    const { loaded, ...state } = stateOf(world, revision);
    const control = { ...state, ...(loaded === undefined ? {} : { loaded: { ...loaded, drivers } }) };
    const ask = async (method: 'GET' | 'PUT', target: string, from: string | undefined) => {
      const caller: Caller = from === undefined ? HOST : { kind: 'container', name: from, mgmt: true };
      const { status, body } = await callRoute({ routes, method, target, caller, control });
      return `${status} ${body}`;
    };
    return { world, ask };
  };

  const rows: readonly (readonly [
    method: 'GET' | 'PUT',
    target: string,
    from: string | undefined,
    answer: string,
  ])[] = [
    ['GET', '/drivers', 'app', `200 ${LISTED}`],
    ['GET', '/drivers', 'lost', '200 [{"name":"gone","type":"MANUAL","status":"UNKNOWN"}]'],
    ['GET', '/drivers', 'plain', '200 {}'],
    ['GET', '/drivers', undefined, '200 {}'],
    ['PUT', '/drivers/load', 'app', '200 '],
    ['PUT', '/drivers/load', 'plain', '200 '],
    ['PUT', '/drivers/load', undefined, '200 '],
    ['PUT', '/drivers/load', 'poor', '400 {"Error":"Error loading drivers"}'],
    ['PUT', '/drivers/load', 'lost', '400 {"Error":"Error loading drivers"}'],
    ['PUT', '/drivers/unload', 'app', '200 '],
    ['PUT', '/drivers/unload', 'poor', '200 '],
    ['PUT', '/drivers/unload', 'lost', '200 '],
    ['PUT', '/drivers/unload', undefined, '200 '],
    ['PUT', '/drivers/camera/load', 'app', '200 '],
    ['PUT', '/drivers/camera/load', 'plain', '200 '],
    ['PUT', '/drivers/camera/load', undefined, '200 '],
    ['PUT', '/drivers/can/load', 'app', '200 '],
    ['PUT', '/drivers/no%20such/load', 'app', '200 '],
    ['PUT', '/drivers/broken/load', 'poor', '400 {"Error":"Error loading driver"}'],
    ['PUT', '/drivers/gone/load', 'lost', '400 {"Error":"Error loading driver"}'],
    ['PUT', '/drivers/gone/unload', 'lost', '200 '],
    ['PUT', '/drivers/camera/unload', 'app', '200 '],
    ['PUT', '/drivers/camera/unload', undefined, '200 '],
    ['PUT', '/drivers/load/load', 'app', '400 {"Error":"No driver name"}'],
    ['PUT', '/drivers/unload/load', 'app', '400 {"Error":"No driver name"}'],
    ['PUT', '/drivers/load/unload', 'app', '400 {"Error":"No driver name"}'],
    ['PUT', '/drivers/unload/unload', undefined, '400 {"Error":"No driver name"}'],
  ];
  for (const [method, target, from, answer] of rows) {
    it(`${method} ${target} from ${from ?? 'the host'}: ${answer}`, async () => {
      const { ask } = await scene();
      assert.equal(await ask(method, target, from), answer);
    });
  }

  it('test idea 42: shows what it has loaded and unloaded', async () => {
    const { world, ask } = await scene();
    await ask('PUT', '/drivers/load', 'app');
    const loaded = LISTED.replaceAll('UNLOADED', 'LOADED');
    assert.equal(await ask('GET', '/drivers', 'app'), `200 ${loaded}`);
    await ask('PUT', '/drivers/radio/unload', 'app');
    assert.deepEqual(world.host.calls.slice(-2), ['unload radio_usb', 'unload phy_core']);
    await ask('PUT', '/drivers/unload', 'app');
    assert.equal(await ask('GET', '/drivers', 'app'), `200 ${LISTED}`);
  });

  it('the host loads nothing', async () => {
    const { world, ask } = await scene();
    const before = world.host.calls.length;
    for (const target of [
      '/drivers/load',
      '/drivers/camera/load',
      '/drivers/unload',
      '/drivers/can/unload',
    ]) {
      await ask('PUT', target, undefined);
    }
    assert.equal(world.host.calls.length, before);
  });

  it('says so while the state is not loaded (control API §1)', async () => {
    const { status, body } = await callRoute({ routes, method: 'GET', target: '/drivers', control: {} });
    assert.equal(`${status} ${body}`, '500 {"Error":"State not loaded yet"}');
  });
});
