import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Effort, Exhausted } from '../../../machines/domain/signature-glob.ts';
import { KeyIndex, MAX_ALTERNATIVES } from '../../../machines/domain/signature-pattern.ts';

const KEYS = [
  '#spec',
  '_config/web/etc/web.ini',
  '_sigs/web.json',
  'bsp/run.json',
  'device.json',
  'web',
  'web-b/run.json',
  'web/[x]',
  'web/a/b',
  'web/a/c/b',
  'web/b',
  'web/run.json',
  'web/über',
  'web2/run.json',
];

function selected(pattern: string, keys: readonly string[] = KEYS): readonly string[] | undefined {
  const found = new Set<number>();
  const applied = new KeyIndex(keys).select(pattern, new Effort(), (place) => found.add(place));
  return applied ? keys.filter((_, place) => found.has(place)) : undefined;
}
const matches = (pattern: string, key: string): boolean => selected(pattern, [key])?.length === 1;

describe('patterns of signatures (storage §13.3)', () => {
  const below = KEYS.filter((key) => key === 'web' || key.startsWith('web/'));
  const cases: readonly {
    readonly pattern: string;
    readonly keys: readonly string[];
    readonly why: string;
  }[] = [
    { pattern: '**', keys: KEYS, why: 'everything (S-33)' },
    { pattern: '**/**', keys: KEYS, why: 'everything' },
    { pattern: '*', keys: ['#spec', 'device.json', 'web'], why: 'keys without a slash (idea 42)' },
    { pattern: 'web/**', keys: below, why: 'the directory, itself included, and nothing that starts alike' },
    {
      pattern: 'web/*',
      keys: below.filter((key) => key.split('/').length === 2),
      why: 'one level (idea 42)',
    },
    { pattern: 'web*/**', keys: KEYS.filter((key) => key.startsWith('web')), why: 'below a glob' },
    { pattern: 'w[a-f]b/**', keys: below, why: 'below a bracket expression' },
    { pattern: '*/run.json', keys: KEYS.filter((key) => key.endsWith('/run.json')), why: 'a glob first' },
    { pattern: '**/run.json', keys: KEYS.filter((key) => key.endsWith('/run.json')), why: 'at any depth' },
    { pattern: '**/device.json', keys: ['device.json'], why: 'no depth is a depth' },
    {
      pattern: 'web/**/b',
      keys: ['web/a/b', 'web/a/c/b', 'web/b'],
      why: '** between, as the signing tool has it',
    },
    { pattern: 'web/**/c/**', keys: ['web/a/c/b'], why: '** twice' },
    { pattern: '{web,bsp}/run.json', keys: ['bsp/run.json', 'web/run.json'], why: 'alternatives' },
    {
      pattern: '{_sigs,web/{a,b}}/**',
      keys: ['_sigs/web.json', 'web/a/b', 'web/a/c/b', 'web/b'],
      why: 'nested',
    },
    { pattern: 'web', keys: ['web'], why: 'a name' },
    { pattern: 'web/', keys: [], why: 'no key ends in a slash' },
    { pattern: '/web', keys: [], why: 'no key begins with one' },
    { pattern: '', keys: [], why: 'no key is empty' },
    { pattern: '/**', keys: [], why: 'nothing is below an empty name' },
    { pattern: 'web/\\[x]', keys: ['web/[x]'], why: 'an escape' },
    { pattern: 'web\\/b', keys: ['web/b'], why: 'an escaped slash is one' },
    { pattern: 'web/?ber', keys: ['web/über'], why: 'a character, not a byte' },
    { pattern: 'WEB/**', keys: [], why: 'case counts' },
  ];
  for (const { pattern, keys, why } of cases) {
    it(`${JSON.stringify(pattern)}: ${why}`, () => {
      assert.deepEqual(selected(pattern), keys);
      assert.deepEqual(selected(pattern, KEYS.toReversed())?.toReversed(), keys, 'in another order');
    });
  }

  const components: readonly {
    readonly pattern: string;
    readonly yes: readonly string[];
    readonly no: readonly string[];
  }[] = [
    { pattern: 'a?c', yes: ['abc', 'a?c', 'a😀c'], no: ['ac', 'a/c', 'abbc'] },
    { pattern: 'a*c', yes: ['ac', 'abc', 'acac'], no: ['a/c', 'acb'] },
    { pattern: 'a**c', yes: ['ac', 'abc'], no: ['a/c'] },
    { pattern: '*.*.*', yes: ['a.b.c', '...'], no: ['a.b'] },
    { pattern: '[abc]', yes: ['a', 'c'], no: ['d', ''] },
    { pattern: '[a-c]x', yes: ['bx'], no: ['dx', '-x'] },
    { pattern: '[!a-c]', yes: ['d', '!'], no: ['a', '/'] },
    { pattern: '[^a]', yes: ['b', '^'], no: ['a'] },
    { pattern: '[]a]', yes: [']', 'a'], no: ['b'] },
    { pattern: '[!]a]', yes: ['b'], no: [']', 'a'] },
    { pattern: '[a-]', yes: ['a', '-'], no: ['b'] },
    { pattern: '[\\]]', yes: [']'], no: ['\\'] },
    { pattern: '[[:digit:]a]', yes: ['5', 'a'], no: ['b', ':'] },
    { pattern: '[![:upper:]]', yes: ['a'], no: ['A'] },
    { pattern: '[a', yes: ['[a'], no: ['a'] },
    { pattern: '[a/b]', yes: ['[a/b]'], no: ['a', '/'] },
    { pattern: 'a\\*', yes: ['a*'], no: ['ab'] },
    { pattern: 'a\\', yes: [], no: ['a', 'a\\'] },
    { pattern: '{a', yes: ['{a'], no: ['a'] },
    { pattern: 'a}', yes: ['a}'], no: ['a'] },
    { pattern: '\\{a,b}', yes: ['{a,b}'], no: ['a'] },
    { pattern: '{a,}b', yes: ['ab', 'b'], no: ['a'] },
  ];
  for (const { pattern, yes, no } of components) {
    it(`${JSON.stringify(pattern)} within a component`, () => {
      assert.deepEqual(
        yes.filter((key) => !matches(pattern, key)),
        [],
      );
      assert.deepEqual(
        no.filter((key) => matches(pattern, key)),
        [],
      );
    });
  }

  it('an index finds what trying every key would find', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 7 });
    const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', '?', '**', '[ab]', '{a,/b}'), {
      maxLength: 7,
    });
    fc.assert(
      fc.property(fc.uniqueArray(word, { maxLength: 20 }), pattern, (keys, parts) => {
        const text = parts.join('');
        assert.deepEqual(
          selected(text, keys),
          keys.filter((key) => matches(text, key)),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('too many alternatives are refused', () => {
    assert.equal(selected(`{${Array(MAX_ALTERNATIVES).fill('web').join(',')}}`)?.length, 1);
    assert.equal(
      selected(
        `{${Array(MAX_ALTERNATIVES + 1)
          .fill('web')
          .join(',')}}`,
      ),
      undefined,
    );
    assert.equal(selected('{a,b}'.repeat(40)), undefined);
  });

  it('hostile patterns end by the effort they may take', () => {
    const keys = Array.from({ length: 2000 }, (_, number) => `${'a'.repeat(500)}${number}`);
    const index = new KeyIndex(keys);
    const hostile = [
      '*a'.repeat(250),
      `${'[a-b]'.repeat(100)}*b*c`,
      '['.repeat(50_000),
      '[\\]'.repeat(50_000),
      '{'.repeat(50_000),
    ];
    for (const pattern of hostile) {
      const effort = new Effort(50_000_000);
      const apply = () => {
        for (let again = 0; again < 100; again += 1) index.select(pattern, effort, () => undefined);
      };
      assert.throws(apply, Exhausted, pattern.slice(0, 20));
    }
  });
});
