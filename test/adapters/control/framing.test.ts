import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { useScratch } from '../scratch.ts';
import { answerIn, answersIn, type Doorstep, get, openDoorstep, post, UNSUPPORTED } from './doorstep.ts';

const CHUNKED = 'POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';
/** What a head of fields makes of four bytes. */
const sized = (...fields: readonly string[]) => ['POST /echo HTTP/1.1', ...fields, '', 'abcd'].join('\r\n');

describe('requests as bytes (control API §2, §7.3, §8)', () => {
  const scratch = useScratch();
  let door: Doorstep;
  beforeEach(async () => {
    door = await openDoorstep({ runDir: scratch() });
  });
  afterEach(async () => {
    assert.deepEqual(door.reported, []);
    await door.close();
  });

  const understood: readonly (readonly [why: string, raw: string, body: string])[] = [
    ['a length', post('abcd'), 'POST abcd'],
    ['no length', 'POST /echo HTTP/1.1\r\n\r\n', 'POST '],
    ['a length of 0', post(''), 'POST '],
    ['no Host', sized('Content-Length: 4'), 'POST abcd'],
    ['an empty Host', sized('Host:', 'Content-Length: 4'), 'POST abcd'],
    ['Host with a port', sized('Host: localhost:80', 'Content-Length: 4'), 'POST abcd'],
    [
      'an absolute target',
      'POST http://localhost/echo HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd',
      'POST abcd',
    ],
    ['bare line feeds', 'POST /echo HTTP/1.1\nContent-Length: 4\n\nabcd', 'POST abcd'],
    ['mixed line ends', 'POST /echo HTTP/1.1\r\nContent-Length: 4\n\r\nabcd', 'POST abcd'],
    ['empty lines before the request', `\r\n\n\r\n${post('abcd')}`, 'POST abcd'],
    ['HTTP/1.0', 'POST /echo HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd', 'POST abcd'],
    ['a later HTTP/1', 'POST /echo HTTP/1.9\r\nContent-Length: 4\r\n\r\nabcd', 'POST abcd'],
    [
      'what pvcurl sends for a file',
      'POST /echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd',
      'POST abcd',
    ],
    [
      'what pvcurl sends for its input: a length, then an empty one',
      sized('Content-Length:4', 'Transfer-Encoding: identity', 'Content-Length: '),
      'POST abcd',
    ],
    ['an empty length first', sized('Content-Length:', 'Content-Length: 4'), 'POST abcd'],
    ['two equal lengths', sized('Content-Length: 4', 'Content-Length: 4'), 'POST abcd'],
    ['a second length that is no number', sized('Content-Length: 4', 'Content-Length: x'), 'POST abcd'],
    ['names in any case', sized('cONTENT-lENGTH: 4', 'transfer-ENCODING: Identity'), 'POST abcd'],
    ['chunks', `${CHUNKED}2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n`, 'POST abcd'],
    ['no chunk but the last', `${CHUNKED}0\r\n\r\n`, 'POST '],
    ['trailers', `${CHUNKED}4\r\nabcd\r\n0\r\nDigest: x\r\nContent-Length: 7\r\n\r\n`, 'POST abcd'],
    ['chunk extensions and bare line feeds', `${CHUNKED}04;a="b"\nabcd\n0;z\n\n`, 'POST abcd'],
    [
      'chunks that are called identity, too',
      'POST /echo HTTP/1.1\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n',
      'POST abcd',
    ],
    [
      'a wish to speak another protocol',
      post('abcd', '/echo', 'POST', ['Connection: upgrade', 'Upgrade: h2c']),
      'POST abcd',
    ],
    [
      'an expectation in HTTP/1.0',
      'POST /echo HTTP/1.0\r\nExpect: magic\r\nContent-Length: 4\r\n\r\nabcd',
      'POST abcd',
    ],
    [
      'an expectation and the body with it',
      post('abcd', '/echo', 'POST', ['Expect: 100-continue']),
      'POST abcd',
    ],
    ['bytes of every kind in a field', post('abcd', '/echo', 'POST', ['X: \t\x80\xff"']), 'POST abcd'],
    ['a field of 6 kB', post('abcd', '/echo', 'POST', [`X: ${'x'.repeat(6000)}`]), 'POST abcd'],
    ['a field of 60 kB', post('abcd', '/echo', 'POST', [`X: ${'x'.repeat(60_000)}`]), 'POST abcd'],
  ];
  for (const [why, raw, body] of understood) {
    it(`understands ${why}`, async () => {
      const answer = answerIn(await door.ask(Buffer.from(raw, 'latin1')));
      assert.deepEqual([answer.status, answer.body], [200, body]);
    });
    it(`understands ${why}, byte by byte`, async () => {
      const socket = door.dial();
      const bytes = Buffer.from(raw, 'latin1');
      // As many writes as a socket buffer has room for.
      const piece = Math.ceil(bytes.length / 200);
      for (let at = 0; at < bytes.length; at += piece) socket.write(bytes.subarray(at, at + piece));
      socket.end();
      const answer = answersIn(await text(socket)).at(-1);
      assert.deepEqual([answer?.status, answer?.body], [200, body]);
    });
  }

  const refused: readonly (readonly [why: string, raw: string, status?: 400 | 417 | 501])[] = [
    ['garbage', 'hello\r\n\r\n'],
    ['a request line of one word', 'GET\r\n\r\n'],
    ['no version', 'GET /echo\r\n\r\n'],
    ['another protocol', 'GET /echo HTTP/2.0\r\n\r\n'],
    ['HTTP/0.9', 'GET /echo HTTP/0.9\r\n\r\n'],
    ['two blanks', 'GET  /echo HTTP/1.1\r\n\r\n'],
    ['a blank in the target', 'GET /e cho HTTP/1.1\r\n\r\n'],
    ['a target without a slash', 'GET echo HTTP/1.1\r\n\r\n'],
    ['a control character in the target', 'GET /\x01 HTTP/1.1\r\n\r\n'],
    ['NUL in the method', 'G\0T / HTTP/1.1\r\n\r\n'],
    ['a head that ends too early', 'POST /echo HTTP/1.1\r\n'],
    ['a line without a colon', sized('Content-Length: 4', 'nonsense')],
    ['a field without a name', sized('Content-Length: 4', ': x')],
    ['a blank before the colon', sized('Content-Length : 4')],
    ['a folded line', sized('X: a', ' Content-Length: 4')],
    ['NUL in a field', sized('Content-Length: 4', 'X: \0')],
    ['a carriage return in a field', sized('X: a\rContent-Length: 4')],
    ['a negative length', sized('Content-Length: -4')],
    ['a length with a sign', sized('Content-Length: +4')],
    ['a length in hexadecimal', sized('Content-Length: 0x4')],
    ['a list of lengths', sized('Content-Length: 4, 4')],
    ['a first length that is no number', sized('Content-Length: x', 'Content-Length: 4')],
    ['nothing but an empty length', sized('Content-Length: ')],
    ['a length beyond all numbers', sized('Content-Length: 9007199254740993')],
    ['chunks and a length', `${CHUNKED.replace('\r\n\r\n', '\r\nContent-Length: 4\r\n\r\n')}0\r\n\r\n`],
    ['chunks in HTTP/1.0', `${CHUNKED.replace('1.1', '1.0')}0\r\n\r\n`],
    ['chunks twice', sized('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['a list of codings', sized('Transfer-Encoding: gzip, chunked')],
    ['an unknown coding', sized('Transfer-Encoding: gzip')],
    ['a coding that is nearly one', sized('Transfer-Encoding: xchunked')],
    ['a chunk without a size', `${CHUNKED}\r\nabcd\r\n0\r\n\r\n`],
    ['a chunk of no size', `${CHUNKED}zz\r\nabcd\r\n0\r\n\r\n`],
    ['a negative chunk', `${CHUNKED}-4\r\nabcd\r\n0\r\n\r\n`],
    ['a chunk beyond all numbers', `${CHUNKED}ffffffffffffff\r\nabcd\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', `${CHUNKED}2\r\nabcd\r\n0\r\n\r\n`],
    ['an endless line before a chunk', `${CHUNKED}4;${'x'.repeat(5000)}\r\nabcd\r\n0\r\n\r\n`],
    ['endless trailers', `${CHUNKED}0\r\n${'X: y\r\n'.repeat(2000)}\r\n`],
    ['a trailer that is none', `${CHUNKED}0\r\nnonsense\r\n\r\n`],
    ['a body that ends too early', post('abcd').slice(0, -1)],
    ['chunks that end too early', `${CHUNKED}4\r\nabcd\r\n`],
    ['a field of 64 kB', post('abcd', '/echo', 'POST', [`X: ${'x'.repeat(65_536)}`])],
    ['a target of 64 kB', get(`/${'x'.repeat(65_536)}`)],
    ['a field of 1 MB', post('abcd', '/echo', 'POST', [`X: ${'x'.repeat(1_000_000)}`])],
    ['a target of 1 MB', get(`/${'x'.repeat(1_000_000)}`)],
    ['fields of 1 MB', `GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(170_000)}\r\n`],
    ['257 fields', `GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(257)}\r\n`],
    ['a chunk with a carriage return in its line', `${CHUNKED}4\rx\nabcd\r\n0\r\n\r\n`],
    ['a size with NUL behind it', `${CHUNKED}4;\0\r\nabcd\r\n0\r\n\r\n`],
    ['a size behind blanks', `${CHUNKED} 4\r\nabcd\r\n0\r\n\r\n`],
    ['PATCH', 'PATCH /echo HTTP/1.1\r\n\r\n', 501],
    ['OPTIONS', 'OPTIONS /echo HTTP/1.1\r\n\r\n', 501],
    ['a method nobody knows', 'fly /echo HTTP/1.1\r\n\r\n', 501],
    ['an expectation that cannot be met', post('', '/echo', 'POST', ['Expect: magic']), 417],
  ];
  for (const [why, raw, status = 400] of refused) {
    it(`refuses ${why} with ${status}, and serves the next client`, async () => {
      const answer = answerIn(await door.ask(Buffer.from(raw, 'latin1')));
      assert.deepEqual([answer.status, answer.body], [status, UNSUPPORTED]);
      assert.match(answer.head, /^content-type: application\/json$/im);
      assert.equal(answerIn(await door.ask(post('next'))).body, 'POST next');
    });
  }

  const silent: readonly (readonly [why: string, raw: string])[] = [
    ['nothing', ''],
    ['nothing but empty lines', '\r\n\r\n\r\n'],
    ['another host', 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'],
    ['LOCALHOST', 'GET / HTTP/1.1\r\nhOST: LOCALHOST\r\n\r\n'],
    ['another host beside localhost', 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n'],
    ['another host in the target', 'GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a user at another host', 'GET http://localhost@example.org/ HTTP/1.1\r\n\r\n'],
  ];
  for (const [why, raw] of silent) {
    it(`closes without a byte for ${why}`, async () => {
      assert.equal(await door.ask(raw), '');
    });
  }

  it('takes every printable byte in a target, and says it back', async () => {
    const bytes = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i)).join('');
    const { status, body } = answerIn(await door.ask(get(`/${bytes}\\`)));
    assert.equal(status, 400);
    assert.deepEqual(JSON.parse(body), { Error: `unknown endpoint: /${bytes}\\` });
  });

  for (const [why, target, said] of [
    ['in UTF-8', Buffer.from('/größe').toString('latin1'), '/größe'],
    ['that are no UTF-8', '/\x80\xff', '/\ufffd\ufffd'],
  ] as const) {
    it(`takes bytes ${why} in a target`, async () => {
      const { status, body } = answerIn(await door.ask(Buffer.from(get(target), 'latin1')));
      assert.equal(status, 400);
      assert.deepEqual(JSON.parse(body), { Error: `unknown endpoint: ${said}` });
    });
  }

  describe('more than one request on a connection (§2, §11 test 46)', () => {
    it('answers one after the other', async () => {
      const socket = door.dial();
      socket.write(post('first'));
      const [one] = (await once(socket, 'data')) as [Buffer];
      assert.equal(answerIn(one.toString()).body, 'POST first');
      assert.match(one.toString(), /^connection: keep-alive$/im);
      socket.end(post('second'));
      assert.equal(answerIn(await text(socket)).body, 'POST second');
    });

    it('answers in order what is sent at once', async () => {
      const raw = [
        post('a'),
        `${CHUNKED}1\r\nb\r\n0\r\nX: y\r\n\r\n`,
        get('/nowhere'),
        'POST /echo HTTP/1.1\nContent-Length: 1\n\nd',
      ].join('');
      const answers = answersIn(await door.ask(raw));
      assert.deepEqual(
        answers.map(({ status, body }) => [status, body]),
        [
          [200, 'POST a'],
          [200, 'POST b'],
          [400, '{"Error":"unknown endpoint: /nowhere"}'],
          [200, 'POST d'],
        ],
      );
    });

    it('answers what came before a request that is refused', async () => {
      const answers = answersIn(await door.ask(`${post('a')}nonsense\r\n\r\n${post('b')}`));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 400],
      );
    });

    it('does not take the body of one for another', async () => {
      const inner = post('smuggled');
      const answers = answersIn(await door.ask(post(inner) + post('b')));
      assert.deepEqual(
        answers.map(({ body }) => body),
        [`POST ${inner}`, 'POST b'],
      );
    });

    const last: readonly (readonly [why: string, first: string])[] = [
      ['HTTP/1.0', 'POST /echo HTTP/1.0\r\n\r\n'],
      ['Connection: close', post('', '/echo', 'POST', ['Connection: close'])],
      ['Connection: close among others', post('', '/echo', 'POST', ['Connection: x, Close'])],
    ];
    for (const [why, first] of last) {
      it(`closes after ${why}`, async () => {
        const socket = door.dial();
        socket.write(first);
        socket.write(post('second'));
        assert.equal(answerIn(await text(socket)).body, 'POST ');
        socket.destroy();
      });
    }

    it('goes on after HTTP/1.0 that asks for it', async () => {
      const first = 'POST /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n';
      assert.equal(answersIn(await door.ask(first + first)).length, 2);
    });

    it('closes when a body is too long to be read to its end, once the client has its answer', async () => {
      const answer = answerIn(await door.ask(post('x'.repeat(500_000)) + post('second')));
      assert.equal(answer.status, 507);
      assert.match(answer.head, /^connection: close$/im);
    });
  });

  it('says 100 Continue to a client that waits for it (§2, §7.4)', async () => {
    const socket = door.dial();
    socket.write('POST /echo HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n');
    const [go] = (await once(socket, 'data')) as [Buffer];
    assert.equal(go.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.end('abcd');
    assert.equal(answerIn(await text(socket)).body, 'POST abcd');
  });

  it('answers a client that keeps its side open', async () => {
    const socket = door.dial();
    socket.write('POST /echo HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd');
    assert.equal(answerIn(await text(socket)).body, 'POST abcd');
    socket.destroy();
  });
});
