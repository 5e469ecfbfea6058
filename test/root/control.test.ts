/** The conformance suite on real LXC: clients run inside the containers, on the sockets that are mounted there. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askBytes, askCurl, output, type Reach } from '../control/client.ts';
import { buildControlDevice, CONTAINER_NAMES, type Who } from '../control/device.ts';
import { testConformance } from '../control/suite.ts';
import { isChange, NO_TRACES, pidsOf, type Run, type Scene, useScene } from './run-command.ts';

describe('the control API on real containers', function () {
  this.timeout(60_000);
  let scene: Scene;
  let run: Run;
  let reach: Reach;

  // Before the scene is cleared away.
  after(async () => {
    const { code, err } = await run.ended;
    assert.equal(code, 0, err);
    assert.match(err, /a reboot was asked for: "the suite is \\"over\\""/);
    assert.deepEqual(scene.traces(), NO_TRACES);
  });

  const makeScene = useScene('suite');

  before(async () => {
    scene = makeScene();
    const state = buildControlDevice(scene.storage);
    run = scene.run(state, { PATH: `${fakeDaemons(scene.storage)}:${process.env['PATH']}` });
    const waiting = CONTAINER_NAMES.filter((name) => name !== 'later');
    for (const name of waiting) {
      await run.heard((one) => isChange(one) && one.record.name === name && one.record.status === 'STARTED');
    }
    reach = reachInside(scene.runDir, run);
  });

  describe('user metadata reaches nobody else (control API §6.8, logs and metadata §6, §7.3)', () => {
    const inside = async (who: Who, script: string) => {
      const { prefix } = reach.programFor(who);
      return (await output([...prefix, '/bin/busybox', 'sh', '-c', script], '')).toString();
    };
    const put = (key: string, body: string) =>
      askCurl(reach, 'admin', { method: 'PUT', target: `/user-meta/${key}`, body });
    const forget = (key: string) =>
      askBytes(reach, 'host', { method: 'DELETE', target: `/user-meta/${key}` });

    it('but the container that its key names', async () => {
      const look = '/bin/busybox ls /pantavisor/user-meta';
      assert.equal((await put('plain.secret', 'for plain')).status, 200);
      assert.equal(await inside('plain', '/bin/busybox cat /pantavisor/user-meta/secret'), 'for plain');
      assert.deepEqual([await inside('mute', look), await inside('plain', look)], ['', 'secret\n']);
      assert.equal((await forget('plain.secret')).status, 200);
      assert.equal(await inside('plain', look), '');
    });

    for (const key of ['PV_SYSCTL_VM_SWAPPINESS', 'sysctl.vm.swappiness']) {
      it(`nor the kernel: ${key}`, async () => {
        const before = readFileSync('/proc/sys/vm/swappiness', 'utf8');
        assert.equal((await put(key, before.trim() === '7' ? '8' : '7')).status, 200);
        assert.equal(readFileSync('/proc/sys/vm/swappiness', 'utf8'), before);
        assert.equal((await forget(key)).status, 200);
      });
    }
  });

  testConformance(() => reach);
});

/** Programs that stay until they are told to end, in place of helper processes that this machine does not have. */
function fakeDaemons(directory: string): string {
  const programs = join(directory, 'programs');
  mkdirSync(programs);
  for (const name of ['rngd', 'pv-xconnect', 'pv-dbus']) {
    writeFileSync(join(programs, name), '#!/bin/sh\nexec sleep 1000\n');
    chmodSync(join(programs, name), 0o755);
  }
  return programs;
}

/** Through the root of the container's init, which is its mount namespace; programs run in all of its namespaces. */
function reachInside(runDir: string, run: Run): Reach {
  const socket = '/pantavisor/pv-ctrl';
  const host = join(runDir, 'pv-ctrl');
  return {
    socketOf: (who: Who) => (who === 'host' ? host : `/proc/${pidsOf(run.told)[who]}/root${socket}`),
    programFor: (who) =>
      who === 'host'
        ? { prefix: [], socket: host }
        : { prefix: ['lxc-attach', '-P', join(runDir, 'lxc'), '-n', who, '--'], socket },
  };
}
