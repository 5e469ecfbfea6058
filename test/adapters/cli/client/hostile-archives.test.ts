import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openInstallable } from '../../../../adapters/cli/client/installable.ts';
import { tarEnd, tarHeader, tarPadding } from '../../../../adapters/cli/client/tar.ts';
import { SupervisorError } from '../../../../machines/domain/fault.ts';
import { useScratch } from '../../scratch.ts';
import { sha256 } from '../../store/store-world.ts';
import { CONF, closeStored, serveStored, stateText } from './stored.ts';

const NEXT = 'another root file system';
const OBJECT = `objects/${sha256(NEXT)}`;

function file(name: string, content: string, change: (header: Buffer) => void = () => undefined): Buffer {
  const header = tarHeader(name, Buffer.byteLength(content));
  change(header);
  seal(header);
  return Buffer.concat([header, Buffer.from(content), tarPadding(Buffer.byteLength(content))]);
}

/** With the checksum that it should have. */
function seal(header: Buffer): void {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

const ofKind = (kind: string) => (header: Buffer) => void header.write(kind, 156, 'latin1');
const good = [file('json', stateText(NEXT)), file(OBJECT, NEXT), file(`objects/${sha256(CONF)}`, CONF)];
const tgz = (...parts: readonly Buffer[]) => gzipSync(Buffer.concat(parts));
const withGood = (...parts: readonly Buffer[]) => tgz(...good, ...parts, tarEnd());

/** Everything below a directory, with its content. */
function contentOf(directory: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const path = join(directory, name);
    found.set(name, lstatSync(path).isFile() ? readFileSync(path, 'latin1') : '');
  }
  return found;
}

const HOSTILE: readonly { what: string; archive: () => Buffer; says: RegExp }[] = [
  {
    what: 'a name with ..',
    archive: () => withGood(file('objects/../../etc/cron', 'x')),
    says: /the name "objects\/\.\.\/\.\.\/etc\/cron" leads out of it/,
  },
  {
    what: 'an absolute name',
    archive: () => withGood(file('/etc/cron', 'x')),
    says: /"\/etc\/cron" is absolute/,
  },
  { what: 'a hard link', archive: () => withGood(file('x', '', ofKind('1'))), says: /"x" is a hard link/ },
  {
    what: 'a symbolic link',
    archive: () => withGood(file('x', '', ofKind('2'))),
    says: /"x" is a symbolic link/,
  },
  {
    what: 'a device',
    archive: () => withGood(file('x', '', ofKind('3'))),
    says: /"x" is a character device/,
  },
  { what: 'a named pipe', archive: () => withGood(file('x', '', ofKind('6'))), says: /"x" is a named pipe/ },
  { what: 'a file twice', archive: () => withGood(file('json', '{}')), says: /it has "json" twice/ },
  {
    what: 'a file twice, spelled otherwise',
    archive: () => withGood(file('./json', '{}')),
    says: /it has "json" twice/,
  },
  {
    what: 'a name in an extended header',
    archive: () => withGood(file('pax', '20 path=../../evil\n', ofKind('x')), file('x', '')),
    says: /a file has its path in an extended header/,
  },
  {
    what: 'no state',
    archive: () => tgz(good[1] ?? Buffer.alloc(0), tarEnd()),
    says: /there is no state JSON in it/,
  },
  {
    what: 'an object under the name of another',
    archive: () => tgz(file('json', stateText(NEXT)), file(OBJECT, 'swapped'), tarEnd()),
    says: new RegExp(`${OBJECT} has the SHA-256 ${sha256('swapped')}`),
  },
  {
    what: 'an object without a hash',
    archive: () => withGood(file('objects/root.squashfs', NEXT)),
    says: /objects\/root\.squashfs is not named after the SHA-256/,
  },
  { what: 'no end', archive: () => tgz(...good), says: /it is cut short/ },
  { what: 'half of itself', archive: () => withGood().subarray(0, 200), says: /it is cut short/ },
  {
    what: 'something behind its end',
    archive: () => tgz(...good, tarEnd(), Buffer.from('x')),
    says: /behind its end/,
  },
  {
    what: 'endless zeros behind its end',
    archive: () => withGood(Buffer.alloc(4 << 20)),
    says: /behind its end/,
  },
  {
    what: 'a wrong checksum',
    archive: () => {
      const [first = Buffer.alloc(0), ...others] = good;
      const broken = Buffer.from(first);
      broken.write('7', 100, 'latin1');
      return tgz(broken, ...others, tarEnd());
    },
    says: /the checksum of a header is wrong/,
  },
  {
    what: 'a size that is no number',
    archive: () => withGood(file('x', '', (header) => void header.write('-1', 124, 'latin1'))),
    says: /the size of a file is no octal number/,
  },
  {
    what: 'more bytes than it may',
    archive: () =>
      withGood(
        ...['a', 'b', 'c'].map((name) =>
          file(name, '', (header) => void header.write('77777777777', 124, 'latin1')),
        ),
      ),
    says: /its files have more than 17179869184 bytes together|it is cut short/,
  },
  {
    what: 'no compression',
    archive: () => Buffer.concat([...good, tarEnd()]),
    says: /is not compressed with gzip/,
  },
  {
    what: 'nothing in common with tar',
    archive: () => gzipSync(Buffer.alloc(2048, 'x')),
    says: /it is no tar archive/,
  },
];

describe('archives from anywhere (control API §7.1)', () => {
  const scratch = useScratch();
  afterEach(closeStored);

  it('are refused with the reason, and leave the storage as it is', async () => {
    const directory = scratch();
    const { type } = await serveStored(directory);
    const before = contentOf(join(directory, 'storage'));
    for (const { what, archive, says } of HOSTILE) {
      const path = join(directory, 'x.tgz');
      writeFileSync(path, archive());
      const { code, out, err } = await type('install', path, 'locals/blue');
      assert.deepEqual([code, out], [4, ''], `${what}: ${err}`);
      assert.match(err, says, what);
      assert.match(err, /x\.tgz cannot be installed: /, what);
    }
    assert.deepEqual(contentOf(join(directory, 'storage')), before);
  });

  it('are bounded in entries and in bytes', async () => {
    const path = join(scratch(), 'x.tgz');
    writeFileSync(path, withGood());
    const reason = async (limits: Parameters<typeof openInstallable>[1]) => {
      try {
        await openInstallable(path, limits);
        return undefined;
      } catch (error) {
        assert.ok(error instanceof SupervisorError, String(error));
        return error.message.slice(path.length);
      }
    };
    assert.equal(
      await reason({ maxEntries: 2, maxTotalBytes: 1 << 20 }),
      ' cannot be installed: it has more than 2 entries',
    );
    assert.equal(
      await reason({ maxEntries: 9, maxTotalBytes: 20 }),
      ' cannot be installed: its files have more than 20 bytes together',
    );
    assert.equal(await reason({ maxEntries: 3, maxTotalBytes: 1 << 20 }), undefined);
  });

  it('may come from another tar, and state and objects must fit together', async () => {
    const { type, checkout, store } = await serveStored(scratch());
    const objects = { [OBJECT]: NEXT, [`objects/${sha256(CONF)}`]: CONF };
    for (const format of ['gnu', 'ustar', 'pax']) {
      const place = checkout({ json: stateText(NEXT), ...objects });
      const archive = join(place, 'x.tgz');
      execFileSync('tar', ['-C', place, `--format=${format}`, '-czf', archive, './json', './objects']);
      const { code, err } = await type('install', archive, `locals/${format}`);
      assert.equal(code, 0, `${format}: ${err}`);
      assert.equal(await store.revisions.state(`locals/${format}`), stateText(NEXT));
    }
    const cases = [
      { files: { json: '{' }, code: 8, says: /json:1:2: error: / },
      {
        files: { json: stateText('missing') },
        code: 8,
        says: new RegExp(`lacks objects that its state names.*${sha256('missing')}`),
      },
      { files: { 'objects/x': '' }, code: 4, says: /there is no state JSON in it/ },
    ];
    for (const { files, code, says } of cases) {
      const outcome = await type('install', checkout(files as Record<string, string>), 'locals/x');
      assert.equal(outcome.code, code, outcome.err);
      assert.match(outcome.err, says);
    }
    assert.equal((await type('install', checkout(objects), '../x')).code, 2);
    assert.equal((await type('install', '/nowhere/x.tgz')).code, 3);
    assert.equal(await store.revisions.state('locals/x'), undefined);
  });
});
