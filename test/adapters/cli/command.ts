/** Runs verbs of the command in this process, on streams that remember. */

import type { Terminal } from '../../../adapters/cli/output.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export function rememberingTerminal(environment: Terminal['environment'] = {}) {
  const said = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    write: (text: string) => {
      said[name] += text;
      return true;
    },
  });
  return { terminal: { out: stream('out'), err: stream('err'), environment }, said };
}

/** `statevisor` with these words. */
export async function statevisor(...words: readonly string[]): Promise<Outcome> {
  const { terminal, said } = rememberingTerminal({ PATH: process.env['PATH'] });
  // Loaded as verbs are, or an error's class would be another one than that of the verb which threw it.
  const { parse } = await import('../../../adapters/cli/verbs.ts');
  const { complain } = await import('../../../adapters/cli/output.ts');
  const code = await parse(words, terminal).catch((error: unknown) => complain(error, terminal));
  return { code, ...said };
}
