/** What the start-up snapshot holds: `statevisor run`, loaded and rehearsed. `snapshot.ts` has Node execute this file
 *  and keep its heap; on a device Node begins with that heap, and calls the main function below.
 *
 *  Started as `node --snapshot-blob BLOB BUNDLE run …`: the bundle is where everything else that the command can is,
 *  and tells where the package lies. */

import { createRequire } from 'node:module';
import { setFlagsFromString, startupSnapshot } from 'node:v8';
import { conclude } from '../cli/conclude.ts';
import { run } from '../cli/run.ts';
import { quickRunFlags } from '../cli/run-options.ts';
import { rehearse } from './rehearsal.ts';

/** While it writes a snapshot, V8 goes without what it counts as new; a start has it. */
function lendNewFunctions(): () => void {
  const lent: ThisType<unknown[]> & Record<string, unknown> = {
    toSorted(order?: (a: unknown, b: unknown) => number) {
      return [...this].sort(order);
    },
    toReversed() {
      return [...this].reverse();
    },
    toSpliced(start: number, count: number, ...items: unknown[]) {
      const copy = [...this];
      copy.splice(start, count, ...items);
      return copy;
    },
    with(index: number, value: unknown) {
      const copy = [...this];
      copy[index] = value;
      return copy;
    },
  };
  const missing = Object.keys(lent).filter((name) => !(name in Array.prototype));
  for (const name of missing) {
    Object.defineProperty(Array.prototype, name, { value: lent[name], configurable: true });
  }
  return () => {
    for (const name of missing) Reflect.deleteProperty(Array.prototype, name);
  };
}

async function prepare(): Promise<void> {
  // What has been compiled stays compiled until it is in the snapshot. On the command line the flag would be one that
  // a start has to give too.
  setFlagsFromString('--no-flush-bytecode');
  const takeBack = lendNewFunctions();
  try {
    await rehearse();
  } catch (error) {
    process.stderr.write(`not rehearsed: ${error instanceof Error ? error.message : error}\n`);
  } finally {
    takeBack();
    setFlagsFromString('--flush-bytecode');
  }
}

void prepare();

startupSnapshot.setDeserializeMainFunction(() => {
  const [, bundle = '', verb, ...words] = process.argv;
  const flags = verb === 'run' ? quickRunFlags(words) : undefined;
  if (flags === undefined) {
    createRequire(bundle)(bundle);
    return;
  }
  // As the launcher does for the bundle.
  setFlagsFromString('--no-opt');
  conclude((terminal) => run(flags, terminal));
});
