/** Tables of the device: device.json, legacy files, disks, remount policies, bsp/run.json, one row per rule; long because the format is, and not split because the rows share
 *  their helpers. */

import assert from 'node:assert/strict';
import { remountRules } from '../../../machines/domain/remount-json.ts';
import { accepted, container, groupsOf, OBJECT, only, paths, refused, type State, state } from './states.ts';

const groups = (...list: unknown[]) => state({ 'device.json': { groups: list, volumes: {} } });

describe('The groups of a state (state format §5)', () => {
  const first = { name: 'g', timeout: 5 };

  it('13: may have a recovery in any place (S-06)', () => {
    const { revision } = accepted(
      groups({ name: 'g1', auto_recovery: { policy: 'always' } }, { name: 'g2' }, { name: 'g3' }),
    );
    assert.deepEqual(
      revision.groups.map(({ name, recovery }) => [name, recovery?.policy]),
      [
        ['g1', 'always'],
        ['g2', undefined],
        ['g3', undefined],
      ],
    );
  });

  it('14: leave an absent timeout to the configuration at start (S-17, L-28)', () => {
    const [group] = accepted(groups({ name: 'g' })).revision.groups;
    assert.deepEqual(group, {
      name: 'g',
      statusGoal: 'STARTED',
      restartPolicy: 'container',
      goalTimeoutMs: undefined,
      recovery: undefined,
    });
  });

  for (const [timeout, expected] of [
    [15, 15_000],
    ['15', 15_000],
    [0, 0],
  ] as const) {
    it(`15: timeout ${JSON.stringify(timeout)} is ${expected} ms (S-18)`, () => {
      assert.equal(accepted(groups({ ...first, timeout })).revision.groups[0]?.goalTimeoutMs, expected);
    });
  }
  for (const timeout of [-1, 'abc', '7s', 1.9, null, true, 1e300, '']) {
    it(`15: timeout ${JSON.stringify(timeout)} is refused (S-18)`, () => {
      assert.deepEqual(paths(refused(groups({ ...first, timeout }))), ['$["device.json"].groups[0].timeout']);
    });
  }

  const bad: readonly { why: string; groups: unknown; at: string }[] = [
    {
      why: '16: a goal in lower case',
      groups: [{ name: 'g', status_goal: 'started' }],
      at: '[0].status_goal',
    },
    {
      why: 'an unknown restart policy',
      groups: [{ name: 'g', restart_policy: 'always' }],
      at: '[0].restart_policy',
    },
    { why: '17: a group without a name', groups: [{ timeout: 5 }], at: '[0].name' },
    {
      why: '17: two groups of one name (S-40)',
      groups: [{ name: 'g' }, { name: 'h' }, { name: 'g' }],
      at: '[2].name',
    },
    { why: 'a reserved name', groups: [{ name: 'constructor' }], at: '[0].name' },
    { why: 'a name of two lines', groups: [{ name: 'g\nlxc.hook.start = x' }], at: '[0].name' },
    { why: 'a group without keys', groups: [{}], at: '[0].name' },
    { why: 'a group that is a text', groups: ['g'], at: '[0]' },
    { why: '18: an empty array', groups: [], at: '' },
    { why: '18: an object', groups: {}, at: '' },
  ];
  for (const { why, groups: list, at } of bad) {
    it(`are refused for ${why}`, () => {
      assert.deepEqual(paths(refused(state({ 'groups.json': list }))), [`$["groups.json"]${at}`]);
      assert.deepEqual(paths(refused(state({ 'device.json': { groups: list } }))), [
        `$["device.json"].groups${at}`,
      ]);
    });
  }
});

describe('A device.json (state format §15)', () => {
  it('11: without groups gets the default ones, and its rest is read (S-11)', () => {
    const device = { volumes: { 'pv--devmeta': { persistence: 'permanent' } } };
    const { revision } = accepted(state({ 'device.json': device }, container('a')));
    assert.deepEqual(groupsOf(revision), { a: 'root' });
    assert.deepEqual(
      revision.deviceVolumes.map(({ name }) => name),
      ['pv--devmeta'],
    );
  });

  it('12: displaces groups.json and the legacy disks, with a warning (§5.1, §14.1)', () => {
    const legacy = { 'groups.json': [], 'disks.json': 5, 'disks_v3.json': {} };
    const { revision, warnings } = accepted(
      state({ 'device.json': { groups: [{ name: 'g' }], volumes: {} } }, legacy),
    );
    assert.deepEqual(
      revision.groups.map(({ name }) => name),
      ['g'],
    );
    assert.deepEqual([...revision.files.keys()], ['device.json']);
    assert.deepEqual(paths(warnings), ['$["groups.json"]', '$["disks.json"]', '$["disks_v3.json"]']);
  });

  for (const value of [[], 'x', OBJECT, null]) {
    it(`is refused as ${JSON.stringify(value).slice(0, 12)}`, () => {
      assert.deepEqual(paths(refused(state({ 'device.json': value }))), ['$["device.json"]']);
    });
  }

  it('is refused for volumes that are no object, and warned about without them (§9.5, §14.5)', () => {
    assert.deepEqual(paths(refused(state({ 'device.json': { volumes: [] } }))), ['$["device.json"].volumes']);
    assert.deepEqual(paths(accepted(state({ 'device.json': {} })).warnings), ['$["device.json"].volumes']);
  });

  it('keeps the usable network pools and warns of the others (§21)', () => {
    const pool = { bridge: 'br0', subnet: '10.77.0.0/24', gateway: '10.77.0.1', nat: true };
    const pools = {
      lan: pool,
      a: 5,
      b: { ...pool, type: 'x' },
      c: { ...pool, subnet: '10.77.0.0/33' },
      d: { ...pool, type: 'macvlan' },
    };
    const { revision, warnings } = accepted(state({ 'device.json': { volumes: {}, network: { pools } } }));
    assert.deepEqual(revision.networkPools, [{ name: 'lan', type: 'bridge', parent: undefined, ...pool }]);
    assert.deepEqual(new Set(warnings.map(({ path }) => path.split('.')[4])), new Set(['a', 'b', 'c', 'd']));
  });

  for (const network of [5, { pools: [] }]) {
    it(`is accepted with the malformed network ${JSON.stringify(network)} (§15)`, () => {
      assert.equal(accepted(state({ 'device.json': { volumes: {}, network } })).warnings.length, 1);
    });
  }
});

describe('The disks of a state (state format §14)', () => {
  const disk = { name: 'd', type: 'dm-crypt-versatile', path: 'i,2,k' };
  const other = { ...disk, name: 'e' };
  const withDisks = (disks: unknown, ...parts: State[]) =>
    state({ 'device.json': { disks, volumes: {} } }, ...parts);

  it('34: may have arrays in any place (S-07)', () => {
    const { disks } = accepted(withDisks([{ ...disk, aliases: ['x'] }, other])).revision;
    assert.deepEqual(
      disks.map(({ name, aliases }) => [name, aliases]),
      [
        ['d', ['x']],
        ['e', []],
      ],
    );
  });

  const bad: readonly { why: string; disks: unknown; at: string }[] = [
    {
      why: '35: an alias that is the name of another',
      disks: [disk, { ...other, aliases: ['d'] }],
      at: '[1]',
    },
    { why: '35: an alias given twice in one disk', disks: [{ ...disk, aliases: ['x', 'x'] }], at: '[0]' },
    {
      why: '35: an alias of two disks',
      disks: [
        { ...disk, aliases: ['x'] },
        { ...other, aliases: ['x'] },
      ],
      at: '[1]',
    },
    { why: 'an empty alias', disks: [{ ...disk, aliases: [''] }], at: '[0].aliases[0]' },
    { why: 'two disks of one name (§14.3)', disks: [disk, disk], at: '[1]' },
    { why: 'a disk without a name', disks: [{ type: 'dual' }], at: '[0].name' },
    { why: 'a disk whose name is a path', disks: [{ ...disk, name: '../x' }], at: '[0].name' },
    { why: 'a disk without a type', disks: [{ name: 'd' }], at: '[0].type' },
    { why: '36: an unknown type', disks: [{ name: 'd', type: 'directory' }], at: '[0].type' },
    { why: '37: an empty array', disks: [], at: '' },
    { why: 'an object', disks: {}, at: '' },
  ];
  for (const { why, disks, at } of bad) {
    it(`are refused for ${why}`, () => {
      assert.deepEqual(paths(refused(withDisks(disks))), [`$["device.json"].disks${at}`]);
      assert.deepEqual(paths(refused(state({ 'disks.json': disks }))), [`$["disks.json"]${at}`]);
    });
  }

  it('35: may have an alias equal to their own name', () => {
    assert.equal(accepted(withDisks([{ ...disk, aliases: ['d'] }])).revision.disks.length, 1);
  });

  it('36: of an unknown type are skipped in disks_v3, and those after them kept', () => {
    const disks = [{ name: 'x', type: 'directory' }, disk];
    for (const text of [
      state({ 'disks_v3.json': disks }),
      state({ 'device.json': { disks_v3: disks, volumes: {} } }),
    ]) {
      const { revision, warnings } = accepted(text);
      assert.deepEqual(
        revision.disks.map(({ name }) => name),
        ['d'],
      );
      assert.equal(warnings.length, 1);
    }
    assert.equal(refused(state({ 'disks_v3.json': [] })).length, 1);
  });

  const volume = (storage: State) =>
    only(
      withDisks(
        [{ ...disk, aliases: ['x'], default: 'yes' }, other],
        container('a', { group: 'app', storage }),
      ),
    ).volumes[0];
  const resolved: readonly { why: string; disk?: string; expected: string }[] = [
    { why: '33: an alias stands for the disk', disk: 'x', expected: 'd' },
    { why: 'a name stands for itself', disk: 'e', expected: 'e' },
    { why: '32: an unknown one is kept, and fails when mounted', disk: 'none', expected: 'none' },
    { why: 'none stands for the default disk (S-35)', expected: 'd' },
  ];
  for (const { why, disk: name, expected } of resolved) {
    it(why, () => {
      const entry = { persistence: 'boot', ...(name !== undefined && { disk: name }) };
      assert.deepEqual(volume({ s: entry }), {
        kind: 'storage',
        name: 's',
        persistence: 'boot',
        disk: expected,
      });
    });
  }
  it('32: an unknown one is warned about, with volume and disk', () => {
    const storage = { s: { persistence: 'boot', disk: 'none' } };
    const { warnings } = accepted(state(container('a', { group: 'app', storage })));
    const warning = warnings.find(({ path }) => path === '$["a/run.json"].storage.s.disk');
    assert.match(warning?.reason ?? '', /"none".*"s"/);
  });
  it('count as default with "yes" only', () => {
    const { revision, warnings } = accepted(withDisks([{ ...disk, default: true }]));
    assert.equal(revision.disks[0]?.default, false);
    assert.deepEqual(paths(warnings), ['$["device.json"].disks[0].default']);
  });
});

describe('Remount policies (58, state format §18)', () => {
  it('apply the entries of one policy, those of the device first (S-31)', () => {
    const device = {
      volumes: {},
      remount: { default: [{ '/': 'relatime' }], lab: [{ '/srv': 'ro,bogus' }] },
    };
    const text = state(
      { 'device.json': device },
      container('a', { group: 'app', remount: { lab: [{ '/x': 'noexec' }] } }),
    );
    const { revision, warnings } = accepted(text);
    const [spec] = revision.containers;
    assert.deepEqual(remountRules('lab', revision.remount, spec?.remount ?? new Map()), [
      { pattern: '/srv', options: ['ro'] },
      { pattern: '/x', options: ['noexec'] },
    ]);
    assert.deepEqual(remountRules('none', revision.remount, new Map()), []);
    assert.ok(paths(warnings).includes('$["device.json"].remount.lab[0]["/srv"]'));
  });
});

describe('A bsp/run.json (state format §13)', () => {
  const bsp = (value: unknown) => state({ 'bsp/run.json': value });
  for (const value of [{ initrd: 'i' }, { linux: 'l' }, {}, [], { fit: '../x' }, { fit: 5 }]) {
    it(`51: ${JSON.stringify(value)} is refused`, () => assert.equal(refused(bsp(value)).length, 1));
  }
  it('51: may have a FIT image alone, and wins over the other keys', () => {
    assert.deepEqual(accepted(bsp({ fit: 'f', linux: 'l' })).revision.bsp?.boot, { kind: 'fit', fit: 'f' });
  });
  it('51: may be absent (S-26)', () => assert.equal(accepted(state()).revision.bsp, undefined));
  it('names modules per kernel release', () => {
    const { revision, warnings } = accepted(
      bsp({ rpiab: 'r', modules: 'm', 'modules_6.1.0': 'n', initrd_config: 'x' }),
    );
    assert.deepEqual(revision.bsp?.modulesByRelease, new Map([['6.1.0', 'n']]));
    assert.deepEqual(paths(warnings), ['$["bsp/run.json"].initrd_config']);
  });
  it('is a file and nothing more for an app engine', () => {
    const { revision } = accepted(bsp({}), { initMode: 'appengine' });
    assert.deepEqual([revision.bsp, revision.files.size], [undefined, 1]);
  });
});
