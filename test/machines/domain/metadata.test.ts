import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  identityKeys,
  interfacesText,
  storageText,
  sysinfoText,
  timeText,
} from '../../../machines/domain/device-keys.ts';
import { cutAtNul, keyFault, metadataJson, newestFirst, shareOf } from '../../../machines/domain/metadata.ts';

const LONG = 'k'.repeat(255);

describe('metadata (control API §6.8)', () => {
  describe('takes as a key', () => {
    for (const key of [
      'a',
      'web.color',
      '.hidden',
      'a b',
      '…',
      'k?x=1',
      '%2e%2e',
      '..a',
      LONG,
      'é'.repeat(127),
    ]) {
      it(`${JSON.stringify(key.slice(0, 20))} of ${key.length}`, () =>
        assert.equal(keyFault(key), undefined));
    }
  });

  describe('refuses as a key', () => {
    const refused: readonly (readonly [key: string, why: RegExp])[] = [
      ['', /empty/],
      ['.', /"\."/],
      ['..', /"\.\."/],
      ['a/b', /"\/"/],
      ['../../proc/sys/kernel/hostname', /"\/"/],
      ['a\0', /control/],
      ['a\nb', /control/],
      ['a\u007f', /control/],
      ['a\u0085', /control/],
      ['\ud800', /half/],
      [`${LONG}k`, /longer/],
      ['é'.repeat(128), /longer/],
      ['k'.repeat(10_240), /longer/],
    ];
    for (const [key, why] of refused) {
      it(JSON.stringify(key.slice(0, 20)), () => assert.match(keyFault(key) ?? '', why));
    }
  });

  describe('shows to a container what stands behind its name and the first dot (logs and metadata §6)', () => {
    const shares: readonly (readonly [key: string, container: string | undefined, name?: string])[] = [
      ['web.color', 'web', 'color'],
      ['web.color.dark', 'web', 'color.dark'],
      ['web..color', 'web', '.color'],
      ['color', undefined],
      ['.color', undefined],
      ['web.', undefined],
      ['web..', undefined],
      ['web...', undefined],
      [`${'c'.repeat(244)}.x`, undefined],
      [`${'c'.repeat(243)}.x`, 'c'.repeat(243), 'x'],
    ];
    for (const [key, container, name] of shares) {
      it(`${key.slice(0, 20)} of ${key.length}`, () =>
        assert.deepEqual(
          shareOf('device-meta', key),
          container === undefined ? undefined : { container, name },
        ));
    }

    it('and never what is no file name', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary', minLength: 1 }), (key) => {
          if (keyFault(key) !== undefined) return;
          const share = shareOf('user-meta', key);
          if (share !== undefined) assert.equal(keyFault(share.name) ?? keyFault(share.container), undefined);
        }),
      );
    });
  });

  it('ends a value at its first NUL', () => {
    assert.deepEqual(['', 'a', 'a\0b', '\0'].map(cutAtNul), ['', 'a', 'a', '']);
  });

  it('lists what was added last first', () => {
    const found = [
      { key: 'b', addedAt: 5 },
      { key: 'a', addedAt: 5 },
      { key: 'c', addedAt: 9 },
    ];
    assert.deepEqual(
      newestFirst(found).map(({ key }) => key),
      ['c', 'a', 'b'],
    );
  });

  describe('is listed', () => {
    const rows: readonly (readonly [value: string, json: string])[] = [
      ['text', '"text"'],
      ['', '""'],
      ['12', '"12"'],
      ['true', '"true"'],
      ['null', '"null"'],
      ['"text"', String.raw`"\"text\""`],
      ['{"a":1}', '{"a":1}'],
      ['{ "a" : 1 }', '{ "a" : 1 }'],
      [' [1,\n2]\n', ' [1,\n2]\n'],
      ['{"a":1', String.raw`"{\"a\":1"`],
      ['[1]x', '"[1]x"'],
      ['a/b', '"a/b"'],
      ['\u001f', String.raw`"\u001F"`],
    ];
    for (const [value, json] of rows) {
      it(`${JSON.stringify(value)} as ${JSON.stringify(json)}`, () =>
        assert.equal(metadataJson([['k', value]]), `{"k":${json}}`));
    }

    it('as one object in the given order', () => {
      assert.equal(metadataJson([]), '{}');
      const entries = [
        ['2', 'b'],
        ['1', 'a'],
        ['__proto__', '{}'],
      ] as const;
      assert.equal(metadataJson(entries), '{"2":"b","1":"a","__proto__":{}}');
    });

    it('as valid JSON whatever was put', () => {
      const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
      fc.assert(
        fc.property(fc.array(fc.tuple(text, text)), (entries) => {
          JSON.parse(metadataJson(entries));
        }),
      );
    });
  });
});

describe('the device keys (logs and metadata §5)', () => {
  it('name what the device is', () => {
    const keys = identityKeys({
      arch: 'aarch64',
      bits: 64,
      endianness: 'LE',
      version: '1.2.3',
      deviceTreeModel: 'Board',
      cpuModel: '',
      kernelName: 'Linux',
      kernelRelease: '6.6',
      kernelVersion: '#1',
      nodeName: 'dev',
      machine: 'aarch64',
    });
    assert.deepEqual(keys, [
      ['pantavisor.arch', 'aarch64/64/EL'],
      ['pantavisor.version', '1.2.3'],
      ['pantavisor.dtmodel', 'Board'],
      ['pantavisor.cpumodel', ''],
      [
        'pantavisor.uname',
        '{"kernel.name":"Linux","kernel.release":"6.6","kernel.version":"#1","node.name":"dev","machine":"aarch64"}',
      ],
    ]);
  });

  it('give the time in seconds and microseconds', () => {
    assert.equal(
      timeText(1_700_000_000_123),
      '{"timeval":{"tv_sec":1700000000,"tv_usec":123000},"timezone":{"tz_minuteswest":0,"tz_dsttime":0}}',
    );
  });

  it('give sysinfo in its own words', () => {
    const text = sysinfoText({
      uptimeSeconds: 9,
      loads: [1, 2, 3],
      totalRam: 10,
      freeRam: 11,
      sharedRam: 12,
      bufferRam: 13,
      totalSwap: 14,
      freeSwap: 15,
      processes: 16,
      totalHigh: 17,
      freeHigh: 18,
      unitBytes: 1,
    });
    assert.equal(
      text,
      '{"uptime":9,"loads.0":1,"loads.1":2,"loads.2":3,"totalram":10,"freeram":11,"sharedram":12,"bufferram":13,' +
        '"totalswap":14,"freeswap":15,"procs":16,"totalhigh":17,"freehigh":18,"mem_unit":1}',
    );
  });

  const spaces: readonly (readonly [percent: number, json: string])[] = [
    [0, '{"total":1000,"free":40,"reserved":0,"real_free":40}'],
    [3, '{"total":1000,"free":40,"reserved":30,"real_free":10}'],
    [5, '{"total":1000,"free":40,"reserved":50,"real_free":0}'],
    [100, '{"total":1000,"free":40,"reserved":1000,"real_free":0}'],
  ];
  for (const [percent, json] of spaces) {
    it(`keep ${percent} % of the storage back (storage §11)`, () =>
      assert.equal(storageText({ totalBytes: 1000, freeBytes: 40 }, percent), json));
  }

  it('list interfaces without a mac for lo', () => {
    const interfaces = [
      { name: 'lo', mac: ['00:00:00:00:00:00'], ipv4: ['127.0.0.1'], ipv6: ['::1'] },
      { name: 'eth0', mac: ['02:00:00:00:00:01'], ipv4: [], ipv6: [] },
    ];
    assert.equal(
      interfacesText(interfaces),
      '{"lo.ipv4":["127.0.0.1"],"lo.ipv6":["::1"],"eth0.mac":["02:00:00:00:00:01"]}',
    );
  });
});
