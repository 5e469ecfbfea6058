import assert from 'node:assert/strict';
import fc from 'fast-check';
import { useScratch } from '../scratch.ts';
import { answersIn, type Doorstep, openDoorstep, post, type Who } from './doorstep.ts';

/** The seed of a failure is in its message. */
const RUNS = 10_000;
/** Clients at a time. */
const TOGETHER = 40;
const STATUSES = [100, 200, 400, 403, 417, 501, 507];

const anyOf = (...parts: readonly string[]) => fc.constantFrom(...parts);
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString('latin1'));
const end = anyOf('\r\n', '\r\n', '\r\n', '\n', '\r', '');
const method = fc.oneof(anyOf('GET', 'POST', 'PUT', 'PATCH', 'post', ''), bytes(6));
const target = fc.oneof(
  anyOf('/echo', '//echo', '/%65cho', '/things/x', '*', 'http://localhost/echo', '/%', '/?#'),
  bytes(20),
);
const version = fc.oneof({ weight: 8, arbitrary: anyOf('HTTP/1.1', 'HTTP/1.0') }, anyOf('HTTP/2', 'x', ''));
const name = fc.oneof(
  anyOf('Content-Length', 'Transfer-Encoding', 'Connection', 'Expect', 'Host', 'Upgrade', 'X', ' X', 'X '),
  bytes(6),
);
const value = fc.oneof(
  anyOf('0', '4', '', '-1', '99999999999999999999', '4, 4', 'identity', 'chunked', 'close', 'keep-alive'),
  anyOf('100-continue', 'localhost', 'localhost:1', 'websocket', '\t', 'gzip'),
  bytes(10),
);
const field = fc.tuple(name, anyOf(':', ': ', ' :', ''), value, end).map((parts) => parts.join(''));
const chunk = fc.oneof(anyOf('4\r\nabcd\r\n', '0\r\n\r\n', '0\r\nX: y\r\n\r\n', 'a;b\n', '-1\r\n'), bytes(8));
const body = fc.oneof(
  anyOf('', 'abcd'),
  bytes(40),
  fc.array(chunk, { maxLength: 5 }).map((all) => all.join('')),
);
const request = fc
  .tuple(method, target, version, end, fc.array(field, { maxLength: 6 }), end, body)
  .map(([word, place, protocol, first, fields, last, content]) =>
    [`${word} ${place} ${protocol}${first}`, ...fields, last, content].join(''),
  );
const valid = fc.tuple(body, anyOf('/echo', '/things/x')).map(([content, place]) => post(content, place));
/** One or several, whole or cut anywhere. */
const conversation = fc
  .tuple(fc.array(fc.oneof(valid, request, request, bytes(60)), { minLength: 1, maxLength: 4 }), fc.nat(400))
  .map(([parts, cut]) => ({
    raw: parts.join('').slice(0, cut < 200 ? cut : undefined),
    requests: parts.length,
  }));

describe('what no client should send', () => {
  const scratch = useScratch();
  let door: Doorstep;
  let calm: Doorstep;
  beforeEach(async () => {
    const patience = { headMs: 10, bodyMs: 10, idleMs: 10, farewellMs: 10 };
    door = await openDoorstep({ runDir: scratch(), patience });
    calm = await openDoorstep({ runDir: scratch() });
  });
  afterEach(async () => {
    await Promise.all([door.close(), calm.close()]);
    assert.deepEqual([...door.reported, ...calm.reported], []);
  });

  /** In pieces, closing its side or not; the answers, or what came before the connection was cut. */
  async function converse(who: Who, raw: string, pieces: number, closes: boolean): Promise<string> {
    const socket = door.dial(who);
    socket.on('error', () => undefined);
    const all = Buffer.from(raw, 'latin1');
    const size = Math.max(1, Math.ceil(all.length / pieces));
    for (let at = 0; at < all.length; at += size) socket.write(all.subarray(at, at + size));
    if (closes) socket.end();
    const received: Buffer[] = [];
    socket.on('data', (data: Buffer) => received.push(data));
    await new Promise((resolve) => socket.once('close', resolve).once('end', () => socket.end()));
    return Buffer.concat(received).toString();
  }

  it(`${RUNS} conversations end, with one answer to a request at most, and others are served meanwhile`, async function () {
    this.timeout(120_000);
    const each = fc.tuple(conversation, fc.integer({ min: 1, max: 5 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(each, { minLength: TOGETHER, maxLength: TOGETHER }), async (all) => {
        const [other, ...received] = await Promise.all([
          calm.ask(post('other')),
          ...all.map(([{ raw }, pieces, closes], index) =>
            converse(index % 2 === 0 ? 'web' : 'data', raw, pieces, closes),
          ),
        ]);
        assert.equal(answersIn(other)[0]?.body, 'POST other');
        for (const [index, raw] of received.entries()) {
          const sent = all[index]?.[0].raw ?? '';
          const answers = answersIn(raw);
          for (const { status } of answers) assert.ok(STATUSES.includes(status), raw);
          // Each request has a line of its own, and what is refused ends the conversation.
          const requests = sent.split('\n').length;
          assert.ok(answers.filter(({ status }) => status !== 100).length <= requests, raw);
          const refusals = answers.map(({ body: said }) => said.startsWith('{"Error": ')).indexOf(true);
          assert.ok(refusals === -1 || refusals === answers.length - 1, raw);
        }
      }),
      { numRuns: RUNS / TOGETHER },
    );
  });

  it('a request that is cut anywhere is answered once, or not at all, and never acted upon', async () => {
    const whole = post('abcd', '/echo', 'POST', ['X: y']);
    for (let length = 0; length < whole.length; length += 1) {
      const answers = answersIn(await calm.ask(whole.slice(0, length)));
      assert.deepEqual(
        answers.map(({ status }) => status),
        length === 0 ? [] : [400],
      );
    }
  });

  it('clients that go away at once leave nothing behind', async () => {
    const gone = Array.from({ length: 25 }, () => {
      const socket = calm.dial('web');
      socket.write(post('abcd'), () => socket.destroy());
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(gone);
    assert.equal(answersIn(await calm.ask(post('after'), 'web'))[0]?.body, 'POST after');
  });
});
