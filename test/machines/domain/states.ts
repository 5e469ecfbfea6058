/** Small states for tests: the format key, and containers with the mandatory keys unless something else is said. */

import assert from 'node:assert/strict';
import type { Problem } from '../../../machines/domain/problem.ts';
import type { ContainerSpec, Revision } from '../../../machines/domain/revision.ts';
import { type ParseOptions, parseState } from '../../../machines/domain/state-json.ts';

export const OBJECT = 'ab'.repeat(32);
export type State = Readonly<Record<string, unknown>>;

export function container(name: string, keys: State = {}): State {
  return { [`${name}/run.json`]: { name, type: 'lxc', config: 'c', ...keys } };
}

/** A container without the mandatory keys of `container`. */
export function runJson(directory: string, keys: unknown): State {
  return { [`${directory}/run.json`]: keys };
}

export function state(...parts: readonly State[]): string {
  return JSON.stringify(Object.assign({ '#spec': 'pantavisor-service-system@1' }, ...parts));
}

export interface Accepted {
  readonly revision: Revision;
  readonly warnings: readonly Problem[];
}

export function accepted(text: string, options?: Partial<ParseOptions>): Accepted {
  const parsed = parseState(text, options);
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems, undefined, 2));
  return parsed;
}

/** The problems of a state that has to be refused, each with a place, a reason and a fix. */
export function refused(text: string, options?: Partial<ParseOptions>): readonly Problem[] {
  const parsed = parseState(text, options);
  assert.equal(parsed.ok, false, 'the state is accepted');
  const problems = parsed.ok ? [] : parsed.problems;
  for (const { path, reason, fix, line, column } of problems) {
    assert.ok(path.startsWith('$') && reason !== '' && fix !== '' && line >= 1 && column >= 1);
  }
  return problems;
}

export function paths(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ path }) => path);
}

/** The container of a state that has one. */
export function only(text: string, options?: Partial<ParseOptions>): ContainerSpec {
  const [spec] = accepted(text, options).revision.containers;
  assert.ok(spec);
  return spec;
}

export function groupsOf({ containers }: Revision): Record<string, string> {
  return Object.fromEntries(containers.map(({ name, group }) => [name, group]));
}
