/** What is in the store, as the control API lists it (control API §6.6, §6.7): exact bytes. */

import { controlJson } from './control-text.ts';

/** `[{"sha256":"…","size":"4096"}]`: the size is a string. */
export function objectsJson(objects: readonly { readonly sha256: string; readonly size: number }[]): string {
  return controlJson(objects.map(({ sha256, size }) => ({ sha256, size: String(size) })));
}

export interface ListedStep {
  readonly name: string;
  /** `2026-03-01T09:15:00Z`: UTC. */
  readonly date: string;
  readonly commitMessage: string;
  /** Raw text of the record. */
  readonly progress: string | undefined;
}

/** With `", "` between the members of one step, and none between steps. Names are spelled as they are: clients look for
 *  them in the text. */
export function stepsJson(steps: readonly ListedStep[]): string {
  return `[${steps.map(stepJson).join(',')}]`;
}

function stepJson({ name, date, commitMessage, progress }: ListedStep): string {
  const members = [
    `"name":${controlJson(name)}`,
    `"date":"${date}"`,
    `"commitmsg":${controlJson(commitMessage)}`,
    `"progress":${embedded(progress)}`,
  ];
  return `{${members.join(', ')}}`;
}

/** The whole record, whatever its length; a text that is no JSON object would break the list. */
function embedded(progress: string | undefined): string {
  if (progress === undefined) return '{}';
  try {
    const value: unknown = JSON.parse(progress);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? progress.trim() : '{}';
  } catch (error) {
    if (error instanceof SyntaxError) return '{}';
    throw error;
  }
}
