/** Disks after a supervisor that was killed while it made them, before and after each program that it runs. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDisks } from '../../../adapters/host/disks.ts';
import { diskSpec } from '../../support/disk.ts';
import { fakeMapper } from './fake-mapper.ts';
import { useMounterWorld } from './mounter-world.ts';
import { UNTOUCHED } from './scratch-device.ts';

const KINDS = [
  { disk: diskSpec('file', { provision: 'file', provisionOptions: 'size=16M' }), programs: 2 },
  { disk: diskSpec('memory', { provision: 'zram', provisionOptions: 'disksize=16M' }), programs: 2 },
  { disk: diskSpec('crypt', { type: 'dm-crypt-versatile', path: 'c/safe.img,4,c/safe.key' }), programs: 5 },
];

describe('a disk whose supervisor is killed', () => {
  const { device, kernel, at } = useMounterWorld('native');

  /** Programs that count themselves and, told to by `DIE_AT`, kill who runs them; 0 is before the first one. */
  function deadly(searchPath: string): string {
    for (const program of ['mkfs.ext4', 'mount', 'cryptsetup']) {
      const script = `#!/bin/sh
PATH=\${PATH#*:}
[ -n "$DIE_AT" ] || exec ${program} "$@"
echo . >> ${at('count')}
[ "$DIE_AT" = 0 ] && kill -9 $PPID && exit
${program} "$@" || exit
[ "$(grep -c . ${at('count')})" != "$DIE_AT" ] || kill -9 $PPID
`;
      device().write(`deadly/${program}`, script, 0o755);
    }
    return `${at('deadly')}:${searchPath}`;
  }

  for (const { disk, programs } of KINDS) {
    it(`${disk.type} ${disk.name}: the next one has it whole, and takes all of it down`, async () => {
      const fake = fakeMapper(device().root);
      const options = { layout: device().layout, searchPath: deadly(fake.searchPath), mapper: fake.mapper };
      const disks = createDisks({ kernel: kernel(), disks: [disk], ...options });
      const owner = join(import.meta.dirname, 'disk-owner.ts');
      for (let moment = 0; moment <= programs; moment += 1) {
        const child = spawn(
          process.execPath,
          ['--import', 'tsx', owner, JSON.stringify({ disk, ...options })],
          { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DIE_AT: String(moment) } },
        );
        const [, signal] = await once(child, 'close');
        assert.equal(signal, 'SIGKILL', `at ${moment}`);
        assert.deepEqual(await disks.sweep(), [], `at ${moment}`);
        await disks.ensure(disk.name);
        const place = `media/pv/dmcrypt/${disk.name}`;
        assert.ok(existsSync(at(`${place}/lost+found`)), `at ${moment}`);
        writeFileSync(at(`${place}/file`), String(moment));
        assert.deepEqual(await disks.takeDown(), [], `at ${moment}`);
        assert.deepEqual(device().traces(), UNTOUCHED, `at ${moment}`);
        for (const made of ['count', 'storage/pv', 'storage/c'])
          rmSync(at(made), { recursive: true, force: true });
      }
    });
  }
});
