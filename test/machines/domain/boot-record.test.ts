/** What boot loaders read and write, as text: round trips, what others keep there, and bytes from anywhere. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type BootText,
  bootChoice,
  bootedRevision,
  EMPTY_BOOT_TEXT,
  fitsBootRecord,
  grubBlock,
  parseGrubBlock,
  parseUbootText,
  ubootText,
  withVariables,
} from '../../../machines/domain/boot-record.ts';
import { isRevisionName } from '../../../machines/domain/step-name.ts';

const HEADER = '# GRUB Environment Block\n';
const block = (lines: string) => (HEADER + lines).padEnd(1024, '#');

function grubTextOf(text: string): BootText {
  const parsed = parseGrubBlock(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
  return parsed.text;
}

const names = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((name) => isRevisionName(name));
const variables = fc.record({ rev: names, tried: fc.option(names, { nil: undefined }) });
const otherKeys = fc.stringMatching(/^[a-z_]{1,12}$/).filter((key) => !['pv_rev', 'pv_try'].includes(key));
const bytes = (...without: string[]) =>
  fc
    .string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 20,
    })
    .filter((text) => !without.some((character) => text.includes(character)));
const others = (...without: string[]) =>
  fc.array(
    fc.tuple(otherKeys, bytes(...without)).map(([key, value]) => `${key}=${value}`),
    { maxLength: 8 },
  );

describe('uboot.txt (logs and metadata §11, test idea 35)', () => {
  it('has pv_rev before pv_try, each ended by NUL, then an empty one, in 65536 bytes', () => {
    const text = ubootText({ rev: '7', tried: 'locals/blue', others: ['fdt=a.dtb'] }) ?? '';
    assert.equal(text, 'pv_rev=7\0pv_try=locals/blue\0fdt=a.dtb\0\0'.padEnd(65_536, '\0'));
  });

  it('clears pv_try by an empty value', () => {
    const text = ubootText({ rev: '7', tried: undefined, others: [] }) ?? '';
    assert.ok(text.startsWith('pv_rev=7\0pv_try=\0\0'));
  });

  it('goes back to the factory revision when nothing was ever committed', () => {
    assert.ok(ubootText({ ...EMPTY_BOOT_TEXT, tried: '1' })?.startsWith('pv_rev=0\0pv_try=1\0\0'));
  });

  const cases: readonly { why: string; text: string; expected: BootText }[] = [
    { why: 'an empty file', text: '', expected: EMPTY_BOOT_TEXT },
    {
      why: 'pv_trying is not taken for pv_try',
      text: 'pv_trying=9\0pv_rev=1\0\0',
      expected: { rev: '1', tried: undefined, others: ['pv_trying=9'] },
    },
    {
      why: 'the last of two counts',
      text: 'pv_rev=1\0pv_try=2\0pv_rev=3\0\0',
      expected: { rev: '3', tried: '2', others: [] },
    },
    {
      why: 'nothing counts after the empty one',
      text: 'pv_rev=1\0\0pv_try=2\0\0',
      expected: { rev: '1', tried: undefined, others: [] },
    },
    {
      why: 'a short file may do without the end',
      text: 'pv_rev=1\0pv_try=2',
      expected: { rev: '1', tried: '2', others: [] },
    },
    {
      why: 'an entry that the first 1024 bytes cut off is none',
      text: `pv_rev=1\0${'x'.repeat(1000)}=\0pv_try=${'9'.repeat(100)}\0\0`,
      expected: { rev: '1', tried: undefined, others: [`${'x'.repeat(1000)}=`] },
    },
  ];
  for (const { why, text, expected } of cases) {
    it(why, () => assert.deepEqual(parseUbootText(text), expected));
  }

  it('has room for 1024 bytes and no more', () => {
    const ours = 'pv_rev=0\0pv_try=\0'.length;
    const fits = { ...EMPTY_BOOT_TEXT, others: ['x'.repeat(1024 - ours - 2)] };
    assert.deepEqual(parseUbootText(ubootText(fits) ?? ''), { ...fits, rev: '0' });
    assert.equal(ubootText({ ...EMPTY_BOOT_TEXT, others: ['x'.repeat(1024 - ours - 1)] }), undefined);
  });

  it('reads what it wrote, with everything that others keep there', () => {
    fc.assert(
      fc.property(variables, others('\0'), (own, kept) => {
        const text = { ...own, others: kept };
        assert.deepEqual(parseUbootText(ubootText(text) ?? ''), text);
      }),
    );
  });

  it('reads any bytes, and can write what it read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1024 }), (raw) => {
        const text = parseUbootText(Buffer.from(raw).toString('latin1'));
        const written = ubootText(text);
        if (written !== undefined) assert.deepEqual(parseUbootText(written).others, text.others);
      }),
    );
  });
});

describe('grubenv (logs and metadata §11, test idea 36)', () => {
  it('has 1024 bytes: a header, lines, # to the end', () => {
    assert.equal(grubBlock({ rev: '7', tried: '8', others: ['a=b'] }), block('pv_rev=7\npv_try=8\na=b\n'));
  });

  it('clears pv_try by leaving its line out', () => {
    assert.equal(grubBlock({ rev: '7', tried: undefined, others: [] }), block('pv_rev=7\n'));
  });

  const good: readonly { why: string; lines: string; expected: BootText }[] = [
    { why: 'one that was just created', lines: '', expected: EMPTY_BOOT_TEXT },
    {
      why: 'pv_trying is not taken for pv_try',
      lines: 'pv_trying=9\npv_rev=1\n',
      expected: { rev: '1', tried: undefined, others: ['pv_trying=9'] },
    },
    {
      why: 'comments stay',
      lines: '# WARNING\nsaved_entry=0\npv_rev=1\n',
      expected: { rev: '1', tried: undefined, others: ['# WARNING', 'saved_entry=0'] },
    },
    {
      why: 'a newline that a backslash hides ends no line',
      lines: 'a=1\\\npv_rev=9\npv_rev=1\n',
      expected: { rev: '1', tried: undefined, others: ['a=1\\\npv_rev=9'] },
    },
  ];
  for (const { why, lines, expected } of good) {
    it(why, () => assert.deepEqual(grubTextOf(block(lines)), expected));
  }

  for (const cut of ['pv_try=2', 'a=\\\n', 'pv_try=']) {
    it(`passes over a line without its end: ${JSON.stringify(cut)}`, () => {
      assert.deepEqual(grubTextOf(block(`pv_rev=1\n${cut}`)), { rev: '1', tried: undefined, others: [] });
    });
  }

  const bad: readonly { why: string; text: string; expected: RegExp }[] = [
    { why: 'is shorter', text: block('').slice(1), expected: /not 1024/ },
    { why: 'is longer', text: `${block('')}#`, expected: /not 1024/ },
    { why: 'has another header', text: `${'#'.repeat(1024)}`, expected: /does not begin/ },
  ];
  for (const { why, text, expected } of bad) {
    it(`is refused when it ${why}`, () => {
      const parsed = parseGrubBlock(text);
      assert.match(parsed.ok ? '' : parsed.why, expected);
    });
  }

  it('keeps our variables within the first sector, whatever others keep there', () => {
    const long = { rev: `locals/${'a'.repeat(64)}`, tried: `locals/${'b'.repeat(64)}` };
    const text = grubBlock({ ...long, others: ['x'.repeat(700)] }) ?? '';
    assert.deepEqual(grubTextOf(`${text.slice(0, 512).replace(/x+$/, '')}`.padEnd(1024, '#')), {
      ...long,
      others: [],
    });
  });

  it('has no room for more than 1024 bytes', () => {
    const room = 1024 - HEADER.length - 'pv_rev=0\n\n'.length;
    assert.equal(grubBlock({ ...EMPTY_BOOT_TEXT, others: ['x'.repeat(room)] })?.length, 1024);
    assert.equal(grubBlock({ ...EMPTY_BOOT_TEXT, others: ['x'.repeat(room + 1)] }), undefined);
  });

  it('reads what it wrote, with everything that others keep there', () => {
    fc.assert(
      fc.property(variables, others('\n', '\\'), (own, kept) => {
        const text = { ...own, others: kept };
        assert.deepEqual(grubTextOf(grubBlock(text) ?? ''), text);
      }),
    );
  });

  it('reads any bytes, and can write what it read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 999 }), (raw) => {
        const text = grubTextOf(block(Buffer.from(raw).toString('latin1')));
        const written = grubBlock(text);
        if (written !== undefined) assert.deepEqual(grubTextOf(written).others, text.others);
      }),
    );
  });
});

describe('what the boot loader is told', () => {
  it('forgets what it tried with every change, so that the same revision can be tried again', () => {
    const text = { rev: '1', tried: undefined, others: ['pv_trying=2', 'pv_trying_hard=1'] };
    assert.deepEqual(withVariables(text, { rev: '1', tried: '2' }), {
      rev: '1',
      tried: '2',
      others: ['pv_trying_hard=1'],
    });
  });

  it('is at most 127 bytes with the key', () => {
    assert.deepEqual(['a'.repeat(120), 'a'.repeat(121), 'é'.repeat(60), 'é'.repeat(61)].map(fitsBootRecord), [
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('the revision that was booted (logs and metadata §11)', () => {
  const cases = [
    { why: 'the environment wins', given: ['5', 'pv_rev=4', '3'], expected: '5' },
    { why: 'then the command line', given: [undefined, 'quiet pv_rev=4 pv_try=9', '3'], expected: '4' },
    { why: 'of which the last word counts', given: [undefined, 'pv_rev=4 pv_rev=6\n', '3'], expected: '6' },
    { why: 'then the record', given: ['', 'xpv_rev=4 pv_rev=', '3'], expected: '3' },
    { why: 'then the factory revision', given: [undefined, '', undefined], expected: '0' },
  ] as const;
  for (const { why, given, expected } of cases) {
    const [environment, commandLine, recorded] = given;
    it(why, () => assert.equal(bootedRevision(environment, commandLine, recorded), expected));
  }
});

describe('what a boot loader boots (lifecycle §14.1, logs and metadata test idea 37)', () => {
  it('tries a revision once, then goes back', () => {
    const record = { committed: '1', trying: '2' };
    const first = bootChoice(record, undefined);
    assert.deepEqual(first, { revision: '2', tried: '2' });
    const second = bootChoice(record, first.tried);
    assert.deepEqual(second, { revision: '1', tried: undefined });
  });

  it('tries another one right after', () => {
    assert.deepEqual(bootChoice({ committed: '1', trying: '3' }, '2'), { revision: '3', tried: '3' });
  });

  it('boots what is committed when there is nothing to try', () => {
    assert.deepEqual(bootChoice({ committed: '2', trying: undefined }, '2'), {
      revision: '2',
      tried: undefined,
    });
    assert.deepEqual(bootChoice({ committed: '2', trying: undefined }, undefined).revision, '2');
  });
});
