import assert from 'node:assert/strict';
import { accepted, container, OBJECT, paths, refused, state } from './states.ts';

describe('The keys of a state (state format §3, §4, §28)', () => {
  const owned = (key: string, value: unknown) =>
    accepted(state(container('a', { group: 'app' }), { [key]: value })).revision.files.get(key);

  const files: readonly { why: string; key: string; value: unknown; kind?: string; owner?: string }[] = [
    {
      why: '46: hash under a .json key is an object of a',
      key: 'a/foo.json',
      value: OBJECT,
      kind: 'object',
      owner: 'a',
    },
    {
      why: '46: object under a .json key is a JSON file of a',
      key: 'a/foo.json',
      value: {},
      kind: 'json',
      owner: 'a',
    },
    {
      why: '48: a prefix of a known key is an ordinary file (S-32)',
      key: 'd',
      value: OBJECT,
      kind: 'object',
    },
    { why: '48: bsp is an ordinary file (S-32)', key: 'bsp', value: OBJECT, kind: 'object' },
    { why: '48: device is an ordinary file (S-32)', key: 'device', value: OBJECT, kind: 'object' },
    {
      why: '49: src.json below _config is delivered (S-27)',
      key: '_config/a/etc/src.json',
      value: [1],
      kind: 'json',
      owner: 'a',
    },
    { why: '49: src.json of a directory is no file', key: 'a/src.json', value: {} },
    { why: 'build.json of a directory is no file', key: 'b/build.json', value: 5 },
    {
      why: '50: a file for a container that is not there has no owner',
      key: '_config/ghost/x',
      value: OBJECT,
      kind: 'object',
    },
    { why: '61: README.md is an object of nobody', key: 'README.md', value: OBJECT, kind: 'object' },
    {
      why: '64: run.json below _config is a file of a (S-48)',
      key: '_config/a/etc/run.json',
      value: 'x',
      kind: 'json',
      owner: 'a',
    },
    {
      why: 'run.json two directories down is a file (S-48)',
      key: 'a/x/run.json',
      value: {},
      kind: 'json',
      owner: 'a',
    },
    { why: 'run.json at the top is a file', key: 'run.json', value: {}, kind: 'json' },
    { why: 'services.json of no container is a file', key: 'bsp/services.json', value: 5, kind: 'json' },
    { why: 'a number under a .json key is a JSON file', key: 'n.json', value: 5, kind: 'json' },
    { why: 'disks_v2.json is a plain JSON file', key: 'disks_v2.json', value: 5, kind: 'json' },
  ];
  for (const { why, key, value, kind, owner } of files) {
    it(why, () => {
      const file = owned(key, value);
      assert.equal(file?.kind, kind);
      assert.equal(file?.owner, owner);
    });
  }

  it('64: a file called run.json makes no container', () => {
    const { revision } = accepted(
      state(container('a', { group: 'app' }), { '_config/a/etc/run.json': OBJECT }),
    );
    assert.equal(revision.containers.length, 1);
    assert.equal(revision.containers[0]?.hasConfigFiles, true);
  });

  it('keeps signatures apart, and those that lie elsewhere as files too (§19)', () => {
    const pvs = { '#spec': 'pvs@2', protected: 'p', signature: 's' };
    const { files, signatures } = accepted(state({ '_sigs/run.json': pvs, 'x/sig.json': pvs })).revision;
    assert.deepEqual([...signatures.keys()], ['_sigs/run.json', 'x/sig.json']);
    assert.deepEqual([...files.keys()], ['x/sig.json']);
  });

  it('keeps JSON files as the exact text of the document (§25)', () => {
    const raw = '{ "b" : 1.50e1,\n "a": "\\u0041" }';
    const { files } = accepted(`{"x.json": ${raw} ,"#spec": "pantavisor-service-system@1"}`).revision;
    assert.deepEqual(files.get('x.json'), { kind: 'json', text: raw, owner: undefined });
  });

  const badValues: readonly { why: string; value: unknown }[] = [
    { why: '47: an object', value: { k: 1 } },
    { why: '47: a short text', value: 'zz' },
    { why: '61: free text', value: '# Read me' },
    { why: 'a number', value: 5 },
    { why: 'an id with one digit too many', value: `${OBJECT}0` },
  ];
  for (const { why, value } of badValues) {
    it(`refuses ${why} under a key that does not end in .json (S-45)`, () => {
      assert.deepEqual(paths(refused(state({ 'a/blob': value }))), ['$["a/blob"]']);
    });
  }

  const badKeys = [
    '',
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a//b',
    'a/',
    './a',
    'a/.',
    'a\u0000b',
    'a\nb',
    '.pvr/json',
    '.pv/progress',
    `a/${'x'.repeat(256)}`,
    `${'y/'.repeat(1100)}z`,
    '\ud800',
  ];
  for (const key of badKeys) {
    it(`refuses ${JSON.stringify(key).slice(0, 30)} as a file of the revision`, () => {
      assert.match(refused(state({ [key]: OBJECT }))[0]?.reason ?? '', /cannot be a file/);
    });
  }

  it('refuses a path that is a file and a directory', () => {
    assert.deepEqual(paths(refused(state({ 'x/y': OBJECT, x: OBJECT, 'x/z/a': OBJECT }))), ['$.x']);
  });

  it('warns of an object id in upper case (§3)', () => {
    assert.deepEqual(paths(accepted(state({ x: OBJECT.toUpperCase() })).warnings), ['$.x']);
  });
});
