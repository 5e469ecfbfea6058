/** `/daemons`: exact texts (control API §6.12). */

import assert from 'node:assert/strict';
import { createDaemons, type DaemonKeeper } from '../../../../actors/daemons.ts';
import { daemonRoutes as routes } from '../../../../adapters/control/routes/daemons.ts';
import { advance, VirtualClock } from '../../../../sim/clock.ts';
import { Diary } from '../../../../sim/diary.ts';
import { FakeDaemons } from '../../../../sim/fake-daemons.ts';
import { callRoute } from '../../../support/call-route.ts';

describe('/daemons (control API §6.12)', () => {
  let clock: VirtualClock;
  let daemons: DaemonKeeper;
  beforeEach(async () => {
    clock = new VirtualClock();
    const diary = new Diary(() => clock.now(), undefined);
    const fakes = new FakeDaemons({ clock, diary, installed: new Set(['pv-xconnect']) });
    const complain = () => undefined;
    daemons = createDaemons({ spawner: fakes.spawner(), clock, initMode: 'appengine', complain });
    daemons.begin();
    await advance(clock, 0);
  });
  afterEach(() => daemons.detach());

  const list = async () =>
    (await callRoute({ routes, method: 'GET', target: '/daemons', control: { daemons } })).body;
  const put = async (name: string, body: string) => {
    const target = `/daemons/${name}`;
    const reply = await callRoute({ routes, method: 'PUT', target, body, control: { daemons } });
    return `${reply.status} ${reply.body}`;
  };
  const listed = (pid: number, respawn: boolean) =>
    `[{"name":"hwrngd","pid":0,"respawn":true},{"name":"pv-xconnect","pid":${pid},"respawn":${respawn}},` +
    '{"name":"pv-dbus","pid":0,"respawn":false}]';

  it('lists pid and respawn of each', async () => {
    assert.equal(await list(), listed(400, true));
  });

  it('test idea 43: stop, start, and a restart', async () => {
    assert.equal(await put('pv-xconnect', '{"action":"stop"}'), '200 ');
    await advance(clock, 0);
    assert.equal(await list(), listed(-1, false));
    assert.equal(await put('pv-xconnect', '{"action":"start"}'), '200 ');
    await advance(clock, 5_000);
    assert.equal(await list(), listed(401, true));
    assert.equal(await put('pv-xconnect', '{"action":"stop"}'), '200 ');
    assert.equal(await put('pv-xconnect', '{"action":"start"}'), '200 ');
    await advance(clock, 10_000);
    assert.equal(await list(), listed(402, true));
  });

  const rows: readonly (readonly [name: string, body: string, answer: string])[] = [
    ['sshd', '{"action":"stop"}', '404 {"Error":"Daemon not found"}'],
    ['sshd', 'x'.repeat(2_000), '404 {"Error":"Daemon not found"}'],
    ['pv-xconnect', 'stop', '400 {"Error":"Invalid JSON"}'],
    ['pv-xconnect', '', '400 {"Error":"No data"}'],
    ['pv-xconnect', '{"action":"restart"}', '200 '],
    ['pv-xconnect', '{"action":7}', '200 '],
    ['pv-xconnect', '{}', '200 '],
    ['pv-xconnect', 'null', '200 '],
    ['pv-xconnect', '[]', '200 '],
    ['pv-xconnect', `{"x":"${'x'.repeat(1_024 - 8)}"}`, '200 '],
    ['pv-xconnect', `{"x":"${'x'.repeat(1_025 - 8)}"}`, '507 {"Error":"Not enough disk space available"}'],
  ];
  for (const [name, body, answer] of rows) {
    const shown = body.length > 40 ? `${body.length} bytes` : body;
    it(`PUT /daemons/${name} ${shown}: ${answer}, and nothing changes`, async () => {
      assert.equal(await put(name, body), answer);
      await advance(clock, 10_000);
      assert.equal(await list(), listed(400, true));
    });
  }
});
