import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMetadataFiles } from '../../../adapters/store/metadata.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import { useScratch } from '../scratch.ts';

describe('metadata on disk (storage §1)', () => {
  const scratch = useScratch();

  function store() {
    const root = scratch();
    const directory = join(root, 'cache/meta');
    const shown = join(root, 'run/shown');
    const complaints: Fault[] = [];
    const open = () =>
      createMetadataFiles({
        kind: 'user-meta',
        directory,
        shown,
        complain: (fault) => complaints.push(fault),
      });
    const place = (name: string, text: string | Buffer) => {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, name), text);
    };
    return { directory, shown, complaints, open, place };
  }

  it('is a file for each key, with the value as it was sent', async () => {
    const { open, directory } = store();
    const files = open();
    assert.deepEqual(await files.read(), []);
    await files.write('color', ' red\n');
    assert.equal(readFileSync(join(directory, 'color'), 'utf8'), ' red\n');
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(directory), ['color']);
    await files.remove('color');
    assert.deepEqual(readdirSync(directory), []);
    await files.remove('color');
  });

  it('keeps the order over a restart: last added first, an update in its place', async () => {
    const { open } = store();
    const files = open();
    await files.read();
    for (const key of ['a', 'c', 'b', 'd']) await files.write(key, '1');
    await files.write('c', '2');
    await files.remove('a');
    await files.writeVolatile('a', '3');
    const expected = [
      ['a', '3'],
      ['d', '1'],
      ['b', '1'],
      ['c', '2'],
    ];
    assert.deepEqual(await open().read(), expected);
    const again = open();
    await again.read();
    await again.write('e', '4');
    await again.write('d', '5');
    assert.deepEqual(
      (await open().read()).map(([key]) => key),
      ['e', 'a', 'd', 'b', 'c'],
    );
  });

  it('keeps the order when the clock has gone back', async () => {
    const { open, place, directory } = store();
    place('future', '1');
    utimesSync(join(directory, 'future'), 4e9, 4e9);
    const files = open();
    await files.read();
    await files.write('now', '2');
    assert.deepEqual(
      (await open().read()).map(([key]) => key),
      ['now', 'future'],
    );
  });

  it('shares what stands behind the name of a container (control API §11.35)', async () => {
    const { open, shown, directory } = store();
    const files = open();
    await files.read();
    await files.write('web.color', 'red');
    assert.ok(existsSync(join(directory, 'web.color')));
    const shared = join(shown, 'user-meta.web/color');
    assert.equal(readFileSync(shared, 'utf8'), 'red');
    assert.equal(statSync(shared).mode & 0o777, 0o644);
    assert.equal(statSync(join(shown, 'user-meta.web')).mode & 0o777, 0o755);
    await files.remove('web.color');
    assert.deepEqual(readdirSync(directory), []);
    // The directory stays: a container may have it bound.
    assert.deepEqual(readdirSync(join(shown, 'user-meta.web')), []);
  });

  it('makes the shares anew at start, in the directories that are there', async () => {
    const { open, shown, place } = store();
    place('web.color', 'red');
    place('db.size', '7');
    const own = join(shown, 'user-meta.web');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'stale'), 'x');
    mkdirSync(join(shown, 'device-meta.web'));
    writeFileSync(join(shown, 'device-meta.web/other'), 'x');
    const { ino } = statSync(own);
    await open().read();
    assert.equal(statSync(own).ino, ino);
    assert.deepEqual(readdirSync(own), ['color']);
    assert.equal(readFileSync(join(shown, 'user-meta.db/size'), 'utf8'), '7');
    assert.deepEqual(readdirSync(join(shown, 'device-meta.web')), ['other']);
  });

  it('passes over what is no metadata and says so', async () => {
    const { open, place, complaints, directory } = store();
    place('good', 'cut\0here');
    mkdirSync(join(directory, 'directory'));
    symlinkSync('/etc/passwd', join(directory, 'link'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    place('huge', '');
    truncateSync(join(directory, 'huge'), 2 * 1024 * 1024);
    place('bytes', Buffer.from([0xff, 0xfe]));
    place('bell\u0007', 'x');
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/n`), Buffer.from([0xff])]), 'x');
    assert.deepEqual(await open().read(), [['good', 'cut']]);
    const said = complaints.map(({ message }) => message.slice(directory.length + 1)).sort();
    assert.deepEqual(said, [
      'bell\u0007 is not taken for metadata: the key contains a control character or half a character',
      'bytes is not taken for metadata: its content is not UTF-8',
      'directory is not taken for metadata: it is not a plain file',
      'huge is not taken for metadata: it is larger than 1048576 bytes',
      'link is not taken for metadata: it is a symbolic link',
      'n\ufffd is not taken for metadata: its name is not UTF-8',
      'pipe is not taken for metadata: it is not a plain file',
    ]);
  });

  it('replaces a link, never what it leads to', async () => {
    const { open, place, directory } = store();
    place('victim', 'untouched');
    const files = open();
    await files.read();
    symlinkSync('victim', join(directory, 'key'));
    await files.write('key', 'value');
    assert.equal(readFileSync(join(directory, 'victim'), 'utf8'), 'untouched');
    assert.equal(readFileSync(join(directory, 'key'), 'utf8'), 'value');
  });

  it('removes what an interrupted write has left (R-09)', async () => {
    const { open, place, complaints, directory } = store();
    place('.12345\u007fnew', 'half a val');
    place('key', 'whole');
    assert.deepEqual(await open().read(), [['key', 'whole']]);
    assert.deepEqual(readdirSync(directory), ['key']);
    assert.deepEqual(complaints, []);
  });

  it('syncs the file before it gets its name and the directory after (R-09)', async () => {
    const { open, directory } = store();
    const files = open();
    await files.read();
    const synced = await watchSyncs(directory, async () => {
      await files.write('key', 'value');
      await files.remove('key');
      await files.writeVolatile('fact', 'of today');
    });
    assert.deepEqual(synced, [
      { path: join(directory, `.${process.pid}\u007fnew`), there: [`.${process.pid}\u007fnew`] },
      { path: directory, there: ['key'] },
      { path: directory, there: [] },
    ]);
  });

  it('says what could not be stored, and leaves nothing half done', async () => {
    const { open, directory } = store();
    const files = open();
    await files.read();
    mkdirSync(join(directory, 'key'));
    const failed = (error: unknown) => {
      assert.ok(error instanceof Error && 'fault' in error);
      const { code, errno, message } = error.fault as Fault;
      assert.equal(code, 'STORE_FAILED');
      assert.equal(errno, 'EISDIR');
      assert.match(message, /storing user-meta key failed/);
      return true;
    };
    await assert.rejects(files.write('key', 'value'), failed);
    assert.deepEqual(readdirSync(directory), ['key']);
  });
});

/** What was synced meanwhile, and what `directory` held at that moment. */
async function watchSyncs(directory: string, work: () => Promise<void>) {
  const handle = await openFile(directory);
  await handle.close();
  const handles: { sync(this: typeof handle): Promise<void> } = Object.getPrototypeOf(handle);
  const { sync } = handles;
  const seen: { readonly path: string; readonly there: readonly string[] }[] = [];
  handles.sync = function () {
    seen.push({ path: readlinkSync(`/proc/self/fd/${this.fd}`), there: readdirSync(directory) });
    return sync.call(this);
  };
  try {
    await work();
  } finally {
    handles.sync = sync;
  }
  return seen;
}
