/** The loop that plays the boot loader, with a shell script for the supervisor. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { constants, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { appengine, restartDelayMs, verdictOf } from '../../../adapters/cli/appengine.ts';
import { run } from '../../../adapters/host/exec.ts';
import type { RunFlags } from '../../../adapters/settings.ts';
import { useScratch } from '../scratch.ts';

/** Notes how it was started, then does what the line of its number in `plan` says. */
const SUPERVISOR = `
echo "$PV_SYSTEM_INIT_MODE $\{pv_rev-} $*" >> "$HERE/started"
count=$(wc -l < "$HERE/started")
eval "$(sed -n "$\{count}p" "$HERE/plan")"
`;
const ENDLESS = 'sleep 1000 & echo ready > "$HERE/fifo"; wait';

interface Scene {
  readonly here: string;
  readonly signals: EventEmitter;
  /** Every wait, in ms. */
  readonly waits: readonly number[];
  readonly err: readonly string[];
  /** Resolves to the exit code. */
  loop(flags?: Partial<RunFlags>, environment?: Record<string, string>): Promise<number>;
  /** The command lines that it was started with. */
  started(): readonly string[];
}

describe('statevisor run --appengine (logs and metadata §9)', () => {
  const scratch = useScratch();

  /** @param runMs how long each run seems to last @param wait in place of waiting */
  function scene(
    plan: readonly string[],
    record = 'pv_rev=1\0pv_try=\0\0',
    runMs = 0,
    wait: (call: () => void) => unknown = setImmediate,
  ): Scene {
    const here = scratch();
    mkdirSync(join(here, 'boot'));
    writeFileSync(join(here, 'boot/uboot.txt'), record);
    writeFileSync(join(here, 'plan'), plan.map((line) => `${line}\n`).join(''));
    const signals = new EventEmitter();
    const waits: number[] = [];
    const err: string[] = [];
    const time = { now: 0 };
    const clock = {
      now: () => {
        time.now += runMs;
        return time.now;
      },
      setTimeout: (call: () => void, delayMs: number) => {
        waits.push(delayMs);
        return wait(call);
      },
      clearTimeout: () => undefined,
    };
    const terminal = (environment: Record<string, string>) => ({
      out: { write: () => undefined },
      err: { write: (text: string) => err.push(text) },
      environment: { PATH: process.env['PATH'], HERE: here, ...environment },
    });
    return {
      here,
      signals,
      waits,
      err,
      loop: (flags = {}, environment = {}) =>
        appengine({ storage: here, config: '/dev/null', ...flags }, terminal(environment), {
          command: ['/bin/sh', '-c', SUPERVISOR, 'statevisor'],
          clock,
          signals,
        }),
      started: () => {
        const file = join(here, 'started');
        if (!existsSync(file)) return [];
        const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
        return lines.map((line) => /--cmdline (.*)$/.exec(line)?.[1] ?? line);
      },
    };
  }

  const record = (rev: string, tried: string) =>
    `printf 'pv_rev=${rev}\\000pv_try=${tried}\\000\\000' > "$HERE/boot/uboot.txt"`;

  it('starts the supervisor without a STATE, in appengine mode, with what it was given itself', async () => {
    const { here, loop } = scene(['exit 3']);
    const flags = { runDir: '/run/sv', json: true, cmdline: 'pv_log.level=4 pv_rev=9' };
    assert.equal(await loop(flags, { pv_rev: '7', PV_SYSTEM_INIT_MODE: 'embedded' }), 0);
    const words = `run --storage ${here} --run-dir /run/sv --config /dev/null --json --cmdline`;
    assert.equal(
      readFileSync(join(here, 'started'), 'utf8'),
      `appengine  ${words} pv_log.level=4 pv_rev=9 pv_rev=1 pv_try=\n`,
    );
  });

  it('boots the factory revision where nothing is recorded', async () => {
    const { loop, started } = scene(['exit 3'], '');
    await loop();
    assert.deepEqual(started(), ['pv_rev=0 pv_try=']);
  });

  it('tries a revision once and goes back when it was not committed (test idea 37)', async () => {
    const { loop, started } = scene([`${record('1', '2')}; exit 0`, 'exit 0', 'exit 3']);
    assert.equal(await loop(), 0);
    assert.deepEqual(started(), ['pv_rev=1 pv_try=', 'pv_rev=2 pv_try=2', 'pv_rev=1 pv_try=']);
  });

  it('stays with a revision that was committed', async () => {
    const { loop, started } = scene(
      [`${record('2', '')}; exit 0`, 'exit 0', 'exit 3'],
      'pv_rev=1\0pv_try=2\0\0',
    );
    await loop();
    assert.deepEqual(started(), ['pv_rev=2 pv_try=2', 'pv_rev=2 pv_try=', 'pv_rev=2 pv_try=']);
  });

  it('tries the same revision again when it is installed again', async () => {
    const { loop, started } = scene([
      `${record('1', '2')}; exit 0`,
      'exit 0',
      `${record('1', '2')}; exit 0`,
      'exit 3',
    ]);
    await loop();
    assert.deepEqual(started().slice(2), ['pv_rev=1 pv_try=', 'pv_rev=2 pv_try=2']);
  });

  it('starts the same again after a crash: the device is still up, and its containers are (R-08)', async () => {
    const { loop, started, err } = scene(['kill -9 $$', 'exit 134', 'exit 3'], 'pv_rev=1\0pv_try=2\0\0');
    assert.equal(await loop(), 0);
    assert.deepEqual(started(), Array(3).fill('pv_rev=2 pv_try=2'));
    assert.match(err.join(''), /was killed by SIGKILL; starting it again\n.*crashed with status 134/s);
  });

  it('goes back from a trial whose supervisor crashes again and again', async () => {
    const { loop, started, waits } = scene(
      [...Array(5).fill('exit 139'), 'exit 3'],
      'pv_rev=1\0pv_try=2\0\0',
    );
    assert.equal(await loop(), 0);
    assert.deepEqual(started(), [...Array(5).fill('pv_rev=2 pv_try=2'), 'pv_rev=1 pv_try=']);
    assert.deepEqual(waits, [1000, 2000]);
  });

  it('starts at once, and after reboots in quick succession later and later', async () => {
    const { loop, waits } = scene([...Array(9).fill('exit 0'), 'exit 3']);
    await loop();
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('never waits between runs that lasted', async () => {
    const { loop, waits, started } = scene([...Array(9).fill('exit 0'), 'exit 3'], undefined, 10_000);
    await loop();
    assert.deepEqual([waits, started().length], [[], 10]);
  });

  it('ends with what the supervisor ended with when it cannot work', async () => {
    for (const code of [1, 4, 8, 127]) assert.equal(await scene([`exit ${code}`]).loop(), code);
  });

  const orders = [
    { signal: 'SIGTERM', does: 'exit 0', code: 0, why: 'reboots, and is not started again' },
    { signal: 'SIGINT', does: 'exit 3', code: 0, why: 'powers off' },
    { signal: 'SIGUSR2', does: 'exit 0', code: 0, why: 'hands over' },
    { signal: 'SIGTERM', does: 'exit 1', code: 1, why: 'leaves something mounted' },
    { signal: 'SIGHUP', does: 'trap - HUP; kill -HUP $$', code: 129, why: 'dies of it' },
  ] as const;
  for (const { signal, does, code, why } of orders) {
    it(`passes ${signal} on to a supervisor that then ${why}`, async () => {
      const name = signal.slice(3);
      const { here, loop, signals, started } = scene([`trap 'kill $!; ${does}' ${name}; ${ENDLESS}`]);
      const fifo = await openFifo(join(here, 'fifo'));
      const ended = loop();
      await once(fifo, 'data');
      signals.emit(signal, signal);
      assert.equal(await ended, code);
      fifo.destroy();
      assert.equal(started().length, 1);
    });
  }

  it('passes every signal on: the second one kills what still runs', async () => {
    const { here, loop, signals } = scene([
      `trap 'trap "kill $!; exit 0" TERM; echo once > "$HERE/fifo"' TERM; ${ENDLESS}; wait`,
    ]);
    const fifo = await openFifo(join(here, 'fifo'));
    const ended = loop();
    for (let time = 0; time < 2; time += 1) {
      await once(fifo, 'data');
      signals.emit('SIGTERM', 'SIGTERM');
    }
    assert.equal(await ended, 0);
    fifo.destroy();
  });

  it('ends without another start when it is told to between two', async () => {
    const { loop, signals, started, waits, err } = scene(
      Array(9).fill('exit 134'),
      undefined,
      0,
      // In place of the end of the wait.
      () => setImmediate(() => signals.emit('SIGTERM', 'SIGTERM')),
    );
    assert.equal(await loop(), 0);
    assert.deepEqual([waits, started().length], [[1000], 4]);
    assert.match(err.at(-1) ?? '', /may still run/);
  });

  it('lets go of the signals when it ends', async () => {
    const { loop, signals } = scene(['exit 3']);
    await loop();
    assert.deepEqual(signals.eventNames(), []);
  });

  const misuses: readonly { why: string; flags: Partial<RunFlags>; expected: RegExp }[] = [
    { why: 'a STATE is given', flags: { state: 'state.json' }, expected: /leave STATE out/ },
    {
      why: 'the boot loader is none that it can play',
      flags: { cmdline: 'pv_bootloader.type=uboot-ab' },
      expected: /uboot-ab/,
    },
  ];
  for (const { why, flags, expected } of misuses) {
    it(`is refused when ${why}`, async () => {
      await assert.rejects(scene([]).loop(flags), expected);
    });
  }

  it('is refused without a storage', async () => {
    const terminal = { out: { write: () => undefined }, err: { write: () => undefined }, environment: {} };
    await assert.rejects(appengine({ config: '/dev/null', cmdline: '' }, terminal), /--storage/);
  });

  it('says when there is nothing to start', async () => {
    const here = scratch();
    const terminal = { out: { write: () => undefined }, err: { write: () => undefined }, environment: {} };
    const loop = appengine({ storage: here, config: '/dev/null', cmdline: '' }, terminal, {
      command: ['/nonexistent/statevisor'],
      signals: new EventEmitter(),
    });
    await assert.rejects(loop, /starting \/nonexistent\/statevisor failed: ENOENT/);
  });

  it('has a table of what follows an end', () => {
    const ends = [
      [{ code: 0, signal: null }, 'boot', 0],
      [{ code: 3, signal: null }, 0, 0],
      [{ code: 5, signal: null }, 5, 5],
      [{ code: 128, signal: null }, 'again', 128],
      [{ code: null, signal: 'SIGSEGV' }, 'again', 139],
    ] as const;
    for (const [end, running, leaving] of ends) {
      const shown = [false, true].map((told) => {
        const verdict = verdictOf(end, told);
        return verdict.next === 'leave' ? verdict.code : verdict.next;
      });
      assert.deepEqual(shown, [running, leaving]);
    }
    assert.deepEqual([0, 3, 4, 6, 7, 1000].map(restartDelayMs), [0, 0, 1000, 4000, 8000, 8000]);
  });
});

/** With a writer of its own, so that it does not end with the first that writes. */
async function openFifo(path: string): Promise<Socket> {
  await run('mkfifo', [path]);
  return new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), writable: false });
}
