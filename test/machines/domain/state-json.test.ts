/** Tables of the whole document, the groups of its containers and what they inherit; long because the format is. */

import assert from 'node:assert/strict';
import { parseState } from '../../../machines/domain/state-json.ts';
import {
  accepted,
  container,
  groupsOf,
  OBJECT,
  only,
  paths,
  refused,
  runJson,
  type State,
  state,
} from './states.ts';

describe('A state JSON', () => {
  describe('as a document (state format §1, §2, §28)', () => {
    it('1: has the four default groups and no container when it has nothing but its format', () => {
      const { revision } = accepted(state());
      assert.deepEqual(
        revision.groups.map(({ name }) => name),
        ['data', 'root', 'platform', 'app'],
      );
      assert.deepEqual(
        revision.groups.map(({ statusGoal, restartPolicy, goalTimeoutMs }) => [
          statusGoal,
          restartPolicy,
          goalTimeoutMs,
        ]),
        [
          ['MOUNTED', 'system', 30_000],
          ['STARTED', 'system', 30_000],
          ['STARTED', 'system', 30_000],
          ['STARTED', 'container', 30_000],
        ],
      );
      assert.deepEqual(revision.containers, []);
      assert.equal(revision.defaultGroups, true);
    });

    const noStates: readonly { why: string; text: string; at: readonly string[]; reason: RegExp }[] = [
      {
        why: '2: names no format, though something in it does (S-10)',
        text: JSON.stringify(
          runJson('a', { '#spec': 'service-manifest-run@1', name: 'a', type: 'lxc', config: 'c' }),
        ),
        at: ['$["#spec"]'],
        reason: /not named/,
      },
      {
        why: '3: names a format nobody knows (S-10)',
        text: '{"#spec": "something@9", "x": 5}',
        at: ['$["#spec"]'],
        reason: /"something@9" is unknown/,
      },
      {
        why: 'names a format that is no text',
        text: '{"#spec": 5}',
        at: ['$["#spec"]'],
        reason: /5 is unknown/,
      },
      {
        why: '60: is of the legacy format (§24)',
        text: '{"#spec": "pantavisor-multi-platform@1", "pantavisor.json": {}}',
        at: ['$["#spec"]'],
        reason: /legacy format "pantavisor-multi-platform@1"/,
      },
      {
        why: '4: is cut off',
        text: state(container('a')).slice(0, -2),
        at: ['$["a/run.json"]'],
        reason: /ends/,
      },
      { why: 'is empty', text: '', at: ['$'], reason: /ends/ },
      { why: 'is no JSON', text: 'hello', at: ['$'], reason: /found "hello"/ },
      { why: 'is an array', text: '[]', at: ['$'], reason: /expected an object, found an empty array/ },
      {
        why: '62: has a top-level key twice (§1.5)',
        text: '{"#spec": "pantavisor-service-system@1", "x.json": 1, "x.json": 2}',
        at: ['$["x.json"]'],
        reason: /twice/,
      },
      {
        why: 'has a key twice in an object that is read (§1.5)',
        text: state().replace(
          '}',
          ', "a/run.json": {"name": "a", "type": "lxc", "config": "c", "type": "x"}}',
        ),
        at: ['$["a/run.json"].type'],
        reason: /twice/,
      },
    ];
    for (const { why, text, at, reason } of noStates) {
      it(`is refused when it ${why}`, () => {
        const problems = refused(text);
        assert.deepEqual(paths(problems), at);
        assert.match(problems[0]?.reason ?? '', reason);
      });
    }

    it('may have a key twice in a file that is stored and not read', () => {
      const text = state().replace('}', ', "a.json": {"k": 1, "k": 2}}');
      assert.deepEqual(accepted(text).revision.files.get('a.json'), {
        kind: 'json',
        text: '{"k": 1, "k": 2}',
        owner: undefined,
      });
    });

    it('has all its problems told at once, in document order, with line and column (R-11)', () => {
      const problems = refused(`{
  "#spec": "pantavisor-service-system@1",
  "b/run.json": {"name": "b", "type": "lxc", "group": "none"},
  "../x": "zz",
  "a/run.json": {"name": "c", "type": 5, "config": "c"}
}`);
      assert.deepEqual(
        problems.map(({ path, line, column }) => `${line}:${column} ${path}`),
        [
          '3:17 $["b/run.json"].config',
          '3:55 $["b/run.json"].group',
          '4:3 $["../x"]',
          '4:11 $["../x"]',
          '5:26 $["a/run.json"].name',
          '5:39 $["a/run.json"].type',
        ],
      );
    });

    it('accepts nested formats other than the documented ones (§2)', () => {
      assert.equal(
        accepted(state(container('a', { '#spec': 'x@7', group: 'app' }))).revision.containers.length,
        1,
      );
    });
  });

  describe('and the groups of its containers (§6, §28)', () => {
    const placed: readonly { why: string; parts: readonly State[]; groups: Record<string, string> }[] = [
      {
        why: '5: root for the first, platform for the others',
        parts: ['a', 'b', 'c'].map((name) => container(name)),
        groups: { a: 'root', b: 'platform', c: 'platform' },
      },
      {
        why: '6: platform for all when somebody is in root',
        parts: [container('a'), container('b'), container('c', { group: 'root' })],
        groups: { a: 'platform', b: 'platform', c: 'root' },
      },
      {
        why: '7: root for the first without a group (S-03)',
        parts: [container('a', { group: 'app' }), container('b'), container('c')],
        groups: { a: 'app', b: 'root', c: 'platform' },
      },
      {
        why: 'nobody in root when all have groups',
        parts: [container('a', { group: 'app' }), container('b', { group: 'platform' })],
        groups: { a: 'app', b: 'platform' },
      },
      {
        why: '8: root for app-db, whose key sorts before that of app (§1.2)',
        parts: [container('app'), container('app-db')],
        groups: { 'app-db': 'root', app: 'platform' },
      },
      {
        why: '20: the runlevel, which is deprecated',
        parts: [container('a', { runlevel: 'app' }), container('b', { group: 'app' })],
        groups: { a: 'app', b: 'app' },
      },
      {
        why: '20: the group rather than the runlevel',
        parts: [container('a', { runlevel: 'app', group: 'root' })],
        groups: { a: 'root' },
      },
      {
        why: '20: none by an unknown runlevel',
        parts: [container('a', { runlevel: 'foo' })],
        groups: { a: 'root' },
      },
    ];
    for (const { why, parts, groups } of placed) {
      it(why, () => assert.deepEqual(groupsOf(accepted(state(...parts)).revision), groups));
    }

    it('20: warns of a runlevel, known or not', () => {
      for (const runlevel of ['app', 'foo', 5]) {
        const { warnings } = accepted(state(container('a', { runlevel, group: 'root' })));
        assert.ok(paths(warnings).includes('$["a/run.json"].runlevel'));
      }
    });

    it('warns of every group it chose (R-11)', () => {
      const { warnings } = accepted(state(container('a'), container('b')));
      assert.deepEqual(
        paths(warnings).filter((path) => path.endsWith('group')),
        ['$["a/run.json"].group', '$["b/run.json"].group'],
      );
    });

    const own = { 'groups.json': [{ name: 'g1' }, { name: 'g2' }] };
    it('9: refuses a container without a group beside own groups, by name (R-02)', () => {
      const [problem, ...more] = refused(state(own, container('lamp')));
      assert.equal(more.length, 0);
      assert.equal(problem?.path, '$["lamp/run.json"].group');
      assert.match(problem?.reason ?? '', /"lamp"/);
    });
    it('9: puts it into the last group when states need that (S-02)', () => {
      const { revision, warnings } = accepted(state(own, container('a')), { lastGroupFallback: true });
      assert.deepEqual(groupsOf(revision), { a: 'g2' });
      assert.ok(paths(warnings).includes('$["a/run.json"].group'));
    });
    it('10: own groups stay own groups under the names of the default ones', () => {
      const groups = ['data', 'root', 'platform', 'app'].map((name) => ({ name }));
      assert.equal(
        refused(state({ 'device.json': { groups } }, container('a')))[0]?.path,
        '$["a/run.json"].group',
      );
    });
    it('19: refuses a group that does not exist', () => {
      assert.deepEqual(paths(refused(state(container('a', { group: 'x' })))), ['$["a/run.json"].group']);
    });
    it('refuses a runlevel whose group does not exist', () => {
      const problems = refused(state(own, container('a', { group: 'g1', runlevel: 'app' })));
      assert.deepEqual(paths(problems), ['$["a/run.json"].runlevel']);
    });
  });

  describe('and what containers inherit (§7, §28)', () => {
    const groups = [
      { name: 'g', status_goal: 'READY', restart_policy: 'system', auto_recovery: { policy: 'always' } },
    ];
    const inheriting = (keys: State) =>
      only(state({ 'groups.json': groups }, container('a', { group: 'g', ...keys })));

    it('26: goal, policy and recovery of the group', () => {
      const spec = inheriting({});
      assert.deepEqual(
        [spec.statusGoal, spec.restartPolicy, spec.recovery?.policy],
        ['READY', 'system', 'always'],
      );
    });
    it('26: nothing that they say themselves', () => {
      const spec = inheriting({ status_goal: 'STARTED', restart_policy: 'container' });
      assert.deepEqual([spec.statusGoal, spec.restartPolicy], ['STARTED', 'container']);
    });
    it('27: no recovery when they opt out of it (S-41)', () => {
      assert.equal(inheriting({ auto_recovery: { policy: 'no' } }).recovery?.policy, 'no');
    });
    it('no single fields of a recovery', () => {
      const { recovery } = inheriting({ auto_recovery: { max_retries: 2 } });
      assert.deepEqual([recovery?.policy, recovery?.maxRetries], ['no', 2]);
    });
    it('the recovery when their own is no object', () => {
      assert.equal(inheriting({ auto_recovery: 'always' }).recovery?.policy, 'always');
    });
  });

  it('orders containers by the bytes of their keys, beyond the basic plane too (§1.2)', () => {
    const { revision } = accepted(
      state(container('\u{1F600}'), container('\uffee'), container('b'), container('a')),
    );
    assert.deepEqual(
      revision.containers.map(({ name }) => name),
      ['a', 'b', '\uffee', '\u{1F600}'],
    );
  });

  it('52: attaches services.json wherever it stands (S-38)', () => {
    const services = { services: [{ name: 'clock', type: 'rest', socket: '/s' }] };
    const [spec] = accepted(state({ 'a/services.json': services }, container('a'))).revision.containers;
    assert.equal(spec?.serviceExports[0]?.name, 'clock');
  });

  it('warns of files that a container names and the state lacks', () => {
    const parts = [container('a', { 'root-volume': 'r.squashfs', group: 'app' }), { 'a/r.squashfs': OBJECT }];
    assert.deepEqual(paths(accepted(state(...parts)).warnings), ['$["a/run.json"].config']);
  });

  it('is refused when it is longer than allowed, in bytes', () => {
    for (const text of [state(), state({ 'x.json': 'ä€\u{1F600}' })]) {
      const bytes = Buffer.byteLength(text);
      assert.equal(parseState(text, { maxBytes: bytes }).ok, true);
      assert.equal(parseState(text, { maxBytes: bytes - 1 }).ok, false);
    }
  });
});
