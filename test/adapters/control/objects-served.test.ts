import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { useScratch } from '../scratch.ts';
import { sha256 } from '../store/store-world.ts';
import { answerIn } from './doorstep.ts';
import { CONF, openRevisionWorld, type RevisionWorld, ROOT } from './revision-world.ts';

const EMPTY = sha256('');
const NO_SPACE = '{"Error":"Not enough disk space available"}';
const BAD_NAME = '{"Error":"Request has bad object name"}';

describe('objects through the server (control API §6.6)', () => {
  const scratch = useScratch();
  let world: RevisionWorld;
  let full = false;
  beforeEach(async () => {
    full = false;
    const directory = scratch();
    mkdirSync(join(directory, 'run'));
    world = await openRevisionWorld(directory, { reservedPercent: () => (full ? 100 : 0) });
  });
  afterEach(() => world.close());

  const fileWith = (content: Uint8Array | string): string => {
    const path = join(scratch(), 'f');
    writeFileSync(path, content);
    return path;
  };
  const stored = () => world.store.names('objects').filter((name) => !PRESENT.has(name));
  const PRESENT = new Set([ROOT, CONF].map(sha256));

  it('lists names and sizes, the size as a string, sorted by name', async () => {
    await world.store.put('12345');
    const sizes = new Map([ROOT, CONF, '12345'].map((content) => [sha256(content), content.length]));
    const expected = [...sizes].sort().map(([name, size]) => `{"sha256":"${name}","size":"${size}"}`);
    const { status, body, head } = await world.curl('/objects');
    assert.equal(body, `[${expected.join(',')}]`);
    assert.equal(status, 200);
    assert.match(head, /^content-type: application\/json/im);
  });

  /** As pvcontrol calls curl, and otherwise. */
  const manners: readonly (readonly [string, readonly string[]])[] = [
    ['identity and Expect', ['-H', 'Transfer-Encoding: identity', '-H', 'Expect: 100-continue']],
    ['a length', []],
    ['HTTP/1.0', ['--http1.0']],
    ['chunks', ['-H', 'Transfer-Encoding: chunked']],
  ];
  for (const [how, args] of manners) {
    it(`stores 0 B, 5 KiB and 3 MiB sent with ${how}, and gives them back (§11 tests 12, 13)`, async () => {
      for (const size of [0, 5 * 1024, 3 * 1024 * 1024]) {
        // Curl never ends a body of no chunks; raw ones are among the requests as bytes.
        if (size === 0 && how === 'chunks') continue;
        const content = randomBytes(size);
        const name = sha256(content);
        const put = await world.curl(`/objects/${name}`, '-T', fileWith(content), ...args);
        assert.deepEqual([put.status, put.body], [200, '']);
        assert.deepEqual(readFileSync(join(world.store.storage, 'objects', name)), content);
        assert.equal(statSync(join(world.store.storage, 'objects', name)).mode & 0o777, 0o644);
        const copy = join(scratch(), 'copy');
        const got = await world.curl(
          `/objects/${name}`,
          '--no-include',
          '-o',
          copy,
          ...(how === 'HTTP/1.0' ? args : []),
        );
        assert.equal(got.body, '');
        if (size > 0) assert.deepEqual(readFileSync(copy), content);
      }
    });
  }

  it('takes a length and an empty one after it, and a client that closes its side (§11 tests 14, 46)', async () => {
    const raw = [
      `PUT /objects/${sha256('abcd')} HTTP/1.0`,
      'Host: localhost',
      'Content-Length:4',
      'Content-Type: application/octet-stream',
      'Transfer-Encoding: identity',
      'Content-Length: ',
      '',
      'abcd',
    ].join('\r\n');
    assert.equal(answerIn(await world.door.ask(raw)).status, 200);
    assert.deepEqual(stored(), [sha256('abcd')]);
  });

  it('says the length also in HTTP/1.0', async () => {
    const raw = await world.door.ask(`GET /objects/${sha256(ROOT)} HTTP/1.0\r\n\r\n`);
    const { head, body } = answerIn(raw);
    assert.match(head, new RegExp(`^content-length: ${ROOT.length}$`, 'im'));
    assert.match(head, /^content-type: application\/octet-stream$/im);
    assert.equal(body, ROOT);
  });

  it('refuses content with another SHA-256, and keeps nothing (§11 test 15)', async () => {
    const { status, body, head } = await world.put(`/objects/${sha256('a')}`, 'b');
    assert.deepEqual([status, body], [422, '{"Error":"Object has bad checksum"}']);
    assert.match(head, /^HTTP\/1\.1 422 Unprocessable Content\r\n/);
    assert.deepEqual(stored(), []);
  });

  it('keeps nothing of an upload that ends halfway (§11 test 16)', async () => {
    const content = 'x'.repeat(300_000);
    const socket = world.door.dial('host');
    socket.write(`PUT /objects/${sha256(content)} HTTP/1.1\r\nContent-Length: ${content.length}\r\n\r\n`);
    socket.write(content.slice(0, 200_000));
    await world.until(() => stored().length === 1);
    assert.doesNotMatch((await world.curl('/objects')).body, /"size":"200000"/);
    socket.destroy();
    await world.until(() => stored().length === 0);
    const again = await world.curl(`/objects/${sha256(content)}`, '-T', fileWith(content));
    assert.equal(again.status, 200);
    assert.deepEqual(stored(), [sha256(content)]);
  });

  it('leaves what is there and right as it is, the empty object too (§11 test 17)', async () => {
    const path = join(world.store.storage, 'objects', sha256(ROOT));
    const before = statSync(path);
    assert.equal((await world.put(`/objects/${sha256(ROOT)}`, 'something else')).status, 200);
    const after = statSync(path);
    assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs]);
    for (let times = 0; times < 2; times += 1) {
      assert.equal((await world.put(`/objects/${EMPTY}`, '')).status, 200);
    }
  });

  it('replaces what is there and corrupt (§11 test 18)', async () => {
    const name = await world.store.put('good');
    const path = join(world.store.storage, 'objects', name);
    chmodSync(path, 0o644);
    truncateSync(path, 2);
    assert.equal((await world.put(`/objects/${name}`, 'good')).status, 200);
    assert.equal(readFileSync(path, 'utf8'), 'good');
  });

  for (const [why, name] of [
    ['63 digits', 'a'.repeat(63)],
    ['65 digits', 'a'.repeat(65)],
    ['capitals', EMPTY.toUpperCase()],
    ['no digits', 'g'.repeat(64)],
    ['a query', `${EMPTY}?x=1`],
    ['..', '..'],
  ] as const) {
    it(`refuses a name of ${why} (§11 tests 10, 19)`, async () => {
      for (const answer of [await world.put(`/objects/${name}`, ''), await world.curl(`/objects/${name}`)]) {
        assert.deepEqual([answer.status, answer.body], [400, BAD_NAME]);
      }
      assert.deepEqual(stored(), []);
    });
  }

  it('answers 400 for an object that is not there, and knows no DELETE', async () => {
    const missing = await world.curl(`/objects/${'0'.repeat(64)}`);
    assert.deepEqual([missing.status, missing.body], [400, BAD_NAME]);
    const removal = await world.curl(`/objects/${sha256(ROOT)}`, '-X', 'DELETE');
    assert.deepEqual(
      [removal.status, removal.body],
      [400, '{"Error":"Method not supported for this endpoint"}'],
    );
  });

  for (const [how, args] of manners) {
    it(`keeps nothing where there is no space, sent with ${how} (§11 test 20)`, async () => {
      full = true;
      const content = randomBytes(2 * 1024 * 1024);
      const { status, body } = await world.curl(
        `/objects/${sha256(content)}`,
        '-T',
        fileWith(content),
        ...args,
      );
      assert.deepEqual([status, body], [507, NO_SPACE]);
      assert.deepEqual(stored(), []);
    });
  }

  it('survives a collection of garbage while it is uploaded (storage §11)', async () => {
    const [first, second] = ['sent before', 'y'.repeat(300_000)];
    assert.equal((await world.put(`/objects/${sha256(first)}`, first)).status, 200);
    const socket = world.door.dial('host');
    socket.write(`PUT /objects/${sha256(second)} HTTP/1.0\r\nContent-Length: ${second.length}\r\n\r\n`);
    socket.write(second.slice(0, 200_000));
    await world.until(() => stored().length === 2);
    const collected = await world.curl('/storage/gc', '-X', 'POST');
    assert.deepEqual([collected.status, collected.body], [200, '{"reclaimed": 0}']);
    socket.end(second.slice(200_000));
    assert.equal(answerIn(await text(socket)).status, 200);
    assert.deepEqual(stored(), [sha256(first), sha256(second)].sort());
  });

  it('is not disturbed by a client that asks for an object and leaves', async () => {
    const content = randomBytes(4 * 1024 * 1024);
    await world.store.put(content.toString('latin1'));
    const name = sha256(content.toString('latin1'));
    const socket = world.door.dial('host');
    socket.write(`GET /objects/${name} HTTP/1.1\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    assert.equal((await world.curl(`/objects/${sha256(ROOT)}`)).body, ROOT);
  });
});
