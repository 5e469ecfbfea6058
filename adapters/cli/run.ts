/** `statevisor run`: from the words of the command line to an exit code. What is put together is in `../main.ts`. */

import { describeFault, type Fault, toFault } from '../../machines/domain/fault.ts';
import type { RevisionView } from '../../machines/domain/report.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { monotonicMs } from '../clock.ts';
import { readDeviceFacts } from '../host/device-facts.ts';
import { createLog } from '../log.ts';
import { type Device, openDevice } from '../main.ts';
import { type RunFlags, type RunSettings, readSettings } from '../settings.ts';
import { EXIT, type ExitCode, painter, type Terminal } from './output.ts';
import { problemLines, readStateFile } from './state-file.ts';
import { openVoice, type Voice } from './voice.ts';

/** 0 stopped on demand, or handed over · 1 a failure asked for a reboot, or a bug · 3 the state or an object is not
 *  there · 4 containers of another revision run · 5 another supervisor runs · 8 the state is not valid. */
export async function run(flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  const settings = readSettings(flags, terminal.environment);
  const { defaultRole, lastGroupFallback, initMode, storage } = settings;
  const activeSections = readDeviceFacts(storage);
  const state = readStateFile(settings.stateFile, {
    defaultRole,
    lastGroupFallback,
    initMode,
    activeSections,
  });
  terminal.err.write(problemLines(settings.stateFile, state, painter(terminal.err, terminal)));
  if (!state.ok) return EXIT.invalidState;

  return supervise(settings, state.revision, state.text, terminal);
}

async function supervise(
  settings: RunSettings,
  revision: Revision,
  text: string,
  terminal: Terminal,
): Promise<ExitCode> {
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
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', crashed);
  const signals = catchSignals();
  const end = new Ending();
  const device = await openDevice({
    settings,
    revision,
    text,
    log: createLog(settings.logLevel, (line) => voice.aside(line)),
    listen: (announcement) => {
      voice.tell(announcement);
      if (announcement.type === 'device' && announcement.phase === 'stopped') end.with(EXIT.ok);
    },
    crashed,
    reboot: (because) => {
      voice.aside(rebootText(because));
      end.with(EXIT.failed);
    },
  });
  made.device = device;
  device.supervisor.start();
  signals.obey((signal) => obey(signal, device, voice, end));
  const code = await end.reached;
  voice.close();
  await device.close();
  return code;
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

/** Stop, force, hand over (lifecycle §8, R-08). */
function obey(signal: NodeJS.Signals, { supervisor }: Device, voice: Voice, end: Ending): void {
  if (signal === 'SIGUSR2') {
    voice.aside(`statevisor: ${signal}: ${GO_ON}\n`);
    end.with(EXIT.ok);
    return;
  }
  const next = end.stopping ? 'killing what still runs' : 'stopping all containers; once more kills them';
  voice.aside(`statevisor: ${signal}: ${next}\n`);
  supervisor.send({ type: end.stopping ? 'device.force' : 'device.stop' });
  end.stopping = true;
}

const GO_ON = 'the containers go on without a supervisor; the next run takes them over';

function rebootText(because: Fault): string {
  return `statevisor: ${describeFault(because)}\nstatevisor: a device would reboot now; all containers are stopped\n`;
}

function bugText(error: unknown): string {
  const { message, stack = message } = toFault(error);
  return `this is a bug: ${stack}\nstatevisor: ${GO_ON}`;
}
