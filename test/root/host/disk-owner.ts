/** A process that puts a disk up, to be killed at it: `disk-owner.ts JSON`, with `layout`, `disk` and what else
 *  `createDisks` is told. */

import { createDisks } from '../../../adapters/host/disks.ts';
import { openKernel } from '../../../adapters/host/open-kernel.ts';
import { ROOT } from '../../support/sources.ts';

const { disk, ...options } = JSON.parse(process.argv[2] ?? '{}');
await createDisks({ kernel: openKernel(ROOT).kernel, disks: [disk], ...options }).ensure(disk.name);
