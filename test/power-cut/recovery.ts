/** What a device must do with whatever a power cut has left. */

import assert from 'node:assert/strict';
import type { BootLoaderType } from '../../adapters/host/boot/boot-record.ts';
import { type Content, contentOfRevision } from './contents.ts';
import { PowerCycle, upload } from './device.ts';
import type { DiskImage } from './disk-image.ts';
import { EVERYTHING } from './fates.ts';

/** The update that is cut off: from revision 0 to `NEW`. */
export interface Course {
  readonly title: string;
  readonly type: BootLoaderType;
  readonly content: Content;
}

export const NEW = 'locals/new';
/** What a client had been told before the power went. */
export type Known = 'uploaded' | 'UPDATED' | 'DONE';

const NEXT = contentOfRevision({ kernel: 9, containers: { a: 9 } });

/** Of a device without power. */
export interface Left {
  readonly image: DiskImage;
  /** What the boot loader started last. */
  readonly attempted: string;
}

export class Recovery {
  readonly #course: Course;
  #image: DiskImage;
  #attempted: string;
  #beforeChange: (what: string, left: Left) => void;
  #cycle: PowerCycle | undefined;

  /** `beforeChange` sees each change until the device has come to rest. */
  constructor(
    course: Course,
    { image, attempted }: Left,
    beforeChange: (what: string, left: Left) => void = () => {},
  ) {
    this.#course = course;
    this.#beforeChange = beforeChange;
    this.#image = image;
    this.#attempted = attempted;
  }

  /** The power comes, and reboots that are asked for are carried out until there are no more. */
  async comeToRest(): Promise<void> {
    for (let boots = 0; boots < 5; boots += 1) {
      this.#cycle = await PowerCycle.begin({
        image: this.#image,
        attempted: this.#attempted,
        type: this.#course.type,
        beforeChange: (what, attempted) => this.#beforeChange(what, { image: this.#image, attempted }),
      });
      this.#attempted = this.#cycle.booted;
      await this.#cycle.pass(120);
      if (!this.#cycle.leaving) {
        this.#beforeChange = () => {};
        return;
      }
      this.#reboot();
    }
    assert.fail('the device reboots for ever');
  }

  /** It runs the old or the new revision, whole, and says which; of what it had said before nothing is untrue now. */
  async checkTruth(known: readonly Known[]): Promise<void> {
    const cycle = this.#present;
    await cycle.verify();
    assert.equal(cycle.updating, false);
    const { committed, trying } = await cycle.read();
    const told = await cycle.told(NEW);
    if (cycle.runs === NEW) {
      assert.match(told ?? '', /^(DONE|UPDATED) /);
      const expected = told?.startsWith('DONE')
        ? { committed: NEW, trying: undefined }
        : { committed: '0', trying: NEW };
      assert.deepEqual({ committed, trying }, expected);
    } else {
      assert.equal(cycle.runs, '0');
      assert.match(told ?? 'NEW ', /^(NEW|ERROR) /);
      assert.deepEqual({ committed, trying }, { committed: '0', trying: undefined });
    }
    if (known.includes('uploaded')) {
      assert.equal(await cycle.control.steps.state(NEW), this.#course.content.text);
      assert.ok(told !== undefined, 'an installed revision has lost its progress');
    }
    if (known.includes('UPDATED')) assert.equal(cycle.runs, NEW, 'an update that was over is lost');
    if (known.includes('DONE')) assert.match(told ?? '', /^DONE/);
  }

  /** Devices that have the same behave the same from now on. */
  fingerprint(): readonly string[] {
    return [this.#image.fingerprint(), this.#attempted, this.#present.runs ?? ''];
  }

  /** What was cut off is done once more, or another update after it; to the end. */
  async checkNext(): Promise<void> {
    const { content } = this.#course;
    const cycle = this.#present;
    const [name, next] = cycle.runs === NEW ? ['locals/next', NEXT] : [NEW, content];
    await upload(cycle, name, next);
    await cycle.control.carryOut('LOCAL_RUN', name);
    await cycle.pass(120);
    this.#reboot();
    await this.comeToRest();
    assert.match((await this.#present.told(name)) ?? '', /^DONE/);
    assert.equal(this.#present.runs, name);
    await this.#present.verify();
    this.end();
  }

  end(): void {
    this.#present.end();
  }

  #reboot(): void {
    this.#present.end();
    this.#image = this.#image.afterPowerCut(EVERYTHING);
  }

  get #present(): PowerCycle {
    return this.#cycle ?? assert.fail('the power is off');
  }
}
