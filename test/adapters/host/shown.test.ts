import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bindsOfAll, makeShares, makeShown } from '../../../adapters/host/shown.ts';
import { type Layout, metadataDir, shareDir, shownDir } from '../../../machines/domain/layout.ts';
import { useScratch } from '../scratch.ts';

describe('the directory that mgmt containers share (storage §1, §8)', () => {
  const scratch = useScratch();

  function layoutIn(root: string, more: Partial<Layout> = {}): Layout {
    const unused = { volumes: '', configs: '', media: '', libDir: '', exports: '', revision: '0' };
    return { storage: join(root, 'storage'), runDir: join(root, 'run'), ...unused, ...more };
  }

  it('has files, links and places for what is mounted in it', () => {
    const layout = layoutIn(scratch());
    makeShown(layout);
    const shown = shownDir(layout);
    assert.deepEqual(readdirSync(shown).sort(), [
      ...['.door', '.ready', 'challenge', 'device-id', 'device-meta', 'logs', 'pantahub-host', 'phconfig'],
      ...['pv-ctrl', 'user-meta'],
    ]);
    assert.equal(readlinkSync(join(shown, 'pv-ctrl')), '.door/pv-ctrl');
    for (const empty of ['challenge', 'device-id', 'pantahub-host']) {
      const { mode, size } = statSync(join(shown, empty));
      assert.deepEqual([mode & 0o777, size], [0o444, 0]);
    }
    assert.equal(statSync(metadataDir(layout, 'user-meta')).mode & 0o777, 0o700);
  });

  it('stays when it is made again, and follows the configuration', () => {
    const root = scratch();
    const layout = layoutIn(root);
    makeShown(layout);
    const { ino } = statSync(shownDir(layout));
    assert.equal(readlinkSync(join(layout.runDir, 'user-meta')), join(root, 'storage/cache/meta'));
    const moved = layoutIn(root, { userMeta: join(root, 'usrmeta') });
    makeShown(layout);
    makeShown(moved);
    assert.equal(statSync(shownDir(layout)).ino, ino);
    assert.equal(readlinkSync(join(layout.runDir, 'user-meta')), join(root, 'usrmeta'));
    assert.equal(readlinkSync(join(layout.runDir, 'device-meta')), join(root, 'storage/cache/devmeta'));
  });

  it('gets the configuration of the hub where there is one', () => {
    const layout = layoutIn(scratch());
    const targets = () => bindsOfAll(layout, '/door').map(({ target }) => target);
    const always = ['', '/.door', '/logs', '/user-meta', '/device-meta'].map((path) => `pantavisor${path}`);
    assert.deepEqual(targets(), always);
    mkdirSync(join(layout.storage, 'config'), { recursive: true });
    assert.deepEqual(targets(), [...always, 'pantavisor/phconfig']);
  });

  it('is not needed for a container to have its own part, with what is stored of it', () => {
    const root = scratch();
    const layout = layoutIn(root);
    const kept = metadataDir(layout, 'user-meta');
    mkdirSync(join(kept, 'web.directory'), { recursive: true });
    writeFileSync(join(kept, 'web.color'), 'red');
    writeFileSync(join(kept, 'web2.color'), 'blue');
    writeFileSync(join(kept, 'web..'), 'no name');
    symlinkSync('/etc/passwd', join(kept, 'web.link'));
    const own = shareDir(layout, 'user-meta', 'web');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'size'), 'kept by the store');
    makeShares(layout, 'web', join(root, 'door'));
    assert.deepEqual(readdirSync(own).sort(), ['color', 'size']);
    assert.equal(readFileSync(join(own, 'color'), 'utf8'), 'red');
    assert.equal(lstatSync(join(own, 'color')).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(shareDir(layout, 'device-meta', 'web')), []);
    assert.deepEqual(readdirSync(join(root, 'door')).sort(), ['device-meta', 'logs', 'user-meta']);
  });
});
