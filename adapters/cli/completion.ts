/** `statevisor completion`: a script for the shell, made from the command's own tree of verbs and options. */

import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Flag[];
  /** Words that its arguments may be, and its verbs of their own. */
  readonly choices: readonly string[];
  /** What other words are. */
  readonly others: 'containers' | 'files' | 'nothing';
}

interface Flag {
  readonly long: string;
  readonly description: string;
  readonly choices: readonly string[];
}

/** The script; `source` it, or put it where the shell looks. */
export function completionScript(program: Command, shell: Shell): string {
  const verbs = program.commands.map(verbOf);
  switch (shell) {
    case 'bash':
      return bash(verbs);
    case 'zsh':
      return zsh(verbs);
    case 'fish':
      return fish(verbs);
    default:
      return shell satisfies never;
  }
}

function verbOf(command: Command): Verb {
  const inner = command.commands.map(verbOf);
  const flags = command.options.map(({ long, description, argChoices }) => ({
    long: long ?? '',
    description,
    choices: argChoices ?? [],
  }));
  const help = { long: '--help', description: 'show help', choices: [] };
  const options = [...flags, ...inner.flatMap((verb) => verb.options), help];
  const choices = [
    ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    ...inner.flatMap(({ name, choices: further }) => [name, ...further]),
  ];
  return {
    name: command.name(),
    description: command.description(),
    options: [...new Map(options.map((flag) => [flag.long, flag])).values()],
    choices: [...new Set(choices)],
    others: othersOf(command),
  };
}

const OF_CONTAINERS = ['container', 'containers'];
const OF_FILES = ['state', 'file', 'files', 'from', 'to'];

function othersOf({ registeredArguments }: Command): Verb['others'] {
  const names = registeredArguments.map((argument) => argument.name());
  if (names.some((name) => OF_CONTAINERS.includes(name))) return 'containers';
  return names.some((name) => OF_FILES.includes(name)) ? 'files' : 'nothing';
}

/** Asks the supervisor; silent when there is none. */
const CONTAINERS = 'statevisor ps --quiet 2>/dev/null';

function bash(verbs: readonly Verb[]): string {
  const words = verbs.map(({ name }) => name).join(' ');
  const values = new Map(verbs.flatMap(({ options }) => options).map(({ long, choices }) => [long, choices]));
  const cases = verbs.map(({ name, options, choices, others }) => {
    const flags = options.map(({ long }) => long).join(' ');
    const named = others === 'containers' ? [...choices, `$(${CONTAINERS})`] : choices;
    const rest = others === 'files' ? '-f' : `-W "${named.join(' ')}"`;
    return `    ${name}) case $word in -*) COMPREPLY=($(compgen -W "${flags}" -- "$word"));; *) COMPREPLY=($(compgen ${rest} -- "$word"));; esac;;`;
  });
  const chosen = [...values].filter(([, choices]) => choices.length > 0);
  const valueCases = chosen.map(
    ([long, choices]) => `    ${long}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word")); return;;`,
  );
  return `_statevisor() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${words} --help --version" -- "$word")); return; fi
  case $before in
${valueCases.join('\n')}
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
}
complete -o filenames -F _statevisor statevisor
`;
}

function zsh(verbs: readonly Verb[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll('[', '\\[').replaceAll(']', '\\]');
  const entries = verbs.map(
    ({ name, description }) => `    '${name}:${quote(description).replaceAll(':', '\\:')}'`,
  );
  const cases = verbs.map(({ name, options, choices, others }) => {
    const flags = options.map(({ long, description, choices: values }) => {
      const value = values.length === 0 ? '' : `:value:(${values.join(' ')})`;
      return `'${long}[${quote(description)}]${value}'`;
    });
    const rest = {
      containers: `'*:container:($(${CONTAINERS}))'`,
      files: "'*:file:_files'",
      nothing: choices.length === 0 ? '' : `'*:choice:(${choices.join(' ')})'`,
    } as const;
    return `    ${name}) _arguments ${flags.join(' ')} ${rest[others]};;`;
  });
  return [
    '#compdef statevisor',
    '_statevisor() {',
    '  local -a verbs=(',
    ...entries,
    '  )',
    '  if (( CURRENT == 2 )); then _describe verb verbs; return; fi',
    '  local verb=$words[2]',
    '  shift words; (( CURRENT-- ))',
    '  case $verb in',
    ...cases,
    '  esac',
    '}',
    'compdef _statevisor statevisor',
    '',
  ].join('\n');
}

function fish(verbs: readonly Verb[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = verbs.flatMap(({ name, description, options, choices, others }) => {
    const named = others === 'containers' ? [...choices, `(${CONTAINERS})`] : choices;
    const when = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c statevisor -f -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
      others === 'files'
        ? `complete -c statevisor -F ${when}`
        : `complete -c statevisor -f ${when} -a ${quote(named.join(' '))}`,
      ...options.map(({ long, description: about, choices: values }) => {
        const value = values.length === 0 ? '' : ` -x -a ${quote(values.join(' '))}`;
        return `complete -c statevisor ${when} -l ${long.slice(2)} -d ${quote(about)}${value}`;
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}
