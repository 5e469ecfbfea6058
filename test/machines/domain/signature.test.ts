import assert from 'node:assert/strict';
import { mayBeSigned, openSigned, type SignedState } from '../../../machines/domain/signature.ts';
import { readHeader } from '../../../machines/domain/signature-header.ts';

const PVS = { '#spec': 'pvs@2', protected: 'p', signature: 's' };

function open(text: string): SignedState {
  const state = openSigned(text);
  assert.ok(state);
  return state;
}

function payload(text: string, include: readonly string[], exclude: readonly string[] = []): string {
  const selected = open(text).select({ include, exclude });
  assert.ok(selected.ok);
  return selected.selection.payload;
}

describe('the signed text of a state (storage §13.4)', () => {
  const text = `{ "#spec" : "x",
    "lamp/run.json" : {"b": 1,"a":[ ]}, "lamp/src.json":{}, "lamp/a\\/\\u0062" : "\\u0041\\/",
    "lamp/n.json":1.50, "lamp/w.json" : null, "lamp/l.json":["x" ], "aa/late":"t" }`;

  const cases: readonly {
    readonly why: string;
    readonly include: readonly string[];
    readonly exclude?: readonly string[];
    readonly signed: string;
  }[] = [
    { why: 'nothing is {}', include: [], signed: '{}' },
    { why: 'nothing matching is {}', include: ['other/**'], signed: '{}' },
    { why: 'a string, quoted', include: ['#spec'], signed: '{"#spec":"x"}' },
    {
      why: 'in document order, not in that of the patterns',
      include: ['aa/*', '#spec'],
      signed: '{"#spec":"x","aa/late":"t"}',
    },
    {
      why: 'an object as it is written',
      include: ['lamp/run.json'],
      signed: '{"lamp/run.json":{"b": 1,"a":[ ]}}',
    },
    { why: 'an array as it is written', include: ['lamp/l.json'], signed: '{"lamp/l.json":["x" ]}' },
    {
      why: 'numbers and words, quoted',
      include: ['lamp/[nw].json'],
      signed: '{"lamp/n.json":"1.50","lamp/w.json":"null"}',
    },
    { why: 'nothing is decoded', include: ['lamp/a/b'], signed: '{"lamp/a\\/\\u0062":"\\u0041\\/"}' },
    {
      why: 'the remaining entries of a directory (state format §28, 57)',
      include: ['lamp/*.json'],
      exclude: ['lamp/src.json', 'lamp/[lnw].json'],
      signed: '{"lamp/run.json":{"b": 1,"a":[ ]}}',
    },
    {
      why: 'an entry once, however many patterns select it',
      include: ['#spec', '*', '**', '{#spec,#*}'],
      exclude: ['lamp/**', 'aa/**'],
      signed: '{"#spec":"x"}',
    },
    { why: 'exclude wins over include', include: ['**'], exclude: ['**'], signed: '{}' },
  ];
  for (const { why, include, exclude, signed } of cases) {
    it(why, () => assert.equal(payload(text, include, exclude), signed));
  }

  it('every signature selects anew', () => {
    const state = open(text);
    for (const _ of [1, 2]) {
      const selected = state.select({ include: ['#spec', 'aa/late'], exclude: ['aa/late'] });
      assert.ok(selected.ok);
      assert.equal(selected.selection.payload, '{"#spec":"x"}');
      assert.equal(selected.selection.size, 1);
    }
  });

  it('says which directories it reaches (§13.5(3))', () => {
    const selected = open('{"a":"1","bsp-x/y":"2","lamp/z":"3"}').select({ include: ['**'], exclude: [] });
    assert.ok(selected.ok);
    assert.deepEqual(['a', 'bsp', 'lamp', 'lam', 'lamp/z'].map(selected.selection.reaches), [
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe('coverage of a state (storage §13.6)', () => {
  it('grows by what is included and by what is excluded; signatures need none (idea 37)', () => {
    const state = open(JSON.stringify({ '#spec': 'x', '_sigs/a': 1, a: 2, b: 3, c: 4, _sigs: 5 }));
    assert.deepEqual(state.uncovered(), ['#spec', 'a', 'b', 'c', '_sigs']);
    state.select({ include: ['a', '_sigs'], exclude: [] });
    assert.deepEqual(state.uncovered(), ['#spec', 'b', 'c']);
    state.select({ include: ['b'], exclude: ['a', 'b', '#spec'] });
    assert.deepEqual(state.uncovered(), ['c']);
  });
});

describe('signature documents (storage §13.2)', () => {
  it('are found under any key, in document order, whatever else stands there', () => {
    const found = open(
      JSON.stringify({
        z: PVS,
        '_sigs/none.json': {},
        '_sigs/old.json': { ...PVS, '#spec': 'pvs@1' },
        a: [PVS],
        '_sigs/b.json': PVS,
      }),
    ).documents();
    const document = { protected: 'p', signature: 's' };
    assert.deepEqual(found, [
      { kind: 'signature', document: { key: 'z', ...document } },
      { kind: 'signature', document: { key: '_sigs/b.json', ...document } },
    ]);
  });

  const broken: readonly {
    readonly why: string;
    readonly json: string;
    readonly kind: string;
    readonly reason: RegExp;
  }[] = [
    {
      why: 'no signature',
      json: '{"#spec":"pvs@2","protected":""}',
      kind: 'incomplete',
      reason: /"signature" is missing/,
    },
    {
      why: 'no header',
      json: '{"#spec":"pvs@2","signature":""}',
      kind: 'incomplete',
      reason: /"protected" is missing/,
    },
    {
      why: 'a number',
      json: '{"#spec":"pvs@2","protected":1,"signature":""}',
      kind: 'malformed',
      reason: /a string, found 1/,
    },
    {
      why: 'a key twice',
      json: '{"#spec":"pvs@2","protected":"","signature":"","protected":"x"}',
      kind: 'malformed',
      reason: /"protected" occurs twice/,
    },
  ];
  for (const { why, json, kind, reason } of broken) {
    it(`say what is wrong: ${why}`, () => {
      const [found] = open(`{"_sigs/a.json":${json}}`).documents();
      assert.ok(found !== undefined && found.kind !== 'signature');
      assert.equal(found.kind, kind);
      assert.match(found.fault.reason, reason);
      assert.match(found.fault.place, /^\$\["_sigs\/a\.json"\]\.(protected|signature)$/);
    });
  }

  it('cannot be in a text without their format', () => {
    assert.equal(mayBeSigned('{"#spec":"x"}'), false);
    assert.equal(mayBeSigned(JSON.stringify({ a: PVS })), true);
    const escaped = '{"a":{"#spec":"pvs\\u00402","protected":"p","signature":"s"}}';
    assert.equal(mayBeSigned(escaped), true);
    assert.equal(open(escaped).documents().length, 1);
  });

  it('need a text that is an object', () => {
    for (const text of ['', '[]', '"x"', '{']) assert.equal(openSigned(text), undefined);
  });

  it('that ask for too much work are refused with the reason', () => {
    const state = openSigned(JSON.stringify({ a: 1, b: 2 }), 1000);
    assert.ok(state);
    const rounds = Array.from({ length: 20 }, () => state.select({ include: ['**'], exclude: [] }));
    const last = rounds.at(-1);
    assert.ok(rounds[0]?.ok === true && last?.ok === false);
    assert.match(last.fault.reason, /too much work/);
  });
});

describe('the protected header (storage §13.2, R-11)', () => {
  const GOOD = { alg: 'ES512', typ: 'PVS', pvs: { include: ['a'], exclude: [] }, x5c: ['QUJD'], jwk: {} };
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  it('is read', () => {
    const header = { alg: 'ES512', include: ['a'], exclude: [], x5c: ['QUJD'] };
    assert.deepEqual(readHeader(encode(GOOD)), { ok: true, header });
    assert.deepEqual(readHeader(encode({ ...GOOD, x5c: undefined })), {
      ok: true,
      header: { ...header, x5c: undefined },
    });
  });

  const cases: readonly {
    readonly why: string;
    readonly text: string;
    readonly path: string;
    readonly reason: RegExp;
  }[] = [
    { why: 'nothing', text: '', path: '$', reason: /ends where a JSON value/ },
    { why: 'no base64url', text: 'e30=', path: '$', reason: /not base64url/ },
    { why: 'standard base64', text: 'a+/a', path: '$', reason: /not base64url/ },
    { why: 'a length that base64 does not have', text: 'aaaaa', path: '$', reason: /not base64url/ },
    { why: 'bytes that are no UTF-8', text: '_w', path: '$', reason: /not base64url of a UTF-8/ },
    { why: 'no object', text: encode([]), path: '$', reason: /expected an object/ },
    {
      why: 'broken JSON',
      text: Buffer.from('{"alg":').toString('base64url'),
      path: '$.alg',
      reason: /ends where/,
    },
    {
      why: 'alg twice',
      text: Buffer.from(`{"alg":"RS256",${JSON.stringify(GOOD).slice(1)}`).toString('base64url'),
      path: '$.alg',
      reason: /occurs twice/,
    },
    {
      why: 'pvs of another type',
      text: encode({ ...GOOD, pvs: [] }),
      path: '$.pvs',
      reason: /expected an object/,
    },
    { why: 'no pvs', text: encode({ ...GOOD, pvs: undefined }), path: '$.pvs', reason: /missing/ },
    {
      why: 'a pattern that is none',
      text: encode({ ...GOOD, pvs: { include: ['a', 1], exclude: [] } }),
      path: '$.pvs.include[1]',
      reason: /found 1/,
    },
    {
      why: 'a list that is none',
      text: encode({ ...GOOD, pvs: { include: [], exclude: null } }),
      path: '$.pvs.exclude',
      reason: /found null/,
    },
    {
      why: 'a chain that is null',
      text: encode({ ...GOOD, x5c: null }),
      path: '$.x5c',
      reason: /non-empty array, found null/,
    },
    {
      why: 'an empty certificate',
      text: encode({ ...GOOD, x5c: [''] }),
      path: '$.x5c[0]',
      reason: /not standard base64/,
    },
  ];
  for (const { why, text, path, reason } of cases) {
    it(`says where, why and what to do: ${why}`, () => {
      const read = readHeader(text);
      assert.ok(!read.ok);
      const [problem] = read.problems;
      assert.equal(problem?.path, path);
      assert.match(problem.reason, reason);
      assert.notEqual(problem.fix, '');
    });
  }
});
