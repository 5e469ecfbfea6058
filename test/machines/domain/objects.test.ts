import assert from 'node:assert/strict';
import {
  bootAssets,
  isCopied,
  isObjectId,
  objectIdsIn,
  objectsNeeded,
  reasonToKeep,
  unhashedKeys,
} from '../../../machines/domain/objects.ts';
import type { BspSpec, RevisionFile } from '../../../machines/domain/revision.ts';
import { revisionOf } from '../../support/revision.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];

describe('objects of revisions', () => {
  for (const { text, is } of [
    { text: A, is: true },
    { text: A.toUpperCase(), is: false },
    { text: `${A}0`, is: false },
    { text: `${A}\n`, is: false },
    { text: 'g'.repeat(64), is: false },
  ]) {
    it(`${JSON.stringify(text)} ${is ? 'is' : 'is not'} an id (control API §6.6)`, () =>
      assert.equal(isObjectId(text), is));
  }

  for (const { key, copied } of [
    { key: 'web/state.bind', copied: true },
    { key: 'web/x.data/f', copied: true },
    { key: 'web/x.data', copied: false },
    { key: 'web/root.squashfs', copied: false },
    { key: 'web/state.bind/f', copied: false },
  ]) {
    it(`${key} ${copied ? 'is copied' : 'is linked'} (storage §4, §6.1)`, () =>
      assert.equal(isCopied(key), copied));
  }

  for (const { why, text, ids } of [
    { why: 'values', text: `{"web/a":"${A}","b.json":{"x":"${B}"},"c":"${A}"}`, ids: [A] },
    { why: 'escapes', text: `{"web/a":"\\u0061${A.slice(1)}"}`, ids: [A] },
    { why: 'a text that is no JSON', text: `{"web/a":"${A}","b.json":{"x":"${B}"`, ids: [A, B] },
    { why: 'no object', text: 'null', ids: [] },
  ]) {
    it(`are found in a state: ${why}`, () => assert.deepEqual([...objectIdsIn(text)], ids));
  }

  it('belong to the first revision that names them', () => {
    const states = new Map([
      ['0', `{"x":"${A}"}`],
      ['locals/b', `{"x":"${A}","y":"${B}"}`],
    ]);
    assert.deepEqual(
      [...objectsNeeded(states)],
      [
        [A, '0'],
        [B, 'locals/b'],
      ],
    );
  });

  for (const { why, links, needed, uploaded, because } of [
    { why: 'a revision that stays', links: 1, needed: true, uploaded: true, because: 'revision 0 needs it' },
    { why: 'an upload', links: 1, needed: false, uploaded: true, because: 'an upload is under way' },
    {
      why: 'a link',
      links: 2,
      needed: false,
      uploaded: false,
      because: 'it has another name in the file system',
    },
    { why: 'nothing', links: 1, needed: false, uploaded: false, because: undefined },
  ]) {
    it(`are kept by ${why} (storage §11)`, () => {
      const byRevision = new Map(needed ? [[A, '0']] : []);
      const byUpload = new Set(uploaded ? [A] : []);
      assert.equal(reasonToKeep({ sha256: A, links }, { byRevision, byUpload }), because);
    });
  }

  it('are not hashed where others check them (storage §12)', () => {
    const object = (id: string): RevisionFile => ({ kind: 'object', id, owner: undefined });
    const json = (text: string): RevisionFile => ({ kind: 'json', text, owner: undefined });
    const files = new Map([
      ['bsp/pantavisor', object(A)],
      ['bsp/kernel.img', object(A)],
      ['bsp/fit-image.its', object(A)],
      ['bsp/firmware.squashfs', object(A)],
      ['web/_dm/root.json', json('{"type":"dm-verity","data_device":"root.img","hash_device":"root.hash"}')],
      ['web/_dm/other.json', json('{"type":"dm-crypt","data_device":"other.img"}')],
      ['web/_dm/list.json', json('[]')],
      ['web/root.img', object(B)],
    ]);
    assert.deepEqual(
      [...unhashedKeys(revisionOf({}, { files }))],
      ['bsp/pantavisor', 'bsp/kernel.img', 'bsp/fit-image.its', 'web/root.img'],
    );
  });

  for (const { boot, addons, assets } of [
    {
      boot: { kind: 'kernel', linux: 'k', initrd: 'i', fdt: 'f' },
      addons: ['m', 'n'],
      assets: {
        'pv-initrd.img': 'i',
        'pv-kernel.img': 'k',
        'pv-fdt.dtb': 'f',
        'pv-initrd.img.0': 'm',
        'pv-initrd.img.1': 'n',
      },
    },
    { boot: { kind: 'fit', fit: 'x' }, addons: [], assets: { 'pantavisor.fit': 'x' } },
    { boot: { kind: 'rpiab', rpiab: 'x.img' }, addons: [], assets: { 'rpiboot.img': 'x.img' } },
    { boot: { kind: 'rpiab', rpiab: 'x.img.gz' }, addons: [], assets: { 'rpiboot.img.gz': 'x.img.gz' } },
  ] satisfies { boot: BspSpec['boot']; addons: string[]; assets: Record<string, string> }[]) {
    it(`of the boot loader are ${Object.keys(assets).join(', ')} (storage §9)`, () => {
      const bsp: BspSpec = {
        boot,
        addons,
        firmware: undefined,
        modules: undefined,
        modulesByRelease: new Map(),
      };
      assert.deepEqual(Object.fromEntries(bootAssets(revisionOf({}, { bsp }))), assets);
    });
  }
});
