/** A process that starts a daemon and says so, for a test that kills it: `run directory, boot id, program directory`. */

import { createDaemonSpawner } from '../../../adapters/host/daemons.ts';
import { openKernel } from '../../../adapters/host/open-kernel.ts';
import { packageRoot } from '../../../adapters/package-root.ts';

const [runDir = '', bootId = '', programs = ''] = process.argv.slice(2);
const { kernel } = openKernel(packageRoot());
const spawner = createDaemonSpawner({
  kernel,
  runDir,
  bootId,
  directories: [programs],
  say: (daemon, line) => process.stdout.write(`${daemon}: ${line}\n`),
});
spawner.spawn('pv-xconnect', () => undefined);
process.stdin.resume();
