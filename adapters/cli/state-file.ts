/** Reads and parses a state JSON named on the command line; tells what is wrong with it. */

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { SupervisorError } from '../../machines/domain/fault.ts';
import type { Problem } from '../../machines/domain/problem.ts';
import { type Parsed, type ParseOptions, parseState } from '../../machines/domain/state-json.ts';
import { errnoOf } from '../store/files.ts';
import type { Paint } from './output.ts';

export type StateFile = Parsed & { readonly text: string };

/** `-` is the standard input. @throws NOT_FOUND when the file cannot be read */
export function readStateFile(file: string, options: Partial<ParseOptions> = {}): StateFile {
  const bytes = read(file);
  if (!isUtf8(bytes)) {
    const reason = 'the file is not UTF-8';
    const problem = { path: '$', line: 1, column: 1, reason, fix: 'Save it as UTF-8', spec: '§1' };
    return { ok: false, problems: [problem], warnings: [], text: '' };
  }
  const text = bytes.toString('utf8');
  return { ...parseState(text, options), text };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const errno = errnoOf(error) ?? 'UNKNOWN';
    throw new SupervisorError('NOT_FOUND', `cannot read ${file}: ${errno}`, {
      subject: file,
      errno,
      fix: errno === 'EISDIR' ? 'Name the state JSON in it' : 'Name a state JSON that can be read',
    });
  }
}

/** `state.json:3:14: error: $["web/run.json"].group: there is no group "apps". Write "app" (§6)` */
export function problemLine(file: string, kind: 'error' | 'warning', problem: Problem, paint: Paint): string {
  const { path, line, column, reason, fix, spec } = problem;
  const label = paint(kind === 'error' ? 'red' : 'yellow', `${kind}:`);
  return `${paint('bold', `${file}:${line}:${column}:`)} ${label} ${path}: ${reason}. ${fix} ${paint('dim', `(${spec})`)}\n`;
}

/** Everything found in a file, in document order of errors, then of warnings. */
export function problemLines(file: string, parsed: Parsed, paint: Paint): string {
  const errors = parsed.ok ? [] : parsed.problems;
  return [
    ...errors.map((problem) => problemLine(file, 'error', problem, paint)),
    ...parsed.warnings.map((problem) => problemLine(file, 'warning', problem, paint)),
  ].join('');
}
