/** The power goes at every change of the disk that an installation and an update make, and of what was not synced any part
 *  may be left (`disk-image.ts` has the model, `fates.ts` the bound). After each cut the device runs the old or the new
 *  revision, whole; says which; and is able to update. */

import assert from 'node:assert/strict';
import { createRandom, type Random } from '../../sim/random.ts';
import { contentOfRevision } from './contents.ts';
import { manufacture, PowerCycle, upload } from './device.ts';
import type { Fate } from './disk-image.ts';
import { EVERYTHING, fates, NOTHING } from './fates.ts';
import { type Course, type Known, type Left, NEW, Recovery } from './recovery.ts';

const OLD = contentOfRevision({ kernel: 1, containers: { a: 1, b: 1, gone: 1 } });
/** Of each cut, beside "nothing" and "everything"; `POWER_CUTS=20` for a longer look. */
const BY_CHANCE = Number(process.env['POWER_CUTS'] ?? 2);
/** One cut in so many is followed by another during the recovery, at as many of its moments. */
const ONE_IN = 16;
const SECOND_CUTS = 4;

const LIVE = contentOfRevision({ kernel: 1, containers: { a: 1, b: 2, new: 1 } });
const REBOOT = contentOfRevision({ kernel: 2, containers: { a: 1, b: 2, new: 1 } });
const COURSES: readonly Course[] = [
  { title: 'a live update, and the reboot after it', type: 'uboot', content: LIVE },
  { title: 'an update by reboot', type: 'uboot', content: REBOOT },
  { title: 'an update by reboot, started by GRUB', type: 'grub', content: REBOOT },
];

/** The device at the moment before a change. */
interface Point extends Left {
  readonly what: string;
  /** What a client knows by then. */
  readonly known: readonly Known[];
}

/** The undisturbed course, with a picture of the disk before each change and at the end. */
async function pointsOf({ type, content }: Course): Promise<readonly Point[]> {
  const points: Point[] = [];
  const known: Known[] = [];
  const now = { image: await manufacture(OLD), attempted: '0', told: false };
  const beforeChange = (what: string, attempted: string): void => {
    const { image } = now;
    if (now.told) points.push({ what, image: image.copy(), attempted, known: [...known] });
  };
  const begin = async (): Promise<PowerCycle> => {
    const cycle = await PowerCycle.begin({ ...now, type, beforeChange });
    now.attempted = cycle.booted;
    await cycle.pass(0);
    return cycle;
  };
  const reboot = async (cycle: PowerCycle): Promise<PowerCycle> => {
    assert.deepEqual(cycle.complaints, []);
    cycle.end();
    // What runs on trial after a reboot may be given up by the next one.
    known.splice(1);
    now.image = now.image.afterPowerCut(EVERYTHING);
    return begin();
  };

  let cycle = await begin();
  now.told = true;
  await upload(cycle, NEW, content);
  known.push('uploaded');
  await cycle.control.carryOut('LOCAL_RUN', NEW);
  await cycle.pass(120);
  if (!cycle.leaving) {
    assert.match((await cycle.told(NEW)) ?? '', /^UPDATED/);
    known.push('UPDATED');
  }
  cycle = await reboot(cycle);
  await cycle.pass(120);
  assert.match((await cycle.told(NEW)) ?? '', /^DONE/);
  known.push('DONE');
  await cycle.control.carryOut('RUN_GC', '');
  assert.deepEqual(cycle.complaints, []);
  beforeChange('the end', now.attempted);
  cycle.end();
  return points;
}

/** What has been looked at, which need not be looked at again. */
class Findings {
  readonly disks = new Set<string>();
  readonly rests = new Set<string>();
  cuts = 0;

  /** One cut. @returns the moments of the recovery at which the power could go again */
  async lookAt(course: Course, point: Point, fate: Fate, again: boolean): Promise<readonly Point[]> {
    const { what, attempted, known } = point;
    this.cuts += 1;
    const image = point.image.afterPowerCut(fate);
    if (!isNew(this.disks, image.fingerprint(), attempted, ...known)) return [];
    const points: Point[] = [];
    // What was UPDATED is on trial now, and may be given up by the next boot.
    const knownAgain = known.filter((one) => one !== 'UPDATED');
    const device = new Recovery(course, { image, attempted }, (then, left) => {
      if (!again) return;
      points.push({ ...left, image: left.image.copy(), what: `${what}; then: ${then}`, known: knownAgain });
    });
    try {
      await device.comeToRest();
      await device.checkTruth(known);
      if (isNew(this.rests, ...device.fingerprint())) await device.checkNext();
      else device.end();
    } catch (error) {
      throw new Error(`the power went before: ${what}`, { cause: error });
    }
    return points;
  }
}

function isNew(seen: Set<string>, ...parts: readonly string[]): boolean {
  const before = seen.size;
  return seen.add(parts.join(' ')).size > before;
}

describe('the power goes at every change of the disk (R-09, lifecycle §14.2)', function () {
  this.timeout(90_000 * BY_CHANCE);

  for (const course of COURSES) {
    it(`${course.title}; and again in the recovery`, async () => {
      const points = await pointsOf(course);
      const findings = new Findings();
      const random = createRandom(1);
      for (const [at, point] of points.entries()) {
        for (const fate of fates(at, BY_CHANCE)) {
          const again = random.between(1, ONE_IN) === 1;
          const moments = await findings.lookAt(course, point, fate, again);
          for (const moment of chosen(moments, SECOND_CUTS, random)) {
            const [second = NOTHING] = fates(random.next(), 1).slice(-1);
            await findings.lookAt(course, moment, second, false);
          }
        }
      }
      const { cuts, disks, rests } = findings;
      console.info(
        `      ${points.length} points, ${cuts} cuts, ${disks.size} disks, ${rests.size} outcomes`,
      );
      assert.ok(points.length > 200, `${points.length} points`);
    });
  }
});

function chosen<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, () => items[random.between(0, items.length - 1)] as T);
}
