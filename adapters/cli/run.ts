/** `statevisor run`: from the words of the command line to an exit code. What is put together is in `../main.ts`. */

import { describeFault, toFault } from '../../machines/domain/fault.ts';
import type { Because, RevisionView } from '../../machines/domain/report.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import { monotonicMs } from '../clock.ts';
import { readDeviceFacts } from '../host/device-facts.ts';
import { createLog } from '../log.ts';
import { type Device, type DeviceOptions, openDevice } from '../main.ts';
import { type RunFlags, type RunSettings, readSettings } from '../settings.ts';
import { EXIT, type ExitCode, painter, type Terminal } from './output.ts';
import { problemLines, readStateFile } from './state-file.ts';
import { openVoice, type Voice } from './voice.ts';

/** 0 stopped on demand, handed over, or rebooting on command · 1 a failure asked for a reboot (0 in appengine mode), or
 *  a bug, or something stayed mounted · 3 powering off on command, or the state or an object is not there ·
 *  4 containers of another revision run · 5 another supervisor runs · 8 the state is not valid. */
export async function run(flags: RunFlags, terminal: Terminal): Promise<number> {
  if (flags.appengine === true) {
    const { appengine } = await import('./appengine.ts');
    return appengine(flags, terminal);
  }
  const settings = readSettings(flags, terminal.environment);
  for (const fault of settings.complaints) terminal.err.write(`statevisor: ${describeFault(fault)}\n`);
  const { defaultRole, lastGroupFallback, initMode, stateFile } = settings;
  const activeSections = readDeviceFacts(settings);
  const options = { defaultRole, lastGroupFallback, initMode, activeSections };
  const parse = (text: string) => parseState(text, options);
  if (stateFile === undefined) return supervise({ settings, parse, given: undefined }, terminal);
  const state = readStateFile(stateFile, options);
  terminal.err.write(problemLines(stateFile, state, painter(terminal.err, terminal)));
  if (!state.ok) return EXIT.invalidState;
  return supervise({ settings, parse, given: { revision: state.revision, text: state.text } }, terminal);
}

async function supervise(
  { settings, parse, given }: Pick<DeviceOptions, 'settings' | 'parse' | 'given'>,
  terminal: Terminal,
): Promise<number> {
  const made: { device?: Device } = {};
  const voice = openVoice({
    json: settings.json,
    terminal,
    now: monotonicMs,
    view: () => made.device?.supervisor.view() ?? NOTHING_YET,
  });
  const crashed = (error: unknown) => {
    voice.close();
    terminal.err.write(`statevisor: ${bugText(error)}\n`);
    process.exit(settings.initMode === 'appengine' ? CRASH_EXIT : EXIT.failed);
  };
  process.on('uncaughtException', crashed);
  const signals = catchSignals();
  const end = new Ending();
  const device = await openDevice({
    settings,
    parse,
    given,
    log: createLog(settings.logLevel, (line) => voice.aside(line)),
    listen: (announcement) => {
      voice.tell(announcement);
      if (announcement.type === 'device' && announcement.phase === 'stopped') end.with(EXIT.ok);
    },
    crashed,
    rebooter: {
      reboot: (because) => {
        voice.aside(departureText(because, 'reboot'));
        end.with(rebootExit(because, settings));
      },
      powerOff: (because) => {
        voice.aside(departureText(because, 'power off'));
        end.with(POWER_OFF_EXIT);
      },
    },
  });
  made.device = device;
  try {
    await device.begin();
  } catch (error) {
    await device.close();
    throw error;
  }
  signals.obey((signal) => obey(signal, device, settings, voice, end));
  const code = await end.reached;
  voice.close();
  const left = device.supervisor.phase() === 'stopped' ? device.mounted() : [];
  terminal.err.write(leftText(left, device.supervisor.view()));
  await device.close();
  return left.length > 0 ? EXIT.failed : code;
}

const NOTHING_YET: RevisionView = { status: 'INSTALLED', goal: 'UNACHIEVED', groups: [] };

/** The exit code, once it is known. */
class Ending {
  readonly reached: Promise<ExitCode>;
  #resolve: (code: ExitCode) => void = () => undefined;
  stopping = false;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  with(code: ExitCode): void {
    this.#resolve(code);
  }
}

/** Signals that come before the supervisor is there wait for it: it may be about to adopt what should stop. */
function catchSignals(): { obey(handler: (signal: NodeJS.Signals) => void): void } {
  const early: NodeJS.Signals[] = [];
  let handle = (signal: NodeJS.Signals): void => {
    early.push(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const) process.on(signal, () => handle(signal));
  return {
    obey: (handler) => {
      handle = handler;
      for (const signal of early.splice(0)) handler(signal);
    },
  };
}

/** Stop, force, hand over (lifecycle §8, R-08). In appengine mode SIGINT powers off, and SIGTERM reboots by ending with
 *  0 (logs and metadata §9). */
function obey(
  signal: NodeJS.Signals,
  { supervisor }: Device,
  { initMode }: RunSettings,
  voice: Voice,
  end: Ending,
): void {
  if (signal === 'SIGUSR2') {
    voice.aside(`statevisor: ${signal}: ${GO_ON}\n`);
    end.with(EXIT.ok);
    return;
  }
  const next = end.stopping ? 'killing what still runs' : 'stopping all containers; once more kills them';
  voice.aside(`statevisor: ${signal}: ${next}\n`);
  if (end.stopping) supervisor.send({ type: 'device.force' });
  else if (signal === 'SIGINT' && initMode === 'appengine') {
    supervisor.send({ type: 'device.powerOff', because: 'SIGINT' });
  } else supervisor.send({ type: 'device.stop' });
  end.stopping = true;
}

const GO_ON = 'the containers go on without a supervisor; the next run takes them over';

/** Stopped, and yet something is mounted: why it could not be taken down, what it is, and what to do. */
function leftText(left: readonly string[], { groups }: RevisionView): string {
  if (left.length === 0) return '';
  const faults = groups
    .flatMap(({ containers }) => containers)
    .flatMap(({ record }) => (record?.fault?.code === 'UNMOUNT_FAILED' ? [record.fault] : []));
  const what = `still mounted: ${left.join(', ')}`;
  const fix = `End what uses it (fuser -vm ${left.at(-1)}); the next run takes it down first`;
  return [...faults.map(describeFault), `${what}. ${fix}`].map((line) => `statevisor: ${line}\n`).join('');
}

/** What whoever runs this process takes for "do not start it again" (logs and metadata §9). */
const POWER_OFF_EXIT = 3;
/** And for a crash, after which it is started again. */
const CRASH_EXIT = 134;

/** Logs and metadata §9: in appengine mode 0 is a reboot, whatever its cause. Otherwise a failure is told as one. */
function rebootExit(because: Because, { initMode }: RunSettings): ExitCode {
  return because.code === 'REQUESTED' || initMode === 'appengine' ? EXIT.ok : EXIT.failed;
}

function departureText(because: Because, what: 'reboot' | 'power off'): string {
  return `statevisor: ${describeFault(because)}\nstatevisor: a device would ${what} now; all containers are stopped\n`;
}

function bugText(error: unknown): string {
  const { message, stack = message } = toFault(error);
  return `this is a bug: ${stack}\nstatevisor: ${GO_ON}`;
}
