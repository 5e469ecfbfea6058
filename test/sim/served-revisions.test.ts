/** Stored revisions behind the sockets of a simulated device: steps, objects, garbage collection and commands, with the
 *  real server (control API §6.5–§6.7). */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useScratch } from '../adapters/scratch.ts';
import { type Answer, askBytes } from '../control/client.ts';
import { type SimulatedDevice, serveScenario } from '../control/simulated.ts';

const GROUPS = [{ name: 'app', timeout: 30, restart_policy: 'container' }];
const OLD = '01'.repeat(32);
const NEW = '02'.repeat(32);

function stateOf(object: string): string {
  return JSON.stringify({
    '#spec': 'pantavisor-service-system@1',
    'device.json': { groups: GROUPS, volumes: {} },
    'web/root.squashfs': object,
    'web/lxc.container.conf': OLD,
    'web/run.json': {
      '#spec': 'service-manifest-run@1',
      name: 'web',
      type: 'lxc',
      group: 'app',
      config: 'lxc.container.conf',
      'root-volume': 'root.squashfs',
    },
  });
}

describe('statevisor sim --listen with revisions', function () {
  this.timeout(20_000);
  const scratch = useScratch();
  let device: SimulatedDevice | undefined;
  afterEach(async () => {
    await device?.stop();
    device = undefined;
  });

  async function serve(text: string) {
    const directory = scratch();
    const file = join(directory, 'file');
    writeFileSync(file, text);
    const served = await serveScenario(file, join(directory, 'run'));
    device = served;
    const ask = (method: string, target: string, body?: string): Promise<Answer> =>
      askBytes(served.reach, 'host', { method, target, body });
    const command = (op: string, payload = '') => ask('POST', '/commands', JSON.stringify({ op, payload }));
    return { ask, command, says: served.says };
  }
  const scenario = (storage: string) =>
    JSON.stringify({
      title: 't',
      lesson: 'l',
      revision: { state: JSON.parse(stateOf(OLD)) },
      storage: { commit_delay: '1s', ...JSON.parse(storage) },
      expect: [{ revision: 'READY' }],
    });

  it('takes an object and a step, runs it, and tells the progress', async () => {
    const { ask, command, says } = await serve(scenario('{}'));
    await says(/revision .* READY, goal ACHIEVED/);
    assert.equal((await ask('PUT', `/objects/${NEW}`, 'content')).status, 200);
    assert.match((await ask('GET', '/objects')).body, new RegExp(NEW));
    assert.equal((await ask('PUT', '/steps/locals/next', stateOf(NEW))).status, 200);
    assert.equal((await ask('GET', '/steps/locals/next')).body, stateOf(NEW));
    assert.match((await ask('GET', '/steps/locals/next/progress')).body, /"Update ready to be run"/);
    assert.equal((await command('LOCAL_RUN', 'locals/next')).status, 200);
    await says(/progress locals\/next TESTING/);
    assert.equal((await command('LOCAL_RUN', '0')).status, 503);
    await says(/progress locals\/next UPDATED/);
    assert.equal((await ask('GET', '/steps/current')).body, stateOf(NEW));
    assert.match((await ask('GET', '/steps/locals/next/progress')).body, /"status":"UPDATED"/);
  });

  it('reboots to commit, and goes on serving', async () => {
    const { ask, command, says } = await serve(scenario('{}'));
    await ask('PUT', `/objects/${NEW}`, 'content');
    await ask('PUT', '/steps/locals/next', stateOf(NEW));
    assert.equal((await command('LOCAL_RUN_COMMIT', 'locals/next')).status, 200);
    await says(/the boot loader boots locals\/next[\s\S]*progress locals\/next DONE/);
    assert.match((await ask('GET', '/steps/locals/next/progress')).body, /"status":"DONE"/);
    assert.equal((await ask('GET', '/steps/current')).body, stateOf(NEW));
  });

  it('refuses an object that does not fit with 507, and collects what nobody needs', async () => {
    const { ask, command, says } = await serve(scenario('{"room":1}'));
    assert.equal((await ask('PUT', `/objects/${NEW}`, 'content')).status, 507);
    assert.doesNotMatch((await ask('GET', '/objects')).body, new RegExp(NEW));
    await ask('PUT', '/steps/locals/next', stateOf(NEW));
    assert.equal((await command('RUN_GC')).status, 200);
    await says(/remove locals\/next/);
    assert.doesNotMatch((await ask('GET', '/steps')).body, /locals\/next/);
  });

  it('has a store for a plain state JSON, too', async () => {
    const { ask } = await serve(stateOf(OLD));
    assert.equal((await ask('GET', '/steps/current')).body, stateOf(OLD));
  });
});
