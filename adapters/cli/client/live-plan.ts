/** `statevisor plan NEXT`: what going from the running revision to another would do (lifecycle §12). */

import { statSync } from 'node:fs';
import { parseState } from '../../../machines/domain/state-json.ts';
import { EXIT, type ExitCode, painter, type Terminal } from '../output.ts';
import { type PlanFlags, showPlan } from '../plan.ts';
import { problemLines, readStateFile, type StateFile } from '../state-file.ts';
import { readState } from './revision-names.ts';
import { type ClientFlags, withSession } from './session.ts';

/** `next`: a file, or else a revision of the device. 0 whatever the plan says · 3 there is neither · 8 a state is not valid. */
export function livePlan(
  next: string,
  flags: ClientFlags & PlanFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    const read = async (name: string): Promise<StateFile> => {
      const text = await readState(session, name);
      return { ...parseState(text), text };
    };
    const running = await read('current');
    const then = isFile(next) ? readStateFile(next) : await read(next);
    for (const [name, state] of [
      ['current', running],
      [next, then],
    ] as const) {
      if (!state.ok) terminal.err.write(problemLines(name, state, painter(terminal.err, terminal)));
    }
    if (!running.ok || !then.ok) return EXIT.invalidState;
    showPlan(running.revision, then.revision, flags, terminal);
    return EXIT.ok;
  });
}

function isFile(word: string): boolean {
  return word === '-' || statSync(word, { throwIfNoEntry: false })?.isFile() === true;
}
