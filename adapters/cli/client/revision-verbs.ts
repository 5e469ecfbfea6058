/** The verbs of stored revisions and objects, in commander's words, and `pack`, which makes what they install. */

import type { Command } from 'commander';
import type { Terminal } from '../output.ts';
import type { ApplyFlags } from './apply.ts';
import type { GcFlags } from './collection.ts';
import type { PackFlags } from './pack.ts';
import type { ClientFlags } from './session.ts';
import { type Add, clientVerb, type Done } from './verbs.ts';

/** @param done gets the exit code of the verb that ran */
export function addRevisionVerbs(program: Command, terminal: Terminal, done: Done): void {
  program.commandsGroup('Of the revisions of a running supervisor:');
  addInstall(program, terminal, done);
  addSteps(program, terminal, done);
  addObjects(program, terminal, done);
  addApply(program, terminal, done);
  addStorage(program, terminal, done);
}

const addInstall: Add = (program, terminal, done) => {
  program
    .command('pack')
    .description('make an archive for install from a directory')
    .argument(
      '<from>',
      'directory with state.json or json, and the files that it names, at their paths or in objects/',
    )
    .argument('<to>', 'archive to write, such as blue.tgz')
    .option('--json', 'what was written as JSON')
    .addHelpText('after', '\nThe same files make the same archive, byte by byte.')
    .addHelpText('after', '\nExamples:\n  $ statevisor pack checkout blue.tgz')
    .action(async (from: string, to: string, flags: PackFlags) => {
      const { pack } = await import('./pack.ts');
      done(await pack(from, to, flags, terminal));
    });
  clientVerb(program, 'install', 'store a revision: the objects that are missing, then its state', [
    'statevisor install blue.tgz locals/blue',
    'statevisor apply --wait $(statevisor install blue.tgz)',
  ])
    .argument('<file>', 'archive (.tgz) or directory, with json and objects/')
    .argument('[name]', 'locals/NAME (default: the SHA-256 of the archive, or of the state in a directory)')
    .action(async (file: string, name: string | undefined, flags: ClientFlags) => {
      const { install } = await import('./install.ts');
      done(await install(file, name, flags, terminal));
    });
};

const addSteps: Add = (program, terminal, done) => {
  const lines = ['statevisor steps', 'statevisor steps get current', 'statevisor steps progress locals/blue'];
  const verb = clientVerb(program, 'steps', 'the revisions that are installed', lines);
  const list = async (_flags: ClientFlags, command: Command) => {
    const { listSteps } = await import('./steps.ts');
    done(await listSteps(command.optsWithGlobals(), terminal));
  };
  verb.action(list);
  clientVerb(verb, 'list', 'name, date, progress and comment of each', [
    'statevisor steps list --json',
  ]).action(list);
  clientVerb(verb, 'get', 'print the state JSON of a revision', ['statevisor steps get current'])
    .argument('<name>', 'of the revision; current is the one that runs')
    .action(async (name: string, _flags: ClientFlags, command: Command) => {
      const { getStep } = await import('./steps.ts');
      done(await getStep(name, command.optsWithGlobals(), terminal));
    });
  clientVerb(verb, 'progress', 'what became of a revision', ['statevisor steps progress locals/blue'])
    .argument('<name>', 'of the revision; current is the one that runs')
    .action(async (name: string, _flags: ClientFlags, command: Command) => {
      const { stepProgress } = await import('./steps.ts');
      done(await stepProgress(name, command.optsWithGlobals(), terminal));
    });
  clientVerb(verb, 'comment', 'say what a revision is for', [
    'statevisor steps comment locals/blue "a new kernel"',
  ])
    .argument('<name>', 'of the revision')
    .argument('<text>', '1 to 256 bytes')
    .action(async (name: string, text: string, _flags: ClientFlags, command: Command) => {
      const { commentStep } = await import('./steps.ts');
      done(await commentStep(name, text, command.optsWithGlobals(), terminal));
    });
};

const addObjects: Add = (program, terminal, done) => {
  const lines = ['statevisor objects', 'statevisor objects put root.squashfs'];
  const verb = clientVerb(program, 'objects', 'the files of revisions, by their SHA-256', lines);
  const list = async (_flags: ClientFlags, command: Command) => {
    const { listObjects } = await import('./objects.ts');
    done(await listObjects(command.optsWithGlobals(), terminal));
  };
  verb.action(list);
  clientVerb(verb, 'list', 'id and size of each', ['statevisor objects list --json']).action(list);
  clientVerb(verb, 'get', 'write an object to the standard output', [
    'statevisor objects get $ID > root.squashfs',
  ])
    .argument('<sha256>')
    .action(async (sha256: string, _flags: ClientFlags, command: Command) => {
      const { getObject } = await import('./objects.ts');
      done(await getObject(sha256, command.optsWithGlobals(), terminal));
    });
  clientVerb(verb, 'put', 'store a file and print its SHA-256', ['statevisor objects put root.squashfs'])
    .argument('<file>')
    .action(async (file: string, _flags: ClientFlags, command: Command) => {
      const { putObject } = await import('./objects.ts');
      done(await putObject(file, command.optsWithGlobals(), terminal));
    });
};

const addApply: Add = (program, terminal, done) => {
  const options = (verb: Command) =>
    verb
      .option('--commit', 'reboot whatever changes, and make it the rollback point')
      .option('--wait [seconds]', 'until it is over, for at most that long');
  options(
    clientVerb(program, 'apply', 'go to an installed revision', [
      'statevisor apply locals/blue',
      'statevisor apply --wait=300 locals/blue',
    ]).argument('[name]', 'of the revision; statevisor steps lists them'),
  ).action(async (name: string | undefined, flags: ApplyFlags) => {
    const { apply } = await import('./apply.ts');
    done(await apply(name, flags, terminal));
  });
  options(
    clientVerb(program, 'rollback', 'go back to the last revision that became a rollback point', [
      'statevisor rollback --wait',
    ]),
  ).action(async (flags: ApplyFlags) => {
    const { rollback } = await import('./apply.ts');
    done(await rollback(flags, terminal));
  });
  clientVerb(program, 'make-factory', 'make a revision the factory revision, and run it', [
    'statevisor make-factory locals/blue',
  ])
    .argument('[name]', 'of the revision (default: the one that runs)')
    .action(async (name: string | undefined, flags: ClientFlags) => {
      const { makeFactory } = await import('./apply.ts');
      done(await makeFactory(name, flags, terminal));
    });
};

const addStorage: Add = (program, terminal, done) => {
  clientVerb(program, 'gc', 'remove revisions and objects that nothing needs', [
    'statevisor gc --dry-run',
    'statevisor gc',
  ])
    .option('--dry-run', 'only say what would go, and what keeps the rest')
    .action(async (flags: GcFlags) => {
      const { gc } = await import('./collection.ts');
      done(await gc(flags, terminal));
    });
};
