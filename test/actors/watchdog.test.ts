/** The hardware watchdog: when it is opened, kicked and closed (lifecycle §18). */

import assert from 'node:assert/strict';
import { createWatchdogKeeper, type WatchdogKeeper } from '../../actors/watchdog.ts';
import type { DevicePhase } from '../../machines/domain/report.ts';
import type { WatchdogMode } from '../../machines/domain/watchdog.ts';
import { advance, VirtualClock } from '../../sim/clock.ts';

interface Scene {
  readonly keeper: WatchdogKeeper;
  readonly clock: VirtualClock;
  /** What the device was told, each with its time. */
  readonly diary: string[];
  hear(phase: DevicePhase): void;
}

function scene(mode: WatchdogMode, timeoutS = 15): Scene {
  const clock = new VirtualClock();
  const diary: string[] = [];
  const note = (what: string) => () => void diary.push(`${clock.now()} ${what}`);
  const port = { open: note('open'), kick: note('kick'), close: note('close') };
  const keeper = createWatchdogKeeper(port, { mode, timeoutS }, clock);
  return { keeper, clock, diary, hear: (phase) => keeper.hear({ type: 'device', at: clock.now(), phase }) };
}

describe('the watchdog (lifecycle §18, test idea 83)', () => {
  const cases: readonly { mode: WatchdogMode; started: string[]; departing: string[] }[] = [
    { mode: 'disabled', started: [], departing: [] },
    { mode: 'shutdown', started: [], departing: ['6000 open', '6000 kick'] },
    {
      mode: 'startup',
      started: ['0 open', '0 kick', '5000 kick', '6000 close'],
      departing: ['6000 open', '6000 kick'],
    },
    { mode: 'always', started: ['0 open', '0 kick', '5000 kick'], departing: [] },
  ];
  for (const { mode, started, departing } of cases) {
    it(`mode ${mode}`, async () => {
      const { keeper, clock, diary, hear } = scene(mode);
      await advance(clock, 6000);
      hear('running');
      assert.deepEqual(diary.splice(0), started);
      hear('stopping');
      assert.deepEqual(diary, [], 'a mere stop opens nothing');
      keeper.depart();
      hear('rebooting');
      assert.deepEqual(diary, departing, 'opened once');
    });
  }

  it('is opened for a power-off too (L-15)', () => {
    const { diary, hear } = scene('shutdown');
    hear('poweringOff');
    assert.deepEqual(diary, ['0 open', '0 kick']);
  });

  it('is kicked at a third of its timeout while it is open, and not after', async () => {
    const { clock, diary, hear } = scene('startup', 9);
    await advance(clock, 9000);
    assert.deepEqual(diary, ['0 open', '0 kick', '3000 kick', '6000 kick', '9000 kick']);
    hear('running');
    assert.equal(clock.pending, 0);
  });

  it('stays open when the process ends, to reset a machine that does not come down', () => {
    const { keeper, clock, diary } = scene('always');
    keeper.detach();
    assert.deepEqual([diary, clock.pending], [['0 open', '0 kick'], 0]);
  });

  it('is not kicked without pause when its timeout is nonsense', async () => {
    const { clock, diary } = scene('always', 0);
    await advance(clock, 999);
    assert.equal(diary.length, 4);
  });
});
