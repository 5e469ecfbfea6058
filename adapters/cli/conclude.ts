/** From a verb to the end of this process: its streams, and its exit code. */

import { complain, type Terminal } from './output.ts';

/** Runs a verb on the process's own streams, tells what it throws, and exits with its code. */
export function conclude(verb: (terminal: Terminal) => Promise<number>): void {
  const terminal: Terminal = { out: process.stdout, err: process.stderr, environment: process.env };
  // A reader that went away, as in `statevisor check … | head`, is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  // Whatever may still be open, the verb has done its work.
  void verb(terminal)
    .catch((error: unknown) => complain(error, terminal))
    .then((code) => written(process.stdout, () => process.exit(code)));
}

/** A pipe takes no more than its reader has room for; the rest waits in memory, and would end with the process. */
function written(stream: NodeJS.WriteStream, done: () => void): void {
  if (stream.writableLength === 0) done();
  else stream.end(done);
}
