/** `npm run examples`: builds every example below `.build/examples` and says how to run each. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildExample, EXAMPLE_NAMES } from './build.ts';

const OUTPUT = fileURLToPath(new URL('../.build/examples', import.meta.url));

for (const name of EXAMPLE_NAMES) {
  buildExample(name, join(OUTPUT, name), { images: 'squashfs' });
  process.stdout.write(`${name}: npm start -- ${name}\n`);
}
