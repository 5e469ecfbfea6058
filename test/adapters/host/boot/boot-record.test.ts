/** The boot loader's record in real files, on a disk whose power fails between any two calls, and on one that lies. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BootRecord } from '../../../../actors/update-ports.ts';
import { type BootDisk, bootDisk } from '../../../../adapters/host/boot/boot-disk.ts';
import {
  type BootLoaderType,
  type BootRecordOptions,
  createBootRecord,
} from '../../../../adapters/host/boot/boot-record.ts';
import { type Fault, SupervisorError } from '../../../../machines/domain/fault.ts';
import { useScratch } from '../../scratch.ts';

interface Told extends BootRecord {
  readonly complaints: readonly Fault[];
}

function recordIn(directory: string, options: Partial<BootRecordOptions> = {}): Told {
  const complaints: Fault[] = [];
  const record = createBootRecord({
    type: 'uboot',
    directory,
    environment: {},
    commandLine: '',
    complain: (fault) => complaints.push(fault),
    ...options,
  });
  return { ...record, complaints };
}

const FILES = { uboot: 'uboot.txt', grub: 'grubenv' } as const;

describe('the boot record (logs and metadata §11)', () => {
  const scratch = useScratch();

  for (const type of ['uboot', 'grub'] as const) {
    describe(`of ${type}`, () => {
      it('is that of a factory device when there is no file', async () => {
        const record = recordIn(join(scratch(), 'boot'), { type });
        assert.deepEqual(await record.read(), { committed: '0', trying: undefined, booted: '0' });
      });

      it('keeps a try, and ends it with the commit, for the next supervisor to read', async () => {
        const directory = join(scratch(), 'boot');
        await recordIn(directory, { type }).setTry('locals/blue');
        const tried = recordIn(directory, { type, commandLine: 'pv_rev=locals/blue' });
        assert.deepEqual(await tried.read(), {
          committed: '0',
          trying: 'locals/blue',
          booted: 'locals/blue',
        });
        await tried.commit('locals/blue');
        const after = await recordIn(directory, { type }).read();
        assert.deepEqual(after, { committed: 'locals/blue', trying: undefined, booted: 'locals/blue' });
        assert.deepEqual(readdirSync(directory), [FILES[type]]);
      });

      it('ends a try and goes back to what was committed', async () => {
        const record = recordIn(scratch(), { type });
        await record.commit('3');
        await record.setTry('4');
        await record.clearTry();
        assert.deepEqual(await record.read(), { committed: '3', trying: undefined, booted: '3' });
      });

      it('leaves alone what others keep there, but for pv_trying', async () => {
        const directory = scratch();
        const file = join(directory, FILES[type]);
        const entries = ['fdt=\xe9.dtb', 'pv_trying=5', 'pv_rev=4'];
        const header = '# GRUB Environment Block\n';
        const text =
          type === 'uboot'
            ? `${entries.join('\0')}\0\0`
            : `${header}${entries.join('\n')}\n`.padEnd(1024, '#');
        writeFileSync(file, text, 'latin1');
        await recordIn(directory, { type }).setTry('5');
        const shown = readFileSync(file, 'latin1');
        const expected =
          type === 'uboot'
            ? 'pv_rev=4\0pv_try=5\0fdt=\xe9.dtb\0\0'.padEnd(65_536, '\0')
            : `${header}pv_rev=4\npv_try=5\nfdt=\xe9.dtb\n`.padEnd(1024, '#');
        assert.equal(shown, expected);
      });

      it('refuses names that no boot loader can be told, and writes nothing', async () => {
        const directory = scratch();
        const record = recordIn(directory, { type });
        for (const name of ['', '../1', 'locals/a b', '1\n2', '1\0', 'x'.repeat(121)]) {
          await assert.rejects(record.setTry(name), refused('REFUSED', /cannot be told/));
          await assert.rejects(record.commit(name), refused('REFUSED', /cannot be told/));
        }
        assert.deepEqual(readdirSync(directory), []);
      });

      it('tells a write that does not read back (R-09)', async () => {
        const deaf: BootDisk = { ...bootDisk, replace: () => undefined, patch: () => undefined };
        const record = recordIn(scratch(), { type, disk: deaf });
        await assert.rejects(record.setTry('1'), refused('STORE_FAILED', /does not read back as written/));
      });

      it('says what cannot be read or written', async () => {
        const directory = scratch();
        mkdirSync(join(directory, FILES[type]));
        await assert.rejects(recordIn(directory, { type }).read(), refused('STORE_FAILED', /EISDIR/));
        const below = join(directory, 'file', 'boot');
        writeFileSync(dirname(below), '');
        await assert.rejects(recordIn(below, { type }).setTry('1'), refused('STORE_FAILED', /ENOTDIR/));
      });

      it('is the old or the new one wherever the power fails', async () => {
        const cuts = await everyCut(type);
        assert.ok(cuts >= 6, `${cuts} cuts`);
      });
    });
  }

  it('takes the booted revision from the environment, else the command line, else the file', async () => {
    const directory = scratch();
    await recordIn(directory).commit('3');
    const booted = async (options: Partial<BootRecordOptions>) =>
      (await recordIn(directory, options).read()).booted;
    assert.equal(await booted({ environment: { pv_rev: '5' }, commandLine: 'pv_rev=4' }), '5');
    assert.equal(await booted({ commandLine: 'ro pv_rev=4' }), '4');
    assert.equal(await booted({}), '3');
    await assert.rejects(booted({ commandLine: 'pv_rev=../4' }), refused('REFUSED', /no revision/));
  });

  it('counts a pv_try that is no name as none, and complains', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'uboot.txt'), 'pv_rev=1\0pv_try=../../etc\0\0');
    const record = recordIn(directory);
    assert.deepEqual(await record.read(), { committed: '1', trying: undefined, booted: '1' });
    assert.match(
      record.complaints.map(({ message }) => message).join(),
      /pv_try="..\/..\/etc" is no revision/,
    );
  });

  it('does not guess what to go back to when pv_rev is no name, and can be put right', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'uboot.txt'), 'pv_rev=../1\0\0');
    const record = recordIn(directory);
    await assert.rejects(record.read(), refused('STORE_FAILED', /pv_rev="..\/1" is no revision/));
    await record.commit('2');
    assert.equal((await record.read()).committed, '2');
  });

  it('writes grubenv where it is: GRUB may find the blocks of a renamed file no more', async () => {
    const directory = scratch();
    const target = join(scratch(), 'grubenv');
    await recordIn(dirname(target), { type: 'grub' }).commit('1');
    symlinkSync(target, join(directory, 'grubenv'));
    const before = statSync(target).ino;
    await recordIn(directory, { type: 'grub' }).setTry('2');
    assert.deepEqual([statSync(target).ino, statSync(target).size], [before, 1024]);
    assert.match(readFileSync(target, 'latin1'), /^# GRUB Environment Block\npv_rev=1\npv_try=2\n#+$/);
  });

  it('refuses a grubenv that GRUB would refuse', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'grubenv'), 'pv_rev=1\n');
    const record = recordIn(directory, { type: 'grub' });
    await assert.rejects(record.read(), refused('STORE_FAILED', /no environment block/));
    await assert.rejects(record.setTry('1'), refused('STORE_FAILED', /no environment block/));
  });

  it('of rpiab is read and cleared; what needs the board is refused', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'rpiab.txt'), 'pv_rev=1\0pv_try=2\0\0');
    const record = recordIn(directory, { type: 'rpiab' });
    assert.deepEqual(await record.read(), { committed: '1', trying: '2', booted: '1' });
    await assert.rejects(record.setTry('3'), refused('UNSUPPORTED', /autoboot\.txt/));
    await assert.rejects(record.commit('2'), refused('UNSUPPORTED', /mailbox/));
    await record.commit('1');
    assert.deepEqual(await record.read(), { committed: '1', trying: undefined, booted: '1' });
  });

  const unsupported: readonly { options: Partial<BootRecordOptions>; named: RegExp }[] = [
    { options: { type: 'uboot-ab' }, named: /uboot-ab/ },
    { options: { mtdOnly: true }, named: /PV_BOOTLOADER_MTD_ONLY/ },
    { options: { type: 'uboot-pvk', mtdEnv: 'pv-env' }, named: /PV_BOOTLOADER_MTD_ENV pv-env/ },
  ];
  for (const { options, named } of unsupported) {
    it(`refuses what is not in a file: ${named.source}`, () => {
      assert.throws(() => recordIn('/nonexistent', options), refused('UNSUPPORTED', named));
    });
  }
});

function refused(code: Fault['code'], message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof SupervisorError);
    assert.equal(error.fault.code, code);
    assert.match(error.fault.message, message);
    assert.ok((error.fault.fix ?? '') !== '');
    return true;
  };
}

/** A disk in memory: a file is replaced, or one sector of it written, wholly or not at all; after `calls` writes the
 *  power is gone. */
function failingDisk(files: Map<string, string>, calls: number): BootDisk {
  let left = calls;
  const write = (path: string, text: string) => {
    if (left === 0) throw new Error('no power');
    left -= 1;
    files.set(path, text);
  };
  return {
    read: (path, limit) => files.get(path)?.slice(0, limit),
    replace: write,
    patch: (path, offset, text) => {
      assert.equal(Math.floor(offset / 512), Math.floor((offset + text.length - 1) / 512));
      const before = files.get(path) ?? '';
      write(path, before.slice(0, offset) + text + before.slice(offset + text.length));
    },
  };
}

/** Does the steps of an update from 1 to 2 with every number of writes, from records with little and with much of
 *  others in it, and reads after each. @returns how many times the power failed */
async function everyCut(type: BootLoaderType): Promise<number> {
  let cuts = 0;
  const steps: readonly { do: (record: BootRecord) => Promise<void>; leaves: string }[] = [
    { do: (record) => record.setTry('locals/a-long-name'), leaves: '1 locals/a-long-name' },
    { do: (record) => record.clearTry(), leaves: '1 -' },
    { do: (record) => record.setTry('2'), leaves: '1 2' },
    { do: (record) => record.commit('2'), leaves: '2 -' },
  ];
  for (const others of [[], ['a=b', 'pv_trying=2'], [`x=${'y'.repeat(464)}`, `z=${'w'.repeat(300)}`]]) {
    const path = `/boot/${type === 'grub' ? 'grubenv' : 'uboot.txt'}`;
    const initial =
      type === 'grub'
        ? `# GRUB Environment Block\n${[...others, 'pv_rev=1'].join('\n')}\n`.padEnd(1024, '#')
        : `${[...others, 'pv_rev=1'].join('\0')}\0\0`;
    const shown = async (files: Map<string, string>) => {
      const { committed, trying } = await recordIn('/boot', { type, disk: failingDisk(files, 0) }).read();
      return `${committed} ${trying ?? '-'}`;
    };
    const whole = new Map([[path, initial]]);
    for (const step of steps) {
      const old = await shown(whole);
      for (let writes = 0; ; writes += 1) {
        const files = new Map(whole);
        const done = await step.do(recordIn('/boot', { type, disk: failingDisk(files, writes) })).then(
          () => true,
          () => false,
        );
        assert.ok([old, step.leaves].includes(await shown(files)), `${await shown(files)} from ${old}`);
        if (!done) cuts += 1;
        if (!done) continue;
        assert.equal(await shown(files), step.leaves);
        for (const [name, text] of files) whole.set(name, text);
        break;
      }
    }
  }
  return cuts;
}
