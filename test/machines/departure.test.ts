/** Reboot and power-off on demand (lifecycle §8.2, §8.3). */

import assert from 'node:assert/strict';
import { revisionOf } from '../support/revision.ts';
import { boot, checkWorlds, type World } from '../support/world.ts';

const two = revisionOf({ g1: { containers: { a: {}, b: { statusGoal: 'MOUNTED' } } } });
const phases = ({ told }: World) =>
  told.flatMap((news) => (news.type === 'device' ? [`${news.at} ${news.phase}`] : []));

const WAYS = [
  { type: 'device.reboot', phase: 'rebooting', call: 'reboot', done: 'reboots', other: 'powerOffs' },
  { type: 'device.powerOff', phase: 'poweringOff', call: 'power off', done: 'powerOffs', other: 'reboots' },
] as const;

for (const { type, phase, call, done, other } of WAYS) {
  describe(`${type} (lifecycle §8.3)`, () => {
    afterEach(checkWorlds);

    const bootTwo = async () => {
      const world = await boot(two, { ways: { a: { halt: 2_000 } } });
      await world.pass(1_000);
      return world;
    };

    it('stops every container, then goes, telling both', async () => {
      const world = await bootTwo();
      assert.deepEqual(world.supervisor.send({ type, because: 'words' }), { ok: true });
      assert.equal(world.supervisor.phase(), 'stopping');
      await world.pass(1_999);
      assert.deepEqual(world.host[done], []);
      await world.pass(1);
      assert.deepEqual(phases(world), ['0 running', '1000 stopping', `3000 ${phase}`]);
      assert.equal(world.supervisor.phase(), phase);
      assert.deepEqual(world.host[done], [{ code: 'REQUESTED', message: 'words' }]);
      assert.deepEqual(world.host[other], []);
      assert.deepEqual(world.host.mounted, []);
      assert.equal(world.host.calls.at(-1), `${call}: words`);
      assert.deepEqual(world.failures(), []);
    });

    it('kills at once what still runs when forced', async () => {
      const world = await bootTwo();
      world.supervisor.send({ type, because: 'words' });
      world.supervisor.send({ type: 'device.force' });
      await world.pass(0);
      assert.equal(world.supervisor.phase(), phase);
      assert.equal(world.host[done].length, 1);
      assert.equal(world.clock.now(), 1_000);
    });

    it('takes no order any more, neither on a container nor on the device', async () => {
      const world = await bootTwo();
      world.supervisor.send({ type, because: 'words' });
      const stopping = { ok: false, code: 'conflict', message: 'The device is stopping' };
      assert.deepEqual(await world.order('container.restart', 'a'), stopping);
      for (const { type: again } of WAYS) {
        assert.deepEqual(world.supervisor.send({ type: again, because: 'again' }), stopping);
      }
      world.supervisor.send({ type: 'device.stop' });
      await world.pass(2_000);
      assert.equal(world.supervisor.phase(), phase);
      const left = await world.order('container.start', 'a');
      assert.equal(
        left.ok ? '' : left.message,
        `The device is ${type === 'device.reboot' ? 'rebooting' : 'powering off'}`,
      );
      assert.equal(world.host[done].length, 1);
      assert.deepEqual(world.host[other], []);
    });

    it('of a device without containers is done at once', async () => {
      const world = await boot(revisionOf({ g1: { containers: {} } }));
      world.supervisor.send({ type, because: 'words' });
      await world.pass(0);
      assert.equal(world.supervisor.phase(), phase);
      assert.equal(world.host[done].length, 1);
    });

    it('is not turned aside by a container that fails meanwhile', async () => {
      const fault = { code: 'UNMOUNT_FAILED', message: 'umount root of a: EBUSY' } as const;
      const world = await boot(two, { ways: { a: { unmountFails: { fault, times: 1 } } } });
      await world.pass(0);
      world.supervisor.send({ type, because: 'words' });
      await world.pass(0);
      assert.deepEqual(world.failures(), ['a UNMOUNT_FAILED']);
      assert.deepEqual(world.host[done], [{ code: 'REQUESTED', message: 'words' }]);
      assert.deepEqual(world.host[other], []);
    });

    it('does not replace the reboot that a failed container has begun', async () => {
      const fault = {
        code: 'EXITED',
        subject: 'b',
        message: 'container b: exit status 1; it has no auto_recovery',
      };
      const world = await boot(revisionOf({ g1: { containers: { a: {}, b: {} } } }), {
        ways: { a: { halt: 1_000 } },
      });
      await world.pass(0);
      await world.exit('b');
      assert.equal(world.supervisor.phase(), 'stopping');
      assert.equal(world.supervisor.send({ type, because: 'words' }).ok, false);
      await world.pass(1_000);
      assert.deepEqual(world.host.reboots, [fault]);
      assert.deepEqual(world.host.powerOffs, []);
    });
  });
}
