/** Before every write of the store and of the boot loader's record, and before every hook: where a scenario has steps fail,
 *  and where it takes the power away. */

import { type FaultCode, SupervisorError } from '../machines/domain/fault.ts';
import type { Diary } from './diary.ts';

export interface WriteGateOptions {
  readonly diary: Diary;
  /** Beginnings of steps, and how often they fail. */
  readonly fails: ReadonlyMap<string, number>;
  /** The power is gone; whoever wrote is still at it. */
  readonly powerLost: () => void;
}

export class WriteGate {
  readonly #options: WriteGateOptions;
  readonly #failed = new Map<string, number>();
  #cut: string | undefined;
  #powered = false;

  constructor(options: WriteGateOptions) {
    this.#options = options;
  }

  powerUp(): void {
    this.#powered = true;
  }

  powerDown(): void {
    this.#powered = false;
  }

  /** Before the next step that begins like this. */
  cutBefore(beginning: string): void {
    this.#cut = beginning;
  }

  /** A `Gate` of `fake-store.ts`. */
  readonly pass = async (step: string): Promise<void> => {
    const { diary, powerLost } = this.#options;
    if (this.#powered && this.#cut !== undefined && beginsLike(step, this.#cut)) {
      this.#cut = undefined;
      this.#powered = false;
      diary.happening('', `the power goes before "${step}"`);
      powerLost();
    }
    if (!this.#powered) await new Promise<never>(() => undefined);
    this.#refuse(step);
  };

  #refuse(step: string): void {
    for (const [beginning, times] of this.#options.fails) {
      const failed = this.#failed.get(beginning) ?? 0;
      if (failed >= times || !beginsLike(step, beginning)) continue;
      this.#failed.set(beginning, failed + 1);
      const code: FaultCode = step.startsWith('hook ') ? 'START_FAILED' : 'STORE_FAILED';
      throw new SupervisorError(code, `${step}: the scenario lets it fail`, { errno: 'EIO' });
    }
  }
}

/** `progress locals/b` begins `progress locals/b TESTING …`, not `progress locals/blue …`. */
function beginsLike(step: string, beginning: string): boolean {
  return step === beginning || step.startsWith(`${beginning} `);
}
