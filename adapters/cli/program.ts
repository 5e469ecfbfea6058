/** The command: words in, exit code out. Verbs live in files of their own, loaded when they are called. */

import { conclude } from './conclude.ts';
import type { Terminal } from './output.ts';
import { quickRunFlags } from './run-options.ts';

/** Runs one command line; `words` come without Node and script. */
async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  const quick = words[0] === 'run' ? quickRunFlags(words.slice(1)) : undefined;
  if (quick !== undefined) {
    const { run } = await import('./run.ts');
    return run(quick, terminal);
  }
  const { parse } = await import('./verbs.ts');
  return parse(words, terminal);
}

conclude((terminal) => main(process.argv.slice(2), terminal));
