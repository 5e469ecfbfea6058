import assert from 'node:assert/strict';
import { createConfig } from '../../../../actors/config.ts';
import { configRoutes as routes } from '../../../../adapters/control/routes/config.ts';
import { callRoute } from '../../../support/call-route.ts';

describe('GET /config and GET /config2 (control API §6.10)', () => {
  function open() {
    const config = createConfig([
      { level: 'env', place: 'environment', name: 'PV_SECUREBOOT_MODE', text: 'strict' },
      { level: 'pv conf file', place: '/c:1', name: 'PV_LOG_SERVER_OUTPUTS', text: 'filetree' },
    ]);
    const get = async (target: string) => {
      const { status, body } = await callRoute({ routes, method: 'GET', target, control: { config } });
      assert.equal(status, 200);
      return body;
    };
    return { config, get };
  }

  it('show unset texts and enumerations each in its own way (§11 test 44)', async () => {
    const { get } = open();
    const legacy = await get('/config');
    assert.ok(legacy.startsWith('{"creds.host":"api.pantahub.com","creds.id":null,"creds.port":443,'));
    assert.ok(legacy.includes(',"secureboot.mode":3,'));
    const entries = await get('/config2');
    assert.ok(entries.includes(',{"key":"PH_CREDS_ID","value":"(null)","modified":"default"},'));
    assert.ok(entries.includes(',{"key":"PV_SECUREBOOT_MODE","value":"strict","modified":"env"},'));
    assert.ok(entries.includes(',{"key":"PV_LOG_SERVER_OUTPUTS","value":"132","modified":"pv conf file"},'));
  });

  it('show what user metadata says while it says it (§11 test 37)', async () => {
    const { config, get } = open();
    const before = await get('/config2');
    config.override('PV_LOG_LEVEL', '5');
    assert.ok((await get('/config')).includes(',"log.level":5,'));
    assert.ok((await get('/config2')).includes(',{"key":"PV_LOG_LEVEL","value":"5","modified":"metadata"},'));
    config.override('PV_LOG_LEVEL', undefined);
    assert.equal(await get('/config2'), before);
  });
});
