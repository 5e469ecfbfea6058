/** The verbs that talk to a running supervisor, in commander's words; those of revisions are in `revision-verbs.ts`. What
 *  a verb does is in its own file, which is loaded when the verb is called; which socket it talks to is in
 *  `find-socket.ts`. */

import { Argument, type Command, Option } from 'commander';
import type { MetadataKind } from '../../../machines/domain/metadata.ts';
import type { Terminal } from '../output.ts';
import type { EventFlags } from './events.ts';
import type { PsFlags } from './lists.ts';
import type { Order, OrderFlags } from './orders.ts';
import type { ExplainFlags } from './overview.ts';
import type { ClientFlags } from './session.ts';

export type Done = (code: number) => void;

/** @param done gets the exit code of the verb that ran */
export function addClientVerbs(program: Command, terminal: Terminal, done: Done): void {
  program.commandsGroup('Of a running supervisor:');
  addLists(program, terminal, done);
  addOverview(program, terminal, done);
  addEvents(program, terminal, done);
  addOrders(program, terminal, done);
  addOwn(program, terminal, done);
  addMeta(program, terminal, done);
  addDevice(program, terminal, done);
}

export type Add = (program: Command, terminal: Terminal, done: Done) => void;

/** The socket, for `config --live` too. */
export function socketOption(): Option {
  return new Option('--socket <path>', 'control socket (default: see SOCKET and --run-dir)');
}

const addLists: Add = (program, terminal, done) => {
  clientVerb(program, 'ps', 'list the containers', [
    'statevisor ps',
    'statevisor ps --json | jq -r \'.[] | select(.status == "STOPPED") | .name\'',
  ])
    .option('-q, --quiet', 'names only')
    .action(async (flags: PsFlags) => {
      const { ps } = await import('./lists.ts');
      done(await ps(flags, terminal));
    });
  clientVerb(program, 'groups', 'list the groups in the order in which they start', [
    'statevisor groups',
  ]).action(async (flags: ClientFlags) => {
    const { groups } = await import('./lists.ts');
    done(await groups(flags, terminal));
  });
};

const addOverview: Add = (program, terminal, done) => {
  clientVerb(program, 'status', 'where device, revision, groups and containers stand', [
    'statevisor status',
    'statevisor status --json | jq .revision',
  ]).action(async (flags: ClientFlags) => {
    const { status } = await import('./overview.ts');
    done(await status(flags, terminal));
  });
  clientVerb(program, 'explain', 'why something stands where it stands, and what happens next', [
    'statevisor explain',
    'statevisor explain web',
  ])
    .argument('[container]', 'without one: the revision, its groups, and who has not reached its goal')
    .option('--all', 'also containers that rest at their goals')
    .action(async (container: string | undefined, flags: ExplainFlags) => {
      const { explain } = await import('./overview.ts');
      done(await explain(container, flags, terminal));
    });
};

const addEvents: Add = (program, terminal, done) => {
  clientVerb(program, 'events', 'tell what changes, as it happens', [
    'statevisor events',
    'statevisor events --since start --no-follow',
    'statevisor events --json | jq -c \'select(.event == "failure")\'',
  ])
    .option('--since <id>', 'begin after this event, or with start at the oldest that is kept')
    .option('--no-follow', 'tell what there is, then end (from the start, unless --since)')
    .option('--retry <seconds>', 'how long the supervisor may be away (default: 10)')
    .addHelpText(
      'after',
      '\nTimes are UTC. With --json one object per line: id, event, and what came with it.',
    )
    .action(async (flags: EventFlags) => {
      const { events } = await import('./events.ts');
      done(await events(flags, terminal));
    });
};

const ORDERS: readonly (readonly [order: Order, description: string])[] = [
  ['start', 'start containers that are stopped'],
  ['stop', 'stop containers until somebody starts them'],
  ['restart', 'stop containers and start them again'],
];

const addOrders: Add = (program, terminal, done) => {
  for (const [kind, description] of ORDERS) {
    const verb = clientVerb(program, kind, description, [
      `statevisor ${kind} web`,
      `statevisor ${kind} --wait=30 web db`,
    ]);
    verb
      .argument('[containers...]', 'their names; of restart_policy container')
      .option('--wait [seconds]', 'until it is done or has failed, for at most that long')
      .action(async (containers: string[], flags: OrderFlags) => {
        const { order } = await import('./orders.ts');
        done(await order(kind, containers, flags, terminal));
      });
  }
};

const addOwn: Add = (program, terminal, done) => {
  clientVerb(program, 'signal', 'inside a container: tell that it is ready', ['statevisor signal ready'])
    .addArgument(new Argument('[type]', 'of signal').choices(['ready']).default('ready'))
    .action(async (_type: string, flags: ClientFlags) => {
      const { signal } = await import('./own.ts');
      done(await signal(flags, terminal));
    });
  const lines = ['statevisor drivers', 'statevisor drivers load wifi', 'statevisor drivers unload'];
  const verb = clientVerb(
    program,
    'drivers',
    "inside a container: its drivers, and the manual ones' kernel modules",
    lines,
  );
  const list = async (_flags: ClientFlags, command: Command) => {
    const { listDrivers } = await import('./own.ts');
    done(await listDrivers(command.optsWithGlobals(), terminal));
  };
  verb.action(list);
  clientVerb(verb, 'list', 'alias, type and status of each', lines).action(list);
  for (const action of ['load', 'unload'] as const) {
    clientVerb(verb, action, `${action} one manual driver, or all of them`, [
      `statevisor drivers ${action} wifi`,
    ])
      .argument('[alias]', 'without one: all manual drivers')
      .action(async (alias: string | undefined, _flags: ClientFlags, command: Command) => {
        const { moveDrivers } = await import('./own.ts');
        done(await moveDrivers(action, alias, command.optsWithGlobals(), terminal));
      });
  }
};

const addMeta: Add = (program, terminal, done) => {
  const lines = [
    'statevisor meta',
    'statevisor meta set web.color red',
    'statevisor meta device get interfaces',
  ];
  const verb = clientVerb(program, 'meta', 'user metadata, or the metadata of the device', lines);
  addMetaActions(verb, 'user-meta', 'statevisor meta', terminal, done);
  for (const of of ['user', 'device'] as const) {
    const kind = clientVerb(verb, of, `${of} metadata`, [
      `statevisor meta ${of}`,
      `statevisor meta ${of} get web.color`,
    ]);
    addMetaActions(kind, `${of}-meta`, `statevisor meta ${of}`, terminal, done);
  }
};

function addMetaActions(
  verb: Command,
  kind: MetadataKind,
  words: string,
  terminal: Terminal,
  done: Done,
): void {
  const list = async (_flags: ClientFlags, command: Command) => {
    const { listMeta } = await import('./meta.ts');
    done(await listMeta(kind, command.optsWithGlobals(), terminal));
  };
  verb.action(list);
  clientVerb(verb, 'list', 'all keys, the newest first', [`${words} list --json`]).action(list);
  clientVerb(verb, 'get', 'print the value of a key', [`${words} get web.color`])
    .argument('<key>')
    .action(async (key: string, _flags: ClientFlags, command: Command) => {
      const { getMeta } = await import('./meta.ts');
      done(await getMeta(kind, key, command.optsWithGlobals(), terminal));
    });
  clientVerb(verb, 'set', 'store a value; what was there is replaced', [
    `${words} set web.color red`,
    `${words} set web.flags -- -v`,
  ])
    .argument('<key>', 'seen by container web as color, when it is web.color')
    .argument('<value>', '1 to 4096 bytes')
    .action(async (key: string, value: string, _flags: ClientFlags, command: Command) => {
      const { setMeta } = await import('./meta.ts');
      done(await setMeta(kind, key, value, command.optsWithGlobals(), terminal));
    });
  clientVerb(verb, 'delete', 'remove a key', [`${words} delete web.color`])
    .argument('<key>')
    .action(async (key: string, _flags: ClientFlags, command: Command) => {
      const { deleteMeta } = await import('./meta.ts');
      done(await deleteMeta(kind, key, command.optsWithGlobals(), terminal));
    });
}

const addDevice: Add = (program, terminal, done) => {
  for (const [what, description] of [
    ['reboot', 'stop all containers, then reboot the device'],
    ['poweroff', 'stop all containers, then switch the device off'],
  ] as const) {
    clientVerb(program, what, description, [`statevisor ${what}`, `statevisor ${what} new kernel`])
      .argument('[message...]', 'why; for the log')
      .action(async (message: string[], flags: ClientFlags) => {
        const { device } = await import('./device.ts');
        done(await device(what, message.join(' '), flags, terminal));
      });
  }
};

const WHERE = `
The socket: --socket, --run-dir, SOCKET or PV_SYSTEM_RUNDIR of the environment, else the first that there is of
/run/statevisor/pv-ctrl, /run/pantavisor/pv/pv-ctrl, /pv/pv-ctrl and, inside a container, /pantavisor/pv-ctrl.`;

/** With what all of them have in common. */
export function clientVerb(
  parent: Command,
  name: string,
  description: string,
  lines: readonly string[],
): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(socketOption())
    .option('--run-dir <dir>', 'run directory of the supervisor, which has the socket in it')
    .option('--json', 'the answer as it came')
    .addHelpText('after', WHERE)
    .addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}
