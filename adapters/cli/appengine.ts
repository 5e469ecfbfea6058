/** `statevisor run --appengine`: plays the boot loader for a supervisor that runs as a process of some other system (logs
 *  and metadata §9). It reads the boot record, starts `statevisor run` without a STATE for the revision that is due, and
 *  goes by how that ends.
 *
 *  | the supervisor ends with | here                                                                                 |
 *  |--------------------------|--------------------------------------------------------------------------------------|
 *  | 0                        | a reboot: the boot record decides anew                                               |
 *  | 3                        | a power-off: ends with 0                                                             |
 *  | 128 and more, or killed  | a crash: the same revision again, as on a device that stays up, to adopt what runs   |
 *  | any other                | it cannot work: ends with the same                                                   |
 *
 *  The reference waits 5 s before each start. Here the first starts come at once, and only those that end again and again
 *  within seconds wait, longer each time. A revision whose supervisor goes on crashing has had its boot. */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../actors/ports.ts';
import { bootChoice } from '../../machines/domain/boot-record.ts';
import { settle } from '../../machines/domain/config.ts';
import { describeFault, SupervisorError } from '../../machines/domain/fault.ts';
import { createClock } from '../clock.ts';
import { createBootRecord } from '../host/boot/boot-record.ts';
import { errnoOf } from '../host/kernel-error.ts';
import { packageRoot } from '../package-root.ts';
import { type RunFlags, readRunSources, UsageError } from '../settings.ts';
import type { Terminal } from './output.ts';
import { RUN_OPTIONS } from './run-options.ts';

export interface AppengineOptions {
  /** What is started in place of our own command; `run` and its options are added. */
  readonly command?: readonly [string, ...string[]];
  readonly clock?: Clock;
  /** Where signals come from; the process. */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
}

/** Resolves to the exit code. SIGTERM, SIGINT, SIGUSR2 and SIGHUP go on to the supervisor, and it is the last one then.
 *  @throws UsageError, UNSUPPORTED a boot record that cannot be used, STORE_FAILED, START_FAILED */
export async function appengine(
  flags: Partial<RunFlags>,
  terminal: Terminal,
  options: AppengineOptions = {},
): Promise<number> {
  const { command = [join(packageRoot(), 'adapters/cli/statevisor')], clock = createClock() } = options;
  const say = (text: string) => terminal.err.write(`statevisor: ${text}\n`);
  const record = openRecord(flags, terminal, say);
  const departure = new Departure();
  const world: World = {
    environment: childEnvironment(terminal.environment),
    departure,
    clock,
    say,
    pace: { quickEnds: 0 },
  };
  const forget = departure.listen(options.signals ?? process);
  try {
    let lastTried: string | undefined;
    for (;;) {
      const { revision, tried } = bootChoice(await record.read(), lastTried);
      lastTried = tried;
      say(`booting revision ${revision}${tried === undefined ? '' : ' for a trial'}`);
      const code = await boot([...command, 'run', ...wordsOf(flags, revision, tried)], world);
      if (code !== undefined) return code;
    }
  } finally {
    forget();
  }
}

interface World {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly departure: Departure;
  readonly clock: Clock;
  readonly say: (text: string) => void;
  /** Runs in a row none of which lasted. */
  readonly pace: { quickEnds: number };
}

/** From a start to the next reboot, with what crashes in between. @returns the exit code, if this is the end */
async function boot(argv: readonly string[], world: World): Promise<number | undefined> {
  const { environment, departure, clock, say, pace } = world;
  for (let crashes = 0; crashes < CRASHES_OF_ONE_BOOT; ) {
    const startedAt = clock.now();
    const end = await runOnce(argv, environment, departure);
    const verdict = verdictOf(end, departure.begun);
    if (verdict.next === 'leave') return verdict.code;
    const lasted = clock.now() - startedAt >= STEADY_MS;
    pace.quickEnds = lasted ? 0 : pace.quickEnds + 1;
    const delayMs = restartDelayMs(pace.quickEnds);
    const crash = verdict.next === 'again' ? `the supervisor ${verdict.why}; ` : '';
    if (crash !== '' || delayMs > 0) say(`${crash}starting it again${inText(delayMs)}`);
    if (!(await departure.pause(delayMs, clock))) {
      if (crash !== '') say(MAY_STILL_RUN);
      return 0;
    }
    if (verdict.next === 'boot') return undefined;
    crashes = lasted ? 0 : crashes + 1;
  }
  return undefined;
}

/** A run that lasts as long is a good one. */
const STEADY_MS = 10_000;
/** So many in a row, none of them good, end the boot, as the reset of a machine would. */
const CRASHES_OF_ONE_BOOT = 5;
const STARTS_AT_ONCE = 3;
const LONGEST_DELAY_MS = 8000;
const POWER_OFF = 3;
const FIRST_CRASH = 128;
const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP'] as const;
const MAY_STILL_RUN = 'its containers may still run; the next run takes them over';

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type Verdict =
  | { readonly next: 'boot' }
  | { readonly next: 'again'; readonly why: string }
  | { readonly next: 'leave'; readonly code: number };

/** @param leaving it was told to end: whatever it does now, it is not started again */
export function verdictOf({ code, signal }: End, leaving: boolean): Verdict {
  if (code === POWER_OFF) return { next: 'leave', code: 0 };
  if (code === 0) return leaving ? { next: 'leave', code: 0 } : { next: 'boot' };
  const status = code ?? FIRST_CRASH + (signal === null ? 0 : constants.signals[signal]);
  if (leaving || status < FIRST_CRASH) return { next: 'leave', code: status };
  return {
    next: 'again',
    why: signal === null ? `crashed with status ${status}` : `was killed by ${signal}`,
  };
}

/** Before a start that follows `quickEnds` runs in a row none of which lasted. */
export function restartDelayMs(quickEnds: number): number {
  if (quickEnds <= STARTS_AT_ONCE) return 0;
  return Math.min(1000 * 2 ** (quickEnds - STARTS_AT_ONCE - 1), LONGEST_DELAY_MS);
}

function inText(delayMs: number): string {
  return delayMs === 0 ? '' : ` in ${delayMs / 1000} s`;
}

function openRecord(flags: Partial<RunFlags>, { environment }: Terminal, say: (text: string) => void) {
  if (flags.state !== undefined) {
    throw new UsageError(`--appengine boots what the storage holds, not ${flags.state}: leave STATE out`);
  }
  const config = settle(readRunSources(flags, environment).sayings);
  const storage = config.value('PV_STORAGE_MNTPOINT') ?? '';
  if (storage === '') throw new UsageError('--appengine boots what a storage holds: name it by --storage');
  return createBootRecord({
    type: config.value('PV_BOOTLOADER_TYPE'),
    mtdOnly: config.value('PV_BOOTLOADER_MTD_ONLY'),
    mtdEnv: config.value('PV_BOOTLOADER_MTD_ENV'),
    directory: join(storage, 'boot'),
    // What was booted is decided here.
    environment: {},
    commandLine: '',
    complain: (fault) => say(describeFault(fault)),
  });
}

/** Its own words last: the last of a kind counts. */
function wordsOf(flags: Partial<RunFlags>, revision: string, tried: string | undefined): readonly string[] {
  const given = RUN_OPTIONS.filter(({ key, long }) => key !== 'cmdline' && long !== '--appengine').flatMap(
    ({ key, long, value }) => {
      const said = flags[key];
      if (said === undefined || said === false) return [];
      return value === undefined ? [long] : [long, String(said)];
    },
  );
  const commandLine = `${flags.cmdline ?? ''} pv_rev=${revision} pv_try=${tried ?? ''}`.trim();
  return [...given, '--cmdline', commandLine];
}

/** A `pv_rev` of the environment would win over the command line. */
function childEnvironment(
  environment: Terminal['environment'],
): Readonly<Record<string, string | undefined>> {
  const ours = new Set(['PV_REV', 'PV_TRY', 'PV_SYSTEM_INIT_MODE']);
  const others = Object.entries(environment).filter(([name]) => !ours.has(name.toUpperCase()));
  return { ...Object.fromEntries(others), PV_SYSTEM_INIT_MODE: 'appengine' };
}

/** In a session of its own: what is typed at a terminal reaches it once, through us. */
function runOnce(
  [program = '', ...args]: readonly string[],
  environment: World['environment'],
  departure: Departure,
): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    const forget = departure.follow((signal) => child.kill(signal));
    child.once('error', (cause) => {
      forget();
      const errno = errnoOf(cause);
      const message = `starting ${program} failed: ${errno ?? cause.message}`;
      reject(new SupervisorError('START_FAILED', message, { subject: program, cause }));
    });
    child.once('exit', (code, signal) => {
      forget();
      resolve({ code, signal });
    });
  });
}

/** That this loop has been told to end. */
class Departure {
  begun = false;
  #follower: ((signal: NodeJS.Signals) => void) | undefined;

  listen(source: Pick<NodeJS.EventEmitter, 'on' | 'off'>): () => void {
    const hear = (signal: NodeJS.Signals) => {
      this.begun = true;
      this.#follower?.(signal);
    };
    for (const signal of FORWARDED) source.on(signal, hear);
    return () => {
      for (const signal of FORWARDED) source.off(signal, hear);
    };
  }

  /** Passes on what comes from now on. */
  follow(follower: (signal: NodeJS.Signals) => void): () => void {
    this.#follower = follower;
    return () => {
      this.#follower = undefined;
    };
  }

  /** False, and at once, when this loop is to end. */
  async pause(delayMs: number, clock: Clock): Promise<boolean> {
    if (this.begun || delayMs === 0) return !this.begun;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, delayMs);
      this.follow(() => {
        clock.clearTimeout(timer);
        resolve();
      });
    });
    this.#follower = undefined;
    return !this.begun;
  }
}
