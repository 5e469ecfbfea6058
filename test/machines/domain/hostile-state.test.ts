import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_PROBLEMS } from '../../../machines/domain/problem.ts';
import { parseState } from '../../../machines/domain/state-json.ts';
import { byteOrder } from '../../../machines/domain/utf8.ts';
import { accepted, container, groupsOf, OBJECT, paths, refused, type State, state } from './states.ts';

/** A state with entries that an object literal cannot have. */
function raw(...entries: readonly string[]): string {
  return state().replace('}', `${entries.map((entry) => `, ${entry}`).join('')}}`);
}

describe('A hostile state', () => {
  describe('with keys of Object.prototype', () => {
    const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    for (const key of keys) {
      it(`${key} is a file like any other, and pollutes nothing`, () => {
        const { revision } = accepted(raw(`"${key}": "${OBJECT}"`, `"x.json": {"${key}": {"polluted": 1}}`));
        assert.deepEqual([...revision.files.keys()], [key, 'x.json']);
        assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
      });
      it(`${key} is no name of a group, a disk or a container`, () => {
        const json = JSON.stringify(key);
        assert.ok(refused(raw(`"groups.json": [{"name": ${json}}]`)).length > 0);
        assert.ok(refused(raw(`"disks.json": [{"name": ${json}, "type": "dual"}]`)).length > 0);
        const text = raw(
          `"${key}/run.json": {"name": ${json}, "type": "lxc", "config": "c", "group": "app"}`,
        );
        const parsed = parseState(text);
        assert.equal(parsed.ok && parsed.revision.containers.length > 0, false);
      });
      it(`${key} inside run.json changes nothing`, () => {
        const text = raw(
          `"a/run.json": {"${key}": {"roles": ["mgmt"]}, "name": "a", "type": "lxc", "config": "c"}`,
        );
        assert.deepEqual(accepted(text).revision.containers[0]?.roles, []);
      });
    }
  });

  it('of 100,000 keys is read whole', () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `"d${index % 300}/f${index}": "${OBJECT}"`);
    assert.equal(accepted(raw(...keys)).revision.files.size, 100_000);
  });

  it('of 10,000 containers is read whole', () => {
    const containers = Array.from({ length: 10_000 }, (_, index) => container(`c${index}`));
    const { revision } = accepted(state(...containers));
    assert.equal(revision.containers.length, 10_000);
    assert.equal(revision.containers.filter(({ group }) => group === 'root').length, 1);
  });

  it('with 100,000 problems tells the first ones and counts the rest', () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `"f${index}": 0`);
    const problems = refused(raw(...keys));
    assert.equal(problems.length, MAX_PROBLEMS + 1);
    assert.match(problems.at(-1)?.reason ?? '', /90000 further/);
  });

  describe('of 50 MB', () => {
    const size = 50 * 1024 * 1024;
    it('is refused unless as much is allowed', () => {
      const text = raw(`"x.json": "${'y'.repeat(size)}"`);
      assert.match(refused(text)[0]?.reason ?? '', /larger than 16777216 bytes/);
      assert.equal(accepted(text, { maxBytes: 2 * size }).revision.files.size, 1);
    });
    it('is refused for its depth', () => {
      const text = raw(`"x.json": ${'['.repeat(size)}`);
      assert.match(refused(text, { maxBytes: 2 * size })[0]?.reason ?? '', /nested deeper/);
    });
    it('is refused for its number of values', () => {
      const text = raw(`"x.json": [${'0,'.repeat(size / 2)}0]`);
      assert.match(refused(text, { maxBytes: 2 * size })[0]?.reason ?? '', /more than 1000000 values/);
    });
    it('is refused for keys that repeat', () => {
      const text = `${'{"":'.repeat(100)}${'"",'.repeat(1000)}`;
      assert.equal(refused(raw(`"x.json": ${text}`)).length, 1);
    });
  });

  it('never crashes the parser', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const parsed = parseState(text);
        assert.ok(parsed.ok || parsed.problems.length > 0);
      }),
    );
  });

  const anything = fc.jsonValue({ maxDepth: 3 });
  const runKeys = fc.constantFrom(
    ...[
      'name',
      'type',
      'config',
      'root-volume',
      'volumes',
      'storage',
      'group',
      'runlevel',
      'status_goal',
      'roles',
    ],
    ...[
      'restart_policy',
      'automodfw',
      'auto_recovery',
      'network',
      'logs',
      'dev-log',
      'drivers',
      'services',
      'exports',
      'remount',
    ],
  );
  const deviceKeys = fc.constantFrom(
    'groups',
    'disks',
    'disks_v2',
    'disks_v3',
    'volumes',
    'network',
    'remount',
  );
  it('never crashes the parser with wrong values in known places', () => {
    const files = fc.dictionary(
      fc.constantFrom(
        'groups.json',
        'disks.json',
        'disks_v3.json',
        'bsp/run.json',
        'bsp/drivers.json',
        'a/services.json',
      ),
      anything,
    );
    const device = fc.option(fc.dictionary(deviceKeys, anything), { nil: undefined });
    fc.assert(
      fc.property(fc.dictionary(runKeys, anything), files, device, (keys, others, value) => {
        const parsed = parseState(
          state(container('a', keys), others, value === undefined ? {} : { 'device.json': value }),
        );
        const findings = parsed.ok ? parsed.warnings : [...parsed.problems, ...parsed.warnings];
        for (const { path, reason, fix } of findings)
          assert.ok(path.startsWith('$') && reason !== '' && fix !== '');
      }),
      { numRuns: 300 },
    );
  });

  it('that is canonical gives back its groups, containers and files', () => {
    const name = fc
      .stringMatching(/^[a-z][a-z0-9.-]{0,8}$/)
      .filter((text) => text !== 'bsp' && !(text in {}));
    const names = fc.uniqueArray(name, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(names, names, fc.nat(), (groups, containers, seed) => {
        const home = (index: number) => groups[(seed + index) % groups.length] ?? '';
        const expected = Object.fromEntries(containers.map((text, index) => [text, home(index)]));
        const parts = containers.map((text) => ({
          ...container(text, { group: expected[text] }),
          [`${text}/c`]: OBJECT,
          [`_config/${text}/x`]: OBJECT,
        }));
        const all = Object.assign(
          { 'groups.json': groups.map((text) => ({ name: text })) },
          ...parts,
        ) as State;
        const keys = Object.keys(all).sort(byteOrder);
        const { revision } = accepted(state(Object.fromEntries(keys.map((key) => [key, all[key]]))));
        assert.deepEqual(
          revision.groups.map((group) => group.name),
          groups,
        );
        assert.deepEqual(groupsOf(revision), expected);
        assert.deepEqual(
          revision.containers.map((spec) => spec.name),
          keys.filter((key) => key.endsWith('/run.json')).map((key) => key.slice(0, -'/run.json'.length)),
        );
        assert.deepEqual([...revision.files.keys()], keys);
        assert.ok(revision.containers.every(({ hasConfigFiles }) => hasConfigFiles));
        for (const [key, file] of revision.files) {
          assert.equal(file.kind === 'json' ? file.text : JSON.stringify(file.id), JSON.stringify(all[key]));
        }
      }),
    );
  });

  it('orders names as their bytes in UTF-8', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '\uffee', '\u{1F600}', '\u{1F601}', '/') });
    fc.assert(
      fc.property(text, text, (left, right) => {
        assert.equal(
          Math.sign(byteOrder(left, right)),
          Buffer.compare(Buffer.from(left), Buffer.from(right)),
        );
      }),
    );
  });

  it('cannot smuggle a path out of the revision', () => {
    const piece = fc.constantFrom('..', '.', '', 'a', '/', '//', '.pvr', '\u0000', '..a', 'a..', '...');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const key = pieces.join('/');
        const parsed = parseState(state({ [key]: OBJECT }));
        const safe = key
          .split('/')
          .every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\u0000'));
        assert.equal(parsed.ok, safe && !key.split('/')[0]?.startsWith('.pvr'));
        if (!parsed.ok) assert.deepEqual(paths(parsed.problems).length, 1);
      }),
      { numRuns: 500 },
    );
  });
});
