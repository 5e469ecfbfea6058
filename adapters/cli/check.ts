/** `statevisor check`: every problem of every file, in one go. */

import { describeFault, toFault } from '../../machines/domain/fault.ts';
import { EXIT, type ExitCode, painter, type Terminal } from './output.ts';
import { problemLines, readStateFile, type StateFile } from './state-file.ts';

export interface CheckFlags {
  readonly json?: boolean;
  /** Print the JSON Schema for editors instead. */
  readonly schema?: boolean;
}

/** 0 all valid · 3 a file cannot be read · 8 a file is no valid state, whatever else. */
export async function check(
  files: readonly string[],
  flags: CheckFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (flags.schema === true) {
    const { stateSchema } = await import('../../machines/domain/state-schema.ts');
    terminal.out.write(`${JSON.stringify(stateSchema(), undefined, 2)}\n`);
    return EXIT.ok;
  }
  const read = files.map((file) => ({ file, ...attempt(file) }));
  const exit = worst(read.map(({ state }) => state));
  if (flags.json === true) terminal.out.write(`${JSON.stringify(read.map(asJson), undefined, 2)}\n`);
  else for (const one of read) tell(one, terminal);
  return exit;
}

interface Attempt {
  /** Undefined when the file could not be read. */
  readonly state: StateFile | undefined;
  readonly unread: string;
}

function attempt(file: string): Attempt {
  try {
    return { state: readStateFile(file), unread: '' };
  } catch (error) {
    return { state: undefined, unread: describeFault(toFault(error)) };
  }
}

function worst(states: readonly (StateFile | undefined)[]): ExitCode {
  if (states.some((state) => state?.ok === false)) return EXIT.invalidState;
  return states.includes(undefined) ? EXIT.notFound : EXIT.ok;
}

function tell({ file, state, unread }: Attempt & { readonly file: string }, terminal: Terminal): void {
  if (state === undefined) {
    terminal.err.write(`statevisor: ${unread}\n`);
    return;
  }
  const paint = painter(terminal.out, terminal);
  terminal.out.write(problemLines(file, state, paint));
  if (!state.ok) {
    terminal.out.write(`${file}: ${paint('red', 'not valid')}, ${count(state.problems.length, 'problem')}\n`);
    return;
  }
  const { containers, groups } = state.revision;
  const size = `${count(containers.length, 'container')} in ${count(groups.length, 'group')}`;
  terminal.out.write(`${file}: ${paint('green', 'valid')}, ${size}\n`);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function asJson({ file, state, unread }: Attempt & { readonly file: string }): object {
  if (state === undefined) return { file, ok: false, unread, problems: [], warnings: [] };
  const { ok, warnings } = state;
  return { file, ok, problems: state.ok ? [] : state.problems, warnings };
}
