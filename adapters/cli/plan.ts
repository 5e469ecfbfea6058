/** `statevisor plan FROM TO`: what going from one revision to another would do (lifecycle §12). */

import { compare, describeReason, type Plan } from '../../machines/domain/diff.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { EXIT, type ExitCode, type Paint, painter, type Terminal } from './output.ts';
import { problemLines, readStateFile } from './state-file.ts';

export interface PlanFlags {
  readonly json?: boolean;
}

/** 0 whatever the plan says · 3 a file cannot be read · 8 one is no valid state. */
export async function plan(
  from: string,
  to: string,
  flags: PlanFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const running = readValid(from, terminal);
  const next = readValid(to, terminal);
  if (running === undefined || next === undefined) return EXIT.invalidState;
  showPlan(running, next, flags, terminal);
  return EXIT.ok;
}

/** As a text, or as JSON. */
export function showPlan(running: Revision, next: Revision, flags: PlanFlags, terminal: Terminal): void {
  const found = compare(running, next);
  if (flags.json === true) terminal.out.write(`${JSON.stringify(found, undefined, 2)}\n`);
  else terminal.out.write(describePlan(found, painter(terminal.out, terminal)));
}

function readValid(file: string, terminal: Terminal): Revision | undefined {
  const state = readStateFile(file);
  if (state.ok) return state.revision;
  terminal.err.write(problemLines(file, state, painter(terminal.err, terminal)));
  return undefined;
}

function describePlan(plan: Plan, paint: Paint): string {
  const reasons = plan.because.map((reason) => `  ${describeReason(reason)}\n`).join('');
  if (plan.kind === 'reboot') return `${paint('yellow', 'reboot')}, because\n${reasons}`;
  if (plan.because.length === 0) return `${paint('green', 'live')}: nothing changes\n`;
  const both = new Set(plan.start);
  const restart = plan.stop.filter((name) => both.has(name));
  const replaced = new Set(restart);
  const rows = [
    ['stop', plan.stop.filter((name) => !replaced.has(name))],
    ['restart', restart],
    ['start', plan.start.filter((name) => !replaced.has(name))],
    ['stay', plan.keep],
  ] as const;
  const lists = rows.filter(([, names]) => names.length > 0);
  const lines = lists.map(([what, names]) => `  ${`${what}:`.padEnd(9)}${names.join(', ')}\n`).join('');
  return `${paint('green', 'live')}: no reboot\n${lines}because\n${reasons}`;
}
