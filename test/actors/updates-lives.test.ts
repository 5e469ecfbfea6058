/** Random lives of a device: commands, crashes, dead supervisors and power cuts in any order. Left alone, it always comes
 *  to rest on a revision that runs whole, tells the truth about it, and can do the next update. */

import assert from 'node:assert/strict';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { settle } from '../../sim/clock.ts';
import { createRandom, type Random } from '../../sim/random.ts';
import { bootDevice, type Device, type DeviceOptions, type Sketch } from '../support/update-world.ts';
import { checkWorlds } from '../support/world.ts';

const LIVES = 150;
const STEPS = 12;

const system = (version: number): Sketch[string] => ({ version, keys: { group: 'platform' } });
const never = (version: number): Sketch[string] => ({ version, keys: { status_goal: 'READY' } });
const recovering = (version: number): Sketch[string] => ({
  version,
  keys: { auto_recovery: { policy: 'on-failure', max_retries: 2, retry_delay: 3, stable_timeout: 20 } },
});
const REVISIONS: DeviceOptions['revisions'] = {
  '0': { s: system(1), a: 1, b: 1 },
  'locals/live': { s: system(1), a: 1, b: 2, c: recovering(1) },
  'locals/other': { s: system(1), a: recovering(2), b: 2 },
  'locals/reboot': { s: system(2), a: 1, b: 1 },
  'locals/never': { s: system(1), a: 1, b: never(3) },
  'locals/neverboot': { s: system(3), a: never(1), b: 1 },
};
const NAMES = [...Object.keys(REVISIONS), 'locals/none'];
const slow = { mount: 700, unmount: 500, start: 900, halt: 1_100 };
const ways = { s: slow, a: slow, b: { ...slow, ignoresHalt: true }, c: slow };

async function act(device: Device, random: Random): Promise<string> {
  const deed = random.between(0, 9);
  const name = NAMES[random.between(0, NAMES.length - 1)] ?? '0';
  switch (deed) {
    case 0:
    case 1:
    case 2:
      await order(device, 'LOCAL_RUN', name);
      return `LOCAL_RUN ${name}`;
    case 3:
      await order(device, 'LOCAL_RUN_COMMIT', name);
      return `LOCAL_RUN_COMMIT ${name}`;
    case 4: {
      const op = random.between(0, 2) === 0 ? 'MAKE_FACTORY' : 'RUN_GC';
      await order(device, op, '');
      return op;
    }
    case 5: {
      const { alive } = device.host;
      const container = alive[random.between(0, Math.max(0, alive.length - 1))] ?? '';
      device.host.crash(container, { kind: 'code', code: 1 });
      await settle();
      return `${container} crashes`;
    }
    case 6:
      await device.restart();
      return 'the supervisor dies';
    case 7:
      await device.reboot();
      return 'the power goes';
    case 8: {
      const point = device.steps.length + random.between(0, 8);
      device.cutBefore = (_, index) => index >= point;
      return `the power will go before write ${point}`;
    }
    default: {
      const seconds = random.between(0, 400) / 10;
      await device.pass(seconds);
      return `${seconds} s pass`;
    }
  }
}

async function order(
  device: Device,
  op: 'LOCAL_RUN' | 'LOCAL_RUN_COMMIT' | 'MAKE_FACTORY' | 'RUN_GC',
  name: string,
) {
  // Refusals are answers; a command that the power cuts off is never answered.
  device.updates
    .carryOut(op, name)
    .catch((error: unknown) => assert.ok(error instanceof SupervisorError, String(error)));
  await settle();
}

async function live(seed: number): Promise<readonly string[]> {
  const random = createRandom(seed);
  const device = await bootDevice({ revisions: REVISIONS, ways });
  await device.pass(5);
  const story: string[] = [];
  const where = () => `life ${seed}: ${story.join('; ')}`;
  for (let step = 0; step < STEPS; step += 1) {
    story.push(await act(device, random));
    if (random.between(0, 1) === 0) await device.pass(random.between(0, 60) / 10);
    if (device.powerless || device.leaving) {
      story.push(`${device.powerless ? 'no power' : 'reboot'}`);
      await device.reboot();
    }
  }
  device.cutBefore = () => false;
  await device.comeToRest();
  const statuses = Object.values(device.statuses());
  assert.ok(
    statuses.length > 0 && statuses.every((status) => status === 'STARTED'),
    `${where()} → ${statuses.join(' ')}`,
  );
  const { runs = '', boot } = device;
  assert.ok(!runs.startsWith('locals/never'), where());
  assert.equal(device.updates.updating, false, where());
  if (runs !== boot.committed) {
    assert.equal(boot.trying, runs, where());
    assert.match(device.store.told(runs) ?? '', /^UPDATED/, where());
  }
  device.add('locals/next', { s: system(9), a: 9 });
  await device.command('LOCAL_RUN', 'locals/next');
  await device.comeToRest();
  assert.match(device.store.told('locals/next') ?? '', /^DONE/, where());
  assert.equal(device.boot.committed, 'locals/next', where());
  return story;
}

describe('random lives of a device that updates itself (R-07, R-08, R-09)', function () {
  this.timeout(120_000);
  afterEach(checkWorlds);

  it(`all come to rest, ${LIVES} of them`, async () => {
    for (let seed = 1; seed <= LIVES; seed += 1) {
      try {
        await live(seed);
        checkWorlds();
      } catch (error) {
        throw new Error(`life ${seed}`, { cause: error });
      }
    }
  });
});
