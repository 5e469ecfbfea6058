/** Tests under `test/root` work on real mounts and containers. Without root's rights each of their suites fails with
 *  one line that says what to do: they are never skipped, so nobody takes half a run for a whole one. */

import type { Context, RootHookObject } from 'mocha';

const REMEDY =
  'needs root and LXC: run "npm run setup", then the tests as root ("npm run test:unit" leaves these out)';

export const mochaHooks: RootHookObject = {
  beforeAll(this: Context) {
    if (process.getuid?.() === 0) return;
    for (const suite of this.test?.parent?.suites ?? []) {
      if (!suite.file?.includes('/test/root/')) continue;
      suite.beforeAll('root', () => {
        const error = new Error(REMEDY);
        error.stack = error.message;
        throw error;
      });
    }
  },
};
