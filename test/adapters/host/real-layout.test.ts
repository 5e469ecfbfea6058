import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { realLayout } from '../../../adapters/host/real-layout.ts';
import { useScratch } from '../scratch.ts';

describe('the layout of a device', () => {
  const scratch = useScratch();

  it('is the same over whatever links it is named, so that the next supervisor finds what runs (R-08)', () => {
    const root = realpathSync(scratch());
    mkdirSync(join(root, 'run'));
    symlinkSync(join(root, 'run'), join(root, 'var'));
    const at = (runDir: string) => ({
      storage: root,
      runDir,
      volumes: `${runDir}/volumes`,
      configs: `${runDir}/configs`,
      media: join(root, 'media'),
      libDir: '/lib',
      exports: `${runDir}/exports`,
      revision: '0',
    });
    assert.deepEqual(realLayout(at(join(root, 'var/sv'))), at(join(root, 'run/sv')));
  });
});
