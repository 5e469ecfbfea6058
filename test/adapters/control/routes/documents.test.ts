/** Routes that only show a text: `/buildinfo`, `/xconnect-graph`. */

import assert from 'node:assert/strict';
import { buildInfoRoutes } from '../../../../adapters/control/routes/buildinfo.ts';
import { xconnectRoutes } from '../../../../adapters/control/routes/xconnect.ts';
import { callRoute, stateOf } from '../../../support/call-route.ts';
import { revisionOf } from '../../../support/revision.ts';
import { boot, checkWorlds } from '../../../support/world.ts';

describe('GET /buildinfo (control API §6.9)', () => {
  const ask = (manifest: string) =>
    callRoute({
      routes: buildInfoRoutes,
      method: 'GET',
      target: '/buildinfo',
      control: { buildInfo: () => manifest },
    });

  for (const manifest of ['<manifest>\n  <project name="x"/>\n</manifest>\n', '']) {
    it(`shows ${manifest === '' ? 'an empty manifest' : 'the manifest as it is'}`, async () => {
      assert.deepEqual(await ask(manifest), { status: 200, type: 'text/plain', body: manifest, headers: {} });
    });
  }
});

describe('GET /xconnect-graph (control API §6.15)', () => {
  afterEach(checkWorlds);

  const call = { routes: xconnectRoutes, method: 'GET', target: '/xconnect-graph' } as const;

  it('is an empty graph', async () => {
    const revision = revisionOf({ g: { containers: { a: {} } } });
    const reply = await callRoute({ ...call, control: stateOf(await boot(revision), revision) });
    assert.deepEqual(reply, { status: 200, type: 'application/json', body: '[]', headers: {} });
  });

  it('says so while the state is not loaded (control API §1)', async () => {
    const { status, body } = await callRoute({ ...call, control: {} });
    assert.deepEqual({ status, body }, { status: 500, body: '{"Error":"State not loaded yet"}' });
  });
});
