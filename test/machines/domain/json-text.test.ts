import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { JsonNode } from '../../../machines/domain/json-node.ts';
import { readJson } from '../../../machines/domain/json-text.ts';
import { jsonPath } from '../../../machines/domain/problem.ts';

function root(text: string): JsonNode {
  const read = readJson(text);
  assert.ok(read.ok, read.ok ? '' : read.fault.reason);
  return read.root;
}

/** The value `JSON.parse` would give. */
function plain(node: JsonNode): unknown {
  if (node.kind === 'array') return node.items.map(plain);
  if (node.kind === 'object')
    return Object.fromEntries([...node.members].map(([key, child]) => [key, plain(child)]));
  return node.value;
}

/** The text again, put together from the raw text of the leaves and of what stands between them. */
function respelled(text: string, node: JsonNode): string {
  const children =
    node.kind === 'array' ? node.items : node.kind === 'object' ? [...node.members.values()] : [];
  let at = node.start;
  let result = '';
  for (const child of children) {
    result += text.slice(at, child.start) + respelled(text, child);
    at = child.end;
  }
  return result + text.slice(at, node.end);
}

describe('The JSON reader', () => {
  it('reads what JSON.parse reads, and keeps every value as it is written', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom('', ' ', '\n\t '), (text, space) => {
        const spaced = space + JSON.stringify(JSON.parse(text), undefined, space) + space;
        const node = root(spaced);
        assert.deepEqual(plain(node), JSON.parse(spaced));
        assert.equal(respelled(spaced, node), spaced.trim());
      }),
    );
  });

  it('accepts and refuses as JSON.parse does', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '1',
      '-',
      '0',
      '.5',
      'e3',
      'true',
      'null',
      ' ',
      '\n',
      'x',
      '\u0000',
    ];
    const accepts = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom(...pieces)).map((list) => list.join('')),
        ),
        (text) => {
          assert.equal(readJson(text).ok, accepts(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  const broken: readonly { why: string; text: string; at: string; offset: number; reason: RegExp }[] = [
    { why: 'a trailing comma', text: '{"a": [1, ]}', at: '$.a', offset: 10, reason: /comma/ },
    { why: 'single quotes', text: "{'a': 1}", at: '$', offset: 1, reason: /key in double quotes/ },
    { why: 'a comment', text: '{"a": 1 // b\n}', at: '$', offset: 8, reason: /found "\/\/"/ },
    { why: 'a bare word', text: '{"a": yes}', at: '$.a', offset: 6, reason: /found "yes"/ },
    { why: 'a leading zero', text: '[01]', at: '$[0]', offset: 1, reason: /found "01"/ },
    { why: 'not a number', text: '[NaN]', at: '$[0]', offset: 1, reason: /"NaN"/ },
    { why: 'a missing comma', text: '{"a": 1 "b": 2}', at: '$', offset: 8, reason: /"," or "}"/ },
    { why: 'a missing colon', text: '{"a" 1}', at: '$.a', offset: 5, reason: /":" after the key/ },
    { why: 'two values', text: '{} {}', at: '$', offset: 3, reason: /more text/ },
    { why: 'a line break in a string', text: '["a\nb"]', at: '$[0]', offset: 3, reason: /control character/ },
    { why: 'an unknown escape', text: '["\\x41"]', at: '$[0]', offset: 1, reason: /escape/ },
    { why: 'an open string', text: '["abc', at: '$[0]', offset: 1, reason: /inside a string/ },
    { why: 'an open object', text: '{"a": {"b": 1', at: '$.a', offset: 13, reason: /document ends/ },
    { why: 'a byte order mark', text: '\ufeff{}', at: '$', offset: 0, reason: /expected/ },
  ];
  for (const { why, text, at, offset, reason } of broken) {
    it(`says where and why ${why} is no JSON`, () => {
      const read = readJson(text);
      assert.ok(!read.ok);
      assert.equal(jsonPath(read.fault.parent, read.fault.step), at);
      assert.equal(read.fault.offset, offset);
      assert.match(read.fault.reason, reason);
      assert.notEqual(read.fault.fix, '');
    });
  }

  it('gives the first of two values of one key, and the other apart', () => {
    const node = root('{"a": 1, "b": 2, "a": 3, "\\u0061": 4}');
    assert.ok(node.kind === 'object');
    assert.deepEqual(
      node.duplicates.map((duplicate) => [duplicate.step, plain(duplicate)]),
      [
        ['a', 3],
        ['a', 4],
      ],
    );
    assert.equal(node.members.get('a')?.kind === 'number' && node.members.get('a')?.end, 7);
  });

  it('refuses what is too deep, too many or too large, at any size', () => {
    const refusal = (text: string, limits = {}) => {
      const read = readJson(text, limits);
      return read.ok ? '' : read.fault.reason;
    };
    assert.match(refusal(`${'['.repeat(129)}${']'.repeat(129)}`), /deeper than 128/);
    assert.equal(refusal(`${'['.repeat(128)}${']'.repeat(128)}`), '');
    assert.match(refusal('[1,2,3]', { maxValues: 3 }), /more than 3 values/);
    assert.match(refusal('"äöü"', { maxBytes: 7 }), /larger than 7 bytes/);
    assert.match(refusal('['.repeat(5_000_000)), /deeper/);
  });
});
