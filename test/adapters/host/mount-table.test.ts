/** The kernel's mount table, cut into fields (proc(5), mountinfo). */

import assert from 'node:assert/strict';
import { mountsBelow, parseMountTable } from '../../../adapters/host/mount-table.ts';

const TEXT = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 7:0 / /v/web/root.squashfs ro,relatime shared:2 master:1 - squashfs /dev/loop0 ro,errors=continue
37 22 0:40 / /v/web/a\\040b\\134c rw - tmpfs tmpfs rw,mode=755
38 22 0:41 /sub /v/website rw - overlay overlay rw,lowerdir=/a:/b
`;

describe('the mount table', () => {
  it('gives target, type, source and options, optional fields or none', () => {
    assert.deepEqual(parseMountTable(TEXT)[1], {
      target: '/v/web/root.squashfs',
      fsType: 'squashfs',
      source: '/dev/loop0',
      options: 'ro,errors=continue',
    });
    assert.equal(parseMountTable(TEXT).length, 4);
  });

  it('decodes what the kernel escapes', () => {
    assert.equal(parseMountTable(TEXT)[2]?.target, '/v/web/a b\\c');
  });

  it('knows a directory from a name that begins alike', () => {
    const targets = mountsBelow(parseMountTable(TEXT), '/v/web').map(({ target }) => target);
    assert.deepEqual(targets, ['/v/web/root.squashfs', '/v/web/a b\\c']);
  });
});
