/** `statevisor completion`: a script for the shell, made from the command's own tree of verbs and options. */

import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Flag[];
  /** Words that its arguments may be; none: files. */
  readonly choices: readonly string[];
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
  const flags = command.options.map(({ long, description, argChoices }) => ({
    long: long ?? '',
    description,
    choices: argChoices ?? [],
  }));
  return {
    name: command.name(),
    description: command.description(),
    options: [...flags, { long: '--help', description: 'show help', choices: [] }],
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function bash(verbs: readonly Verb[]): string {
  const words = verbs.map(({ name }) => name).join(' ');
  const values = new Map(verbs.flatMap(({ options }) => options).map(({ long, choices }) => [long, choices]));
  const cases = verbs.map(({ name, options, choices }) => {
    const flags = options.map(({ long }) => long).join(' ');
    const others = choices.length === 0 ? '' : `-W "${choices.join(' ')}"`;
    return `    ${name}) case $word in -*) COMPREPLY=($(compgen -W "${flags}" -- "$word"));; *) COMPREPLY=($(compgen ${others || '-f'} -- "$word"));; esac;;`;
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
  const cases = verbs.map(({ name, options, choices }) => {
    const flags = options.map(({ long, description, choices: values }) => {
      const value = values.length === 0 ? '' : `:value:(${values.join(' ')})`;
      return `'${long}[${quote(description)}]${value}'`;
    });
    const others = choices.length === 0 ? "'*:file:_files'" : `'1:choice:(${choices.join(' ')})'`;
    return `    ${name}) _arguments ${flags.join(' ')} ${others};;`;
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
  const lines = verbs.flatMap(({ name, description, options, choices }) => {
    const when = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c statevisor -f -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
      choices.length === 0
        ? `complete -c statevisor -F ${when}`
        : `complete -c statevisor -f ${when} -a ${quote(choices.join(' '))}`,
      ...options.map(({ long, description: about, choices: values }) => {
        const value = values.length === 0 ? '' : ` -x -a ${quote(values.join(' '))}`;
        return `complete -c statevisor ${when} -l ${long.slice(2)} -d ${quote(about)}${value}`;
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}
