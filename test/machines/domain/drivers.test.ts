// biome-ignore-all lint/suspicious/noTemplateCurlyInString: module lines are written so
import assert from 'node:assert/strict';
import { activeAliases, driverNeeds, moduleLine } from '../../../machines/domain/drivers.ts';
import { accepted, container, only, paths, refused, type State, state } from './states.ts';

const nothing = { deviceTree: undefined, overlays: [], fitConfig: undefined };

describe('Drivers (state format §12)', () => {
  describe('are offered by the active sections (§12.1, S-22)', () => {
    const sections = accepted(
      state({
        'bsp/drivers.json': {
          '#spec': 'driver-aliases@1',
          all: { radio: ['phy', 'usb'], can: ['can_raw'], none: [] },
          'dtb:foo': { radio: ['sdio'] },
          'fitconfig:x:y': { radio: ['fit'] },
          'ovl:o': { extra: ['e'] },
        },
      }),
    ).revision.driverSections;
    const cases = [
      {
        why: '40: another device tree: those of all',
        active: { ...nothing, deviceTree: 'bar' },
        radio: ['phy', 'usb'],
      },
      {
        why: '40: the device tree: its own, whole',
        active: { ...nothing, deviceTree: 'foo' },
        radio: ['sdio'],
      },
      {
        why: 'the later of two',
        active: { ...nothing, deviceTree: 'foo', fitConfig: 'x:y' },
        radio: ['fit'],
      },
      {
        why: 'a name that is only a part: no',
        active: { ...nothing, fitConfig: 'x' },
        radio: ['phy', 'usb'],
      },
    ];
    for (const { why, active, radio } of cases) {
      it(why, () => assert.deepEqual(activeAliases(sections, active).get('radio'), radio));
    }
    it('an overlay adds to them', () => {
      assert.deepEqual(activeAliases(sections, { ...nothing, overlays: ['p', 'o'] }).get('extra'), ['e']);
      assert.equal(activeAliases(sections, nothing).has('extra'), false);
      assert.deepEqual(activeAliases(sections, nothing).get('none'), []);
    });
  });

  describe('in bsp/drivers.json', () => {
    const file = (value: unknown) => state({ 'bsp/drivers.json': value });
    it('43: lose an alias that is no array, with a warning', () => {
      const { revision, warnings } = accepted(file({ all: { a: 'm', b: ['m', 5], c: ['m'] } }));
      assert.deepEqual([...(revision.driverSections[0]?.aliases.keys() ?? [])], ['c']);
      assert.deepEqual(paths(warnings), ['$["bsp/drivers.json"].all.a', '$["bsp/drivers.json"].all.b']);
    });
    it('43: are refused when the file or an active section is no object', () => {
      assert.deepEqual(paths(refused(file([]))), ['$["bsp/drivers.json"]']);
      assert.deepEqual(paths(refused(file({ all: [] }))), ['$["bsp/drivers.json"].all']);
      const activeSections = { ...nothing, deviceTree: 'x' };
      assert.equal(refused(file({ 'dtb:x': [] }), { activeSections }).length, 1);
    });
    it('may be malformed in a section that is not active', () => {
      const { revision, warnings } = accepted(file({ 'dtb:x': [], odd: {} }));
      assert.deepEqual([revision.driverSections.length, warnings.length], [0, 2]);
    });
  });

  describe('have module lines (§12.2)', () => {
    const metadata = {
      userMeta: (key: string) => ({ k: '9', two: '1 b=2', money: '${user-meta:k}' })[key],
      deviceMeta: (key: string) => ({ k: 'dev' })[key],
    };
    const lines: readonly { why: string; line: string; words: string | undefined }[] = [
      { why: 'a module alone', line: 'm', words: 'm' },
      {
        why: '41: text after a parameter is kept (S-24)',
        line: 'm a=${user-meta:k} b=1',
        words: 'm a=9 b=1',
      },
      { why: '41: an unknown key is empty', line: 'm a=${user-meta:none} b=1', words: 'm a= b=1' },
      {
        why: '42: device metadata is device metadata (S-23)',
        line: 'm a=${device-meta:k}',
        words: 'm a=dev',
      },
      { why: 'two in one word', line: 'm a=${user-meta:k}${device-meta:k}', words: 'm a=9dev' },
      { why: 'a value with a space is two parameters', line: 'm a=${user-meta:two}', words: 'm a=1 b=2' },
      { why: 'values are not expanded again', line: 'm a=${user-meta:money}', words: 'm a=${user-meta:k}' },
      { why: 'a $ without a brace fails', line: 'm $x', words: undefined },
      { why: 'a brace that does not close fails', line: 'm ${user-meta:k', words: undefined },
      { why: 'another source fails', line: 'm ${other:a}', words: undefined },
      { why: 'an empty line fails', line: ' ', words: undefined },
      { why: 'an option of modprobe fails', line: 'm -C /x', words: undefined },
      { why: 'a file instead of a module fails', line: '/tmp/m.ko', words: undefined },
      { why: 'a file below here fails', line: './m.ko', words: undefined },
    ];
    for (const { why, line, words } of lines) {
      it(why, () => {
        const request = moduleLine(line, metadata);
        assert.equal(request.ok ? [request.module, ...request.parameters].join(' ') : undefined, words);
      });
    }
  });

  describe('of a container (§12.4, R-03)', () => {
    const needs = (keys: State, offered: readonly string[]) => {
      const spec = only(state(container('a', { group: 'app', ...keys })));
      const aliases = new Map(offered.map((alias) => [alias, [`${alias}_mod`]]));
      return driverNeeds(spec, aliases).map(({ alias, verdict, lines }) =>
        [alias, verdict, ...lines].join(' '),
      );
    };
    const drivers = { manual: ['camera'], optional: ['radio'], required: ['can'] };

    it('44: fail the start when a required one is not offered (S-05)', () => {
      assert.deepEqual(needs({ drivers: { required: ['can'] } }, []), ['can fail']);
    });
    it('45: are skipped when an optional one is not offered', () => {
      assert.deepEqual(needs({ drivers: { optional: ['can'] } }, []), ['can skip']);
    });
    it('come in the order required, optional, manual', () => {
      assert.deepEqual(needs({ drivers }, ['can', 'radio', 'camera']), [
        'can load can_mod',
        'radio load radio_mod',
        'camera onRequest camera_mod',
      ]);
      assert.deepEqual(needs({ drivers }, []), ['can fail', 'radio skip', 'camera refuse']);
    });
    it('are not loaded for goal MOUNTED', () => {
      assert.deepEqual(needs({ drivers, status_goal: 'MOUNTED' }, ['can']), ['camera refuse']);
    });
    it('are ignored with a warning in a wrong form', () => {
      const text = state(container('a', { group: 'app', drivers: { required: 'can', other: 1 } }));
      assert.deepEqual(only(text).drivers, { required: [], optional: [], manual: [] });
      assert.ok(paths(accepted(text).warnings).includes('$["a/run.json"].drivers.required'));
    });
  });
});
