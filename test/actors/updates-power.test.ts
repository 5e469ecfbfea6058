/** The power goes before each write of an update, and again before each write of what follows; or the supervisor alone is
 *  killed there. The device ends in the old or the new revision, says which, and is able to do the next update. */

import assert from 'node:assert/strict';
import { bootDevice, type Device, type DeviceOptions, type Sketch } from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const platform = (version: number): Sketch[string] => ({ version, keys: { group: 'platform' } });

interface Course {
  readonly title: string;
  readonly revisions: DeviceOptions['revisions'];
  readonly op: 'LOCAL_RUN' | 'LOCAL_RUN_COMMIT';
  /** The new revision can come to run. */
  readonly good: boolean;
  readonly settings?: NonNullable<DeviceOptions['settings']>;
}
const never = { version: 2, keys: { status_goal: 'READY' } };
const COURSES: readonly Course[] = [
  {
    title: 'a live update',
    revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: 2, c: 1 } },
    op: 'LOCAL_RUN',
    good: true,
  },
  {
    title: 'a live update that misses its goal',
    revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: never } },
    op: 'LOCAL_RUN',
    good: false,
  },
  {
    title: 'a live update that misses its goal, PV_UPDATER_ROLLBACK_REBOOT=1',
    revisions: { '0': { a: 1, b: 1 }, 'locals/b': { a: 1, b: never } },
    op: 'LOCAL_RUN',
    good: false,
    settings: { PV_UPDATER_ROLLBACK_REBOOT: true },
  },
  {
    title: 'a committed live update',
    revisions: { '0': { a: 1 }, 'locals/b': { a: 2 } },
    op: 'LOCAL_RUN_COMMIT',
    good: true,
  },
  {
    title: 'an update by reboot',
    revisions: { '0': { a: 1, b: platform(1) }, 'locals/b': { a: 1, b: platform(2) } },
    op: 'LOCAL_RUN',
    good: true,
  },
  {
    title: 'an update by reboot that misses its goal',
    revisions: {
      '0': { a: 1, b: platform(1) },
      'locals/b': { a: 1, b: { version: 2, keys: { group: 'platform', status_goal: 'READY' } } },
    },
    op: 'LOCAL_RUN',
    good: false,
  },
];

const begin = ({ revisions, settings = {} }: Course) => bootDevice({ revisions, settings });
const order = ({ op }: Course, device: Device) => device.command(op, 'locals/b');

/** Undisturbed: the writes from the command to the end. */
async function writesOf(course: Course): Promise<readonly string[]> {
  const device = await begin(course);
  const before = device.steps.length;
  await order(course, device);
  await device.comeToRest();
  return device.steps.slice(before);
}

function verify({ good }: Course, device: Device, where: string): void {
  const told = device.store.told('locals/b') ?? '';
  if (device.runs === 'locals/b') {
    assert.ok(good, `${where}: it runs`);
    assert.match(told, /^(DONE|UPDATED) /, where);
    const done = told.startsWith('DONE');
    assert.equal(device.boot.committed, done ? 'locals/b' : '0', where);
    assert.equal(device.boot.trying, done ? undefined : 'locals/b', where);
  } else {
    assert.equal(device.runs, '0', where);
    assert.match(told, /^(NEW|ERROR) /, where);
    assert.equal(device.boot.committed, '0', where);
    assert.equal(device.boot.trying, undefined, where);
  }
  const statuses = Object.values(device.statuses());
  assert.ok(
    statuses.length > 0 && statuses.every((status) => status === 'STARTED'),
    `${where}: ${statuses.join(' ')}`,
  );
  assert.equal(device.updates.updating, false, where);
}

async function verifyNext(device: Device, where: string): Promise<void> {
  device.add('locals/next', { a: 7 });
  await device.command('LOCAL_RUN_COMMIT', 'locals/next');
  await device.comeToRest();
  assert.equal(
    device.store.told('locals/next'),
    'DONE Update finished, revision set as rollback point',
    where,
  );
  assert.equal(device.runs, 'locals/next', where);
}

describe('a power cut before each write of an update (R-09, lifecycle §14.2)', function () {
  this.timeout(120_000);
  afterEach(checkWorlds);

  for (const course of COURSES) {
    it(`${course.title}, and another before each write after it`, async () => {
      const { length } = await writesOf(course);
      let points = 0;
      for (let first = 0; first <= length; first += 1) {
        // How many writes the recovery takes is seen in the run without a second cut.
        let recovery = 0;
        for (let second = -1; second < recovery; second += 1) {
          const where = `cut before write ${first}, then ${second}`;
          const device = await begin(course);
          const start = device.steps.length;
          device.cutBefore = (_, index) => index === start + first;
          await order(course, device);
          for (let boots = 0; boots < 3 && !device.powerless; boots += 1) {
            await device.pass(120);
            if (!device.leaving || device.powerless) break;
            const { cutBefore } = device;
            await device.reboot({ cutBefore });
          }
          const recovered = device.steps.length;
          await device.reboot(second < 0 ? {} : { cutBefore: (_, index) => index === recovered + second });
          await device.pass(120);
          if (device.powerless) await device.reboot();
          await device.comeToRest();
          if (second < 0) recovery = device.steps.length - recovered;
          verify(course, device, where);
          if (second < 0) await verifyNext(device, where);
          points += 1;
          checkWorlds();
        }
      }
      assert.ok(length >= 9 && points >= 4 * length, `${points} points for ${length} writes`);
    });
  }
});

describe('a supervisor killed before each write of an update (R-08)', function () {
  this.timeout(120_000);
  afterEach(checkWorlds);

  for (const course of COURSES) {
    it(`${course.title}: the next one goes on, and what is not touched keeps its process`, async () => {
      const { length } = await writesOf(course);
      for (let point = 0; point <= length; point += 1) {
        const where = `killed before write ${point}`;
        const device = await begin(course);
        const a = device.pid('a');
        const start = device.steps.length;
        device.cutBefore = (_, index) => index === start + point;
        await order(course, device);
        for (let boots = 0; boots < 3 && !device.powerless; boots += 1) {
          await device.pass(120);
          if (!device.leaving || device.powerless) break;
          const { cutBefore } = device;
          await device.reboot({ cutBefore });
        }
        const rebooted = device.boot.boots > 1;
        await device.restart();
        await device.pass(0);
        if (!rebooted && !device.leaving && course.title.startsWith('a live'))
          assert.equal(device.pid('a'), a, where);
        await device.comeToRest();
        verify(course, device, where);
        await verifyNext(device, where);
        checkWorlds();
      }
    });
  }
});

describe('an update of slow containers, disturbed at any time', function () {
  this.timeout(120_000);
  afterEach(checkWorlds);

  const course: Course = {
    title: 'slow',
    revisions: { '0': { a: 1, b: 1, gone: 1 }, 'locals/b': { a: 1, b: 2, new: 1 } },
    op: 'LOCAL_RUN',
    good: true,
  };
  const slow = { mount: 900, unmount: 700, start: 1_100, halt: 1_300 };
  const ways = { a: slow, b: slow, gone: { ...slow, ignoresHalt: true }, new: slow };
  async function begin(): Promise<Device> {
    const device = await bootDevice({ revisions: course.revisions, ways });
    await device.pass(10);
    await device.command(course.op, 'locals/b');
    return device;
  }
  /** Until after UPDATED. */
  const TENTHS = 360;

  it('by a power cut', async () => {
    for (let tenth = 0; tenth < TENTHS; tenth += 7) {
      const device = await begin();
      await device.pass(tenth / 10);
      await device.reboot();
      await device.comeToRest();
      verify(course, device, `power cut after ${tenth / 10} s`);
      checkWorlds();
    }
  });

  it('by the death of the supervisor: what is not touched keeps its process', async () => {
    for (let tenth = 0; tenth < TENTHS; tenth += tenth < 100 ? 2 : 13) {
      const where = `killed after ${tenth / 10} s`;
      const device = await begin();
      const a = device.pid('a');
      await device.pass(tenth / 10);
      await device.restart();
      await device.comeToRest();
      verify(course, device, where);
      assert.equal(device.pid('a'), a, where);
      assert.equal(device.reboots, 0, where);
      checkWorlds();
    }
  });

  it('by the death of the supervisor on the way back, too', async () => {
    for (let tenth = 0; tenth < 100; tenth += 3) {
      const where = `killed ${tenth / 10} s after the crash`;
      const device = await begin();
      const a = device.pid('a');
      await device.pass(20);
      await device.crash('b');
      await device.pass(tenth / 10);
      await device.restart();
      await device.comeToRest();
      verify({ ...course, good: false }, device, where);
      assert.equal(device.store.told('locals/b'), 'ERROR A container could not be started', where);
      assert.equal(device.pid('a'), a, where);
      assert.equal(device.reboots, 0, where);
      checkWorlds();
    }
  });
});
