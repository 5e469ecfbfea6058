/** Every verb with its options, help and examples, in commander's words; those of a running supervisor are in
 *  `client/verbs.ts`. What a verb does is in its own file, which is loaded when the verb is called. Longer than most
 *  files: it is one list. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, CommanderError, Option } from 'commander';
import { packageRoot } from '../package-root.ts';
import type { RunFlags } from '../settings.ts';
import type { CheckFlags } from './check.ts';
import { addRevisionVerbs } from './client/revision-verbs.ts';
import type { ClientFlags } from './client/session.ts';
import { addClientVerbs, socketOption } from './client/verbs.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import type { ConfigFlags } from './config.ts';
import type { DoctorFlags } from './doctor.ts';
import { EXIT, type Terminal } from './output.ts';
import type { PlanFlags } from './plan.ts';
import { RUN_OPTIONS, type RunOption } from './run-options.ts';
import type { SimFlags } from './sim.ts';

const EXIT_CODES =
  '0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 busy, 6 timed out, 7 no connection, 8 invalid state';

/** Runs the command line and resolves to its exit code. */
export async function parse(words: readonly string[], terminal: Terminal): Promise<number> {
  const result: { code: number } = { code: EXIT.ok };
  const program = buildProgram(terminal, (code) => {
    result.code = code;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said what is wrong, or given the help that was asked for.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return result.code;
}

/** @param done gets the exit code of the verb that ran */
function buildProgram(terminal: Terminal, done: (code: number) => void): Command {
  const program = new Command('statevisor')
    .description('Runs the containers of a revision, supervised by statecharts.')
    .version(readVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
    })
    .showHelpAfterError('(statevisor --help lists the verbs, statevisor VERB --help explains one)')
    .addHelpText(
      'after',
      examples('statevisor check state.json', 'statevisor sim state.json', 'statevisor run state.json'),
    )
    .addHelpText('after', `\nExit codes: ${EXIT_CODES}`);
  addRun(program, terminal, done);
  addSim(program, terminal, done);
  addCheck(program, terminal, done);
  addPlan(program, terminal, done);
  addConfig(program, terminal, done);
  addDoctor(program, terminal, done);
  addCompletion(program, terminal, done);
  addClientVerbs(program, terminal, done);
  addRevisionVerbs(program, terminal, done);
  return program;
}

type Add = (program: Command, terminal: Terminal, done: (code: number) => void) => void;

const addRun: Add = (program, terminal, done) => {
  const verb = program
    .command('run')
    .description('run the containers of a revision on this machine, as root')
    .argument(
      '[state]',
      'state JSON, or - for standard input (default: what the boot record in --storage says)',
    );
  for (const option of RUN_OPTIONS) verb.addOption(optionOf(option));
  verb
    .addHelpText(
      'after',
      `
Signals: TERM and INT stop all containers, a second one kills them; USR2 ends the supervisor and leaves the
containers running, for the next one on the same --run-dir to take over. The configuration has more to set: see
statevisor config --help.`,
    )
    .addHelpText(
      'after',
      examples(
        'statevisor run state.json',
        'statevisor run --storage /storage --run-dir /run/sv state.json',
        'statevisor run --appengine --storage /storage',
        'statevisor run --json state.json | jq -c .record',
      ),
    )
    .action(async (state: string | undefined, flags: Omit<RunFlags, 'state'>) => {
      const { run } = await import('./run.ts');
      done(await run({ ...flags, ...(state === undefined ? {} : { state }) }, terminal));
    });
};

const addSim: Add = (program, terminal, done) => {
  program
    .command('sim')
    .description('run a scenario or a state JSON on a simulated device, in virtual time')
    .argument('<file>', 'scenario (YAML or JSON) or state JSON')
    .option('--seed <number>', 'another run of the same scenario')
    .addOption(
      new Option('--speed <speed>', 'of virtual time (default: max, with --listen 1)').choices([
        '1',
        '60',
        'max',
      ]),
    )
    .option('--listen <dir>', 'serve the control sockets of the device in this directory, until Ctrl-C')
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      examples(
        'statevisor sim sim/scenarios/crash-loop.yaml',
        'statevisor sim --speed 60 state.json',
        'statevisor sim --listen /tmp/device state.json',
      ),
    )
    .action(async (file: string, flags: SimFlags) => {
      const { sim } = await import('./sim.ts');
      done(await sim(file, flags, terminal));
    });
};

const addCheck: Add = (program, terminal, done) => {
  const verb = program
    .command('check')
    .description('validate state JSON files and tell everything that is wrong')
    .argument('[files...]', 'state JSON files, or - for standard input')
    .option('--json', 'problems as JSON')
    .option('--schema', 'print the JSON Schema for editors')
    .addHelpText(
      'after',
      examples(
        'statevisor check state.json',
        'statevisor check --json revisions/*.json',
        'statevisor check --schema > state.schema.json',
      ),
    );
  verb.action(async (files: string[], flags: CheckFlags) => {
    if (files.length === 0 && flags.schema !== true) verb.error("error: missing required argument 'files'");
    const { check } = await import('./check.ts');
    done(await check(files, flags, terminal));
  });
};

const addPlan: Add = (program, terminal, done) => {
  program
    .command('plan')
    .description('what going from one revision to another would do')
    .argument('<from>', 'state JSON that runs; when nothing follows it is the one to go to')
    .argument('[to]', 'state JSON to go to')
    .addOption(socketOption())
    .option('--run-dir <dir>', 'run directory of the supervisor, which has the socket in it')
    .option('--json', 'the plan as JSON')
    .addHelpText(
      'after',
      '\nWith one argument the supervisor that runs is asked for the revision that runs, and for the one to go to unless\nthat is a file.',
    )
    .addHelpText('after', examples('statevisor plan running.json next.json', 'statevisor plan locals/blue'))
    .action(async (from: string, to: string | undefined, flags: PlanFlags & ClientFlags) => {
      if (to === undefined) {
        const { livePlan } = await import('./client/live-plan.ts');
        done(await livePlan(from, flags, terminal));
        return;
      }
      const { plan } = await import('./plan.ts');
      done(await plan(from, to, flags, terminal));
    });
};

/** Of `run`, those that say something of the configuration. */
const CONFIG_OPTIONS = RUN_OPTIONS.filter(({ key }) => !['kernel', 'logLevel', 'json'].includes(key));

/** Where the socket is, the run directory says too. */
const OF_A_RUN = CONFIG_OPTIONS.map(({ key }) => key as string).filter((key) => key !== 'runDir');

interface LiveFlags extends ConfigFlags, Pick<ClientFlags, 'socket'> {
  readonly live?: boolean;
}

const addConfig: Add = (program, terminal, done) => {
  const verb = program
    .command('config')
    .description('every key of the configuration, its value, and which level it is from')
    .addHelpText(
      'after',
      `
The configuration is the one that a run would have. With --live, or with --socket, it is the one that a running supervisor
has; which level won is told then, what the others said is not.

Levels, lowest first: default, the configuration file, <run-dir>/phconfig/pantahub.config, the policy, the OEM file of a
revision, pv_ and ph_ words of the kernel's command line, PV_ and PH_ variables of the environment, user metadata, and the
options of run. Files hold one KEY=value per line.`,
    )
    .addHelpText(
      'after',
      examples(
        'statevisor config',
        'PV_LOG_LEVEL=4 statevisor config explain log.level',
        'statevisor config --json',
        'statevisor config --live explain log.level',
      ),
    );
  const explain = verb
    .command('explain')
    .description('which level won a key, and what the others said')
    .argument('<key>', 'key, or old name such as log.level')
    .addHelpText('after', examples('statevisor config explain PV_LOG_LEVEL'));
  for (const command of [verb, explain]) {
    for (const option of CONFIG_OPTIONS) command.addOption(optionOf(option));
    command
      .addOption(new Option('--live', 'of the supervisor that runs').conflicts(OF_A_RUN))
      .addOption(socketOption().conflicts(OF_A_RUN))
      .option('--json', 'as JSON');
  }
  const show = async (key: string | undefined, flags: LiveFlags) => {
    if (flags.live === true || flags.socket !== undefined) {
      const { liveConfig } = await import('./client/live-config.ts');
      done(await liveConfig(key, flags, terminal));
      return;
    }
    const { config } = await import('./config.ts');
    done(config(key, flags, terminal));
  };
  verb.action((flags: LiveFlags) => show(undefined, flags));
  explain.action((key: string, _, command: Command) => show(key, command.optsWithGlobals<LiveFlags>()));
};

const addDoctor: Add = (program, terminal, done) => {
  program
    .command('doctor')
    .description('can this machine run containers? what is missing, and what to do')
    .option('--json', 'findings as JSON')
    .option('--storage <dir>', 'where revisions will be stored', '.')
    .option('--run-dir <dir>', 'run directory', '/run/statevisor')
    .addHelpText('after', examples('statevisor doctor', 'statevisor doctor --storage /storage'))
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('./doctor.ts');
      done(await doctor(flags, terminal));
    });
};

const addCompletion: Add = (program, terminal, done) => {
  program
    .command('completion')
    .description('print a completion script for the shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        'source <(statevisor completion bash)',
        'statevisor completion fish > ~/.config/fish/completions/statevisor.fish',
      ),
    )
    .action((shell: Shell) => {
      terminal.out.write(completionScript(program, shell));
      done(EXIT.ok);
    });
};

function optionOf({ key, long, value, about, choices }: RunOption): Option {
  const option = new Option(value === undefined ? long : `${long} <${value}>`, about);
  option.attributeName = () => key;
  return choices === undefined ? option : option.choices(choices);
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
