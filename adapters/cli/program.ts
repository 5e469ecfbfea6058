/** The command: words in, exit code out. Verbs live in files of their own, loaded when they are called. */

import { complain, type Terminal } from './output.ts';
import { quickRunFlags } from './run-options.ts';

/** Runs one command line; `words` come without Node and script. Never throws. */
async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const quick = words[0] === 'run' ? quickRunFlags(words.slice(1)) : undefined;
    if (quick !== undefined) {
      const { run } = await import('./run.ts');
      return await run(quick, terminal);
    }
    const { parse } = await import('./verbs.ts');
    return await parse(words, terminal);
  } catch (error) {
    return complain(error, terminal);
  }
}

const terminal: Terminal = { out: process.stdout, err: process.stderr, environment: process.env };
// A reader that went away, as in `statevisor check … | head`, is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
// Whatever may still be open, the verb has done its work. Writes to files, pipes and terminals are synchronous here.
void main(process.argv.slice(2), terminal).then((code) => process.exit(code));
