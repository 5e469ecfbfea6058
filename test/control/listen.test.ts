/** `statevisor sim --listen`: a device to talk to, without rights and without a device. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { statevisor } from '../adapters/cli/command.ts';
import { useScratch } from '../adapters/scratch.ts';
import { ROOT } from '../support/sources.ts';
import { askBytes, type Reach } from './client.ts';
import { writeControlScenario } from './device.ts';
import { type Follower, followEvents } from './follow.ts';
import { reachBelow, type SimulatedDevice, serveScenario } from './simulated.ts';

describe('statevisor sim --listen', function () {
  this.timeout(20_000);
  const scratch = useScratch();
  let directory: string;
  let device: SimulatedDevice | undefined;
  let follower: Follower | undefined;
  beforeEach(() => {
    directory = scratch();
  });
  afterEach(async () => {
    follower?.close();
    await device?.stop();
    device = undefined;
    follower = undefined;
  });

  async function serve(file = writeControlScenario(directory)): Promise<Reach> {
    device = await serveScenario(file, join(directory, 'run'));
    return device.reach;
  }

  async function follow(reach: Reach): Promise<Follower> {
    follower?.close();
    follower = followEvents(reach);
    await follower.went('ready', ['STARTED']);
    return follower;
  }

  const ask = (reach: Reach, method: string, target: string, body?: string) =>
    askBytes(reach, 'host', { method, target, body });
  const command = (reach: Reach, op: string) =>
    ask(reach, 'POST', '/commands', JSON.stringify({ op, payload: '' }));

  it("opens a container's door with its start and removes it with its end (design §6)", async () => {
    const reach = await serve();
    const events = await follow(reach);
    assert.ok(existsSync(reach.socketOf('plain')));
    const mark = events.mark;
    assert.equal((await ask(reach, 'PUT', '/containers/plain', '{"action":"stop"}')).status, 200);
    await events.went('plain', ['STOPPED'], mark);
    assert.ok(!existsSync(reach.socketOf('plain')));
    assert.equal((await ask(reach, 'PUT', '/containers/plain', '{"action":"start"}')).status, 200);
    await events.went('plain', ['STOPPED', 'STARTED'], mark);
    assert.equal((await askBytes(reach, 'plain', { method: 'GET', target: '/groups' })).status, 403);
  });

  it('reboots on command: metadata stays, configuration and containers begin anew', async () => {
    const reach = await serve();
    await follow(reach);
    await ask(reach, 'PUT', '/user-meta/kept', 'yes');
    await command(reach, 'DISABLE_SSH');
    const before = (await ask(reach, 'GET', '/v1/status')).body;
    const gone = once((await follow(reach)).socket, 'end');
    assert.equal((await command(reach, 'REBOOT_DEVICE')).status, 200);
    await gone;
    await follow(reach);
    assert.equal((await ask(reach, 'GET', '/user-meta')).body, '{"kept":"yes"}');
    assert.match(
      (await ask(reach, 'GET', '/config2')).body,
      /"PV_DEBUG_SSH","value":"1","modified":"default"/,
    );
    const after = JSON.parse((await ask(reach, 'GET', '/v1/status')).body);
    assert.notEqual(after.last_event_id.split('-')[0], JSON.parse(before).last_event_id.split('-')[0]);
  });

  it('ends with 0 when the device switches itself off, and leaves no socket', async () => {
    const reach = await serve();
    await follow(reach);
    assert.equal((await command(reach, 'POWEROFF_DEVICE')).status, 200);
    assert.equal(await device?.ended, 0);
    for (const who of ['host', 'plain'] as const) assert.ok(!existsSync(reach.socketOf(who)), who);
  });

  it('plays the timeline of a scenario and goes on serving after it', async () => {
    const file = join(directory, 'timeline.yaml');
    const scenario = {
      title: 't',
      lesson: 'l',
      revision: { containers: { ready: { group: 'app' } } },
      timeline: [
        { at: '20ms', supervisor: 'kill' },
        { at: '40ms', supervisor: 'boot' },
        { at: '60ms', device: 'power-cycle' },
        { at: '80ms', stop: 'ready' },
      ],
      expect: [{ containers: { ready: 'READY' } }],
    };
    writeFileSync(file, JSON.stringify(scenario));
    const reach = await serve(file);
    // Its sockets come and go with the supervisor: the last one's is there to stay.
    await device?.says(/user: stop ready\n/);
    follower = followEvents(reach);
    await follower.went('ready', ['STARTED', 'STOPPED']);
    assert.equal(await device?.stop(), 0);
    await device?.says(/passed: 2 of 2 expectations held/);
  });

  it('ends with 0 on SIGINT, as a process of its own', async () => {
    const run = join(directory, 'run');
    const words = ['--import', 'tsx', join(ROOT, 'adapters/cli/program.ts'), 'sim', '--listen', run];
    const child = spawn(process.execPath, [...words, writeControlScenario(directory)], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [[line]] = (await Promise.all([once(child.stderr, 'data'), once(child.stdout, 'data')])) as [
      [Buffer],
      unknown,
    ];
    assert.equal(
      `${line}`,
      `statevisor: serving ${run}/pv-ctrl and ${run}/doors/CONTAINER/pv-ctrl until Ctrl-C\n`,
    );
    const reach = reachBelow(run);
    assert.equal((await askBytes(reach, 'host', { method: 'GET', target: '/xconnect-graph' })).body, '[]');
    const ended = Promise.all([once(child, 'exit'), text(child.stdout)]);
    child.kill('SIGINT');
    const [[code], out] = await ended;
    assert.equal(code, 0, out);
    assert.ok(!existsSync(reach.socketOf('host')));
  });

  it('lives by the wall clock: --speed max is refused', async () => {
    const { code, err } = await statevisor('sim', '--listen', directory, '--speed', 'max', 'x.yaml');
    assert.equal(code, 2);
    assert.equal(err, 'statevisor: --listen needs --speed 1 or 60: clients live by the wall clock\n');
  });

  it('says so when a path does not fit into a socket address', async () => {
    const long = join(directory, 'x'.repeat(120));
    const { code, err } = await statevisor('sim', '--listen', long, writeControlScenario(directory));
    assert.equal(code, 1);
    assert.match(err, /the control socket of the host has a path of \d+ bytes, 107 are possible/);
  });
});
