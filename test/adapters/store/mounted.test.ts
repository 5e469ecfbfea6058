import assert from 'node:assert/strict';
import { inUseBy } from '../../../adapters/store/mounted.ts';

describe('what mounts use (lifecycle §12.4, L-30)', () => {
  const TABLE = [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 8:2 /data /storage rw shared:1 - ext4 /dev/sda2 rw',
    '3 1 8:2 /data/disks/rev/locals/a/web/my\\040data /volumes/web/data rw - ext4 /dev/sda2 rw',
    '4 1 8:1 /storage/disks/rev/7 /elsewhere rw - ext4 /dev/sda1 rw',
    '5 2 0:9 / /storage/disks/rev/8/web rw - tmpfs tmpfs rw',
  ].join('\n');

  for (const { why, path, used } of [
    { why: 'the source itself', path: '/storage/disks/rev/locals/a/web/my data', used: true },
    { why: 'a directory above a source', path: '/storage/disks/rev/locals/a', used: true },
    { why: 'a sibling with a longer name', path: '/storage/disks/rev/locals/a/web/my data2', used: false },
    { why: 'a directory of the same path on another file system', path: '/storage/disks/rev/7', used: false },
    { why: 'a directory with a mount in it', path: '/storage/disks/rev/8', used: true },
    { why: 'nothing', path: '/storage/disks/rev/9', used: false },
  ]) {
    it(`${used ? 'is' : 'is not'}: ${why}`, () => assert.equal(inUseBy(TABLE)(path), used));
  }
});
