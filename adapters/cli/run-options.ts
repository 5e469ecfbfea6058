/** The options of `statevisor run`: one table for the help, the completion and the quick reader. The quick reader
 *  understands what a service file writes; anything else it leaves to commander, which takes longer to load than the
 *  first mount takes. */

import type { RunFlags } from '../settings.ts';

export interface RunOption {
  readonly key: Exclude<keyof RunFlags, 'state'>;
  readonly long: string;
  /** Undefined: a switch. */
  readonly value: string | undefined;
  readonly about: string;
  readonly choices?: readonly string[];
}

export const RUN_OPTIONS: readonly RunOption[] = [
  {
    key: 'storage',
    long: '--storage',
    value: 'dir',
    about: 'has objects/, trails/, disks/ and boot/ (default: the directory of STATE)',
  },
  {
    key: 'runDir',
    long: '--run-dir',
    value: 'dir',
    about: 'what outlives the supervisor; keep it short (default: /run/statevisor)',
  },
  {
    key: 'volumes',
    long: '--volumes',
    value: 'dir',
    about: 'where volumes are mounted (default: RUN-DIR/volumes)',
  },
  {
    key: 'configs',
    long: '--configs',
    value: 'dir',
    about: 'copies of _config files (default: RUN-DIR/configs)',
  },
  {
    key: 'goalTimeout',
    long: '--goal-timeout',
    value: 'seconds',
    about: 'for groups without a timeout of their own (default: 120)',
  },
  {
    key: 'config',
    long: '--config',
    value: 'file',
    about: 'configuration (default: /etc/pantavisor.config, if there)',
  },
  {
    key: 'cmdline',
    long: '--cmdline',
    value: 'text',
    about: "in place of the kernel's command line",
  },
  {
    key: 'kernel',
    long: '--kernel',
    value: 'name',
    about: 'kernel back-end (default: native where it is built)',
    choices: ['native', 'spawn'],
  },
  {
    key: 'logLevel',
    long: '--log-level',
    value: 'level',
    about: 'of the log on stderr (default: warn)',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace'],
  },
  {
    key: 'appengine',
    long: '--appengine',
    value: undefined,
    about: 'play the boot loader: run what the boot record in the storage says, and again after a reboot',
  },
  { key: 'json', long: '--json', value: undefined, about: 'one JSON object per change' },
];

/** The words after `run`; undefined when commander should look at them, to help or to complain. */
export function quickRunFlags(words: readonly string[]): RunFlags | undefined {
  const flags: Partial<Record<keyof RunFlags, string | boolean>> = {};
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) {
      if (flags.state !== undefined) return undefined;
      flags.state = word;
      continue;
    }
    const option = RUN_OPTIONS.find(({ long }) => long === word);
    if (option === undefined) return undefined;
    if (option.value === undefined) {
      flags[option.key] = true;
      continue;
    }
    at += 1;
    const value = words[at];
    if (value === undefined || value.startsWith('-')) return undefined;
    flags[option.key] = value;
  }
  return flags as unknown as RunFlags;
}
