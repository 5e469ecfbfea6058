/** Where the package lies: one directory above this file, and one above the bundle that `npm run prepare` makes. */

import { fileURLToPath } from 'node:url';

export function packageRoot(): string {
  return fileURLToPath(new URL('..', import.meta.url));
}
