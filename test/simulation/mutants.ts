/** Supervisors with one fault built in: the charts and their joints are copied, one passage is replaced, and the copy is
 *  loaded beside the original. A passage that is not there exactly once is an error, so no mutant can rot. */

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/sources.ts';
import type { Create } from './runner.ts';

export interface Mutation {
  /** What the mutant gets wrong. */
  readonly fault: string;
  readonly file: string;
  readonly passage: string;
  readonly replacement: string;
}

/** Loads a supervisor with the mutation, or an unharmed copy; `use` has it for as long as it runs. */
export async function withMutant(
  mutation: Mutation | undefined,
  use: (create: Create) => Promise<void>,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'statevisor-mutant-'));
  try {
    for (const directory of ['machines', 'actors']) {
      cpSync(join(ROOT, directory), join(scratch, directory), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
    writeFileSync(join(scratch, 'package.json'), '{ "type": "module" }');
    if (mutation !== undefined) mutate(scratch, mutation);
    const url = pathToFileURL(join(scratch, 'actors/supervisor.ts')).href;
    const { createSupervisor } = (await import(url)) as { createSupervisor: Create };
    await use(createSupervisor);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function mutate(scratch: string, { file, passage, replacement }: Mutation): void {
  const path = join(scratch, file);
  const parts = readFileSync(path, 'utf8').split(passage);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${passage}`);
  writeFileSync(path, parts.join(replacement));
}
