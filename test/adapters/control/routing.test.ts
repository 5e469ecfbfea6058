import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { LoadedState } from '../../../actors/control-ports.ts';
import { OK, type Route, withState } from '../../../adapters/control/route.ts';
import { useScratch } from '../scratch.ts';
import {
  answerIn,
  answersIn,
  type Doorstep,
  get,
  HOST,
  loadedState,
  openDoorstep,
  post,
  sayBack,
  UNSUPPORTED,
  type Who,
} from './doorstep.ts';

const WRONG_METHOD = '{"Error":"Method not supported for this endpoint"}';
const NOT_MGMT_EXACT = '{"Error":"Request not sent from a mgmt platform"}';
const NOT_MGMT_PATTERN = '{"Error":"Request not sent from mgmt platform"}';
const unknown = (target: string) => JSON.stringify({ Error: `unknown endpoint: ${target}` });

describe('which route answers (control API §3, §4, §5)', () => {
  const scratch = useScratch();
  let door: Doorstep;
  let loaded: LoadedState | undefined;
  let source: Readable;

  const named = (name: string, method: Route['method'], path: string, more: Partial<Route> = {}): Route => ({
    method,
    path,
    handle: ({ params }) => ({ status: 200, json: JSON.stringify([name, ...params]) }),
    ...more,
  });
  const routes: readonly Route[] = [
    named('list', 'GET', '/things'),
    named('load', 'PUT', '/things/load'),
    named('put', 'PUT', '/things/{}'),
    named('get', 'GET', '/things/{}'),
    named('local', 'GET', '/things/locals/{}'),
    named('progress', 'GET', '/things/{}/progress'),
    named('note', 'PUT', '/things/locals/{}/note'),
    named('long', 'GET', '/a/b/c/d/e/f/g/h/i/{}'),
    { method: 'POST', path: '/signal', forAll: true, handle: sayBack },
    named('whoami', 'GET', '/whoami', {
      forAll: true,
      handle: ({ caller }) => ({ status: 200, json: JSON.stringify(caller) }),
    }),
    named('state', 'GET', '/state', { handle: withState(() => OK) }),
    named('empty', 'GET', '/empty', { handle: () => ({ status: 204 }) }),
    named('busy', 'GET', '/busy', {
      handle: () => ({ status: 503, error: 'a "b"\u0001', headers: { 'Retry-After': '120' } }),
    }),
    named('bad', 'GET', '/bad', { handle: () => ({ status: 422, error: 'Object has bad checksum' }) }),
    named('fails', 'GET', '/fails', { handle: () => Promise.reject(new Error('ours')) }),
    named('stream', 'GET', '/stream', {
      handle: () => ({ status: 200, type: 'application/octet-stream', body: source }),
    }),
    named('events', 'GET', '/v1/events', {
      handle: () => ({ status: 200, type: 'text/event-stream', body: source }),
    }),
    named('ours', 'GET', '/v1/ours/{}', { handle: sayBack }),
  ];

  beforeEach(async () => {
    loaded = loadedState;
    door = await openDoorstep({
      runDir: scratch(),
      routes,
      loaded: () => loaded,
      patience: { heartbeatMs: 20 },
    });
  });
  afterEach(() => door.close());

  const cases: readonly {
    readonly ask: string;
    readonly who?: Who;
    readonly method?: string;
    readonly status?: number;
    readonly body: string;
  }[] = [
    { ask: '/things', body: '["list"]' },
    { ask: '/things?x=1', body: '["list"]' },
    { ask: '/%74hings', body: '["list"]' },
    { ask: 'http://localhost/things', body: '["list"]' },
    { ask: '/things/', status: 400, body: unknown('/things/') },
    { ask: '//things', status: 400, body: unknown('//things') },
    { ask: '/things#x', body: '["list"]' },
    { ask: '/%zz', status: 400, body: unknown('/%zz') },
    { ask: '/', status: 400, body: unknown('/') },
    { ask: '/nowhere?a="b"', status: 400, body: unknown('/nowhere?a="b"') },
    { ask: '/nowhere', who: 'web', status: 400, body: unknown('/nowhere') },
    { ask: '/things', method: 'PUT', status: 400, body: WRONG_METHOD },
    { ask: '/things/x', method: 'DELETE', status: 400, body: WRONG_METHOD },
    { ask: '/things', who: 'web', status: 403, body: NOT_MGMT_EXACT },
    { ask: '/things/x', who: 'web', status: 403, body: NOT_MGMT_PATTERN },
    { ask: '/things', who: 'web', method: 'PUT', status: 400, body: WRONG_METHOD },
    { ask: '/things/x', who: 'web', method: 'DELETE', status: 400, body: WRONG_METHOD },
    { ask: '/things', who: 'stranger', status: 500, body: '{"Error":"Internal Error"}' },
    { ask: '/things/x', who: 'stranger', status: 500, body: '{"Error":"Internal error, unknown caller"}' },
    { ask: '/things', who: 'stranger', method: 'PUT', status: 500, body: '{"Error":"Internal Error"}' },
    { ask: '/things', who: HOST, body: '["list"]' },
    { ask: '/things/x', who: HOST, method: 'PUT', body: '["put","x"]' },
    { ask: '/whoami', who: HOST, body: '{"kind":"host"}' },
    { ask: '/whoami', who: 'web', body: '{"kind":"container","name":"web","mgmt":false}' },
    { ask: '/whoami', body: '{"kind":"container","name":"admin","mgmt":true}' },
    { ask: '/things/x', body: '["get","x"]' },
    { ask: '//things//x/', body: '["get","x"]' },
    { ask: '/things/x?y=1', body: '["get","x?y=1"]' },
    { ask: '/things/%2e%2E', body: '["get","%2e%2E"]' },
    { ask: '/%74hings/x', status: 400, body: unknown('/%74hings/x') },
    { ask: '/things/load', method: 'PUT', body: '["put","load"]' },
    { ask: '/things/locals/x', body: '["local","x"]' },
    { ask: '/things/locals/progress', body: '["progress","locals"]' },
    { ask: '/things/locals/progress', method: 'PUT', status: 400, body: WRONG_METHOD },
    { ask: '/things/locals/x/note', method: 'PUT', body: '["note","x"]' },
    { ask: `/things/${'x'.repeat(255)}`, body: `["get","${'x'.repeat(255)}"]` },
    { ask: `/things/${'x'.repeat(256)}`, status: 400, body: unknown(`/things/${'x'.repeat(256)}`) },
    { ask: '/a/b/c/d/e/f/g/h/i/j', body: '["long","j"]' },
    { ask: '/a/b/c/d/e/f/g/h/i/j/k', status: 400, body: unknown('/a/b/c/d/e/f/g/h/i/j/k') },
    { ask: '/empty', status: 204, body: '' },
    { ask: '/busy', status: 503, body: '{"Error":"a \\"b\\"\\u0001"}' },
    { ask: '/v1/ours/x?since=a%20b', body: 'GET x a b ' },
    { ask: '/v1/nothing', status: 404, body: unknown('/v1/nothing') },
    { ask: '/v1/events', method: 'POST', status: 405, body: WRONG_METHOD },
    { ask: '/v1/ours/x', who: 'web', status: 403, body: NOT_MGMT_PATTERN },
  ];
  for (const { ask, who = 'admin', method = 'GET', status = 200, body } of cases) {
    it(`${status} to ${method} ${ask.slice(0, 40)} from ${who}`, async () => {
      const answer = answerIn(await door.ask(`${method} ${ask} HTTP/1.1\r\n\r\n`, who));
      assert.deepEqual([answer.status, answer.body], [status, body]);
      if (status === 204) assert.doesNotMatch(answer.head, /content-type/i);
      else assert.match(answer.head, /^content-type: (application\/json|text\/plain)$/im);
    });
  }

  it('answers HEAD like any wrong method, without a body (§11 test 11)', async () => {
    const raw = await door.ask('HEAD /things HTTP/1.0\r\n\r\n');
    assert.match(raw, /^HTTP\/1\.1 400 /);
    assert.ok(raw.endsWith('\r\n\r\n'));
  });

  it('says when to come again', async () => {
    assert.match(answerIn(await door.ask(get('/busy'))).head, /^retry-after: 120$/im);
  });

  it('has the reason phrases of the reference (§5)', async () => {
    assert.match(await door.ask(get('/bad')), /^HTTP\/1\.1 422 Unprocessable Content\r\n/);
  });

  it('names the methods that one of our own paths knows (R-12)', async () => {
    assert.match(answerIn(await door.ask(post('', '/v1/events'))).head, /^allow: GET$/im);
  });

  it('answers 500 to what is our mistake, and reports it', async () => {
    const { status, body } = answerIn(await door.ask(get('/fails')));
    assert.deepEqual([status, body], [500, '{"Error":"Internal Error"}']);
    assert.deepEqual(door.reported, [new Error('ours')]);
  });

  it('knows no container before the state is loaded, but the host (§1)', async () => {
    loaded = undefined;
    const early = [500, '{"Error":"State not loaded yet"}'];
    for (const [who, target] of [
      ['admin', '/things'],
      ['web', '/whoami'],
      ['web', '/things/x'],
      [HOST, '/state'],
    ] as const) {
      const { status, body } = answerIn(await door.ask(get(target), who));
      assert.deepEqual([status, body], early, `${who} ${target}`);
    }
    assert.equal(answerIn(await door.ask(get('/things'), HOST)).status, 200);
    assert.equal(answerIn(await door.ask(get('/nowhere'))).status, 400);
  });

  it('answers patterns by the head alone, exact paths when the body is there', async () => {
    const socket = door.dial('web');
    socket.write(post('abcd', '/things/x', 'PUT').slice(0, -1));
    assert.equal(answerIn(await text(socket)).status, 403);
    socket.destroy();
    const answer = answerIn(await door.ask(post('abcd', '/things').slice(0, -1), 'web'));
    assert.deepEqual([answer.status, answer.body], [400, UNSUPPORTED]);
  });

  describe('streams', () => {
    it('come in chunks, and the connection goes on', async () => {
      source = Readable.from(['ab', 'cd']);
      const raw = await door.ask(get('/stream') + get('/things'));
      assert.match(raw, /\r\nTransfer-Encoding: chunked\r\n/);
      assert.match(raw, /\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n.*\["list"\]$/s);
    });

    it('come plainly to the end in HTTP/1.0', async () => {
      source = Readable.from(['ab', 'cd']);
      assert.equal(answerIn(await door.ask('GET /stream HTTP/1.0\r\n\r\n')).body, 'abcd');
    });

    it('end when the client goes away', async () => {
      source = new Readable({ read: () => undefined });
      source.push('here');
      const closed = new Promise((resolve) => source.once('close', resolve));
      const socket = door.dial();
      socket.write(get('/v1/events'));
      await once(socket, 'data');
      socket.destroy();
      await closed;
      assert.deepEqual(door.reported, []);
    });

    it('of events say that they are still there', async () => {
      source = new Readable({ read: () => undefined });
      const socket = door.dial();
      socket.write(get('/v1/events'));
      let received = '';
      for await (const chunk of socket) {
        received += chunk;
        if (received.includes('3\r\n:\n\n\r\n')) break;
      }
      assert.match(received, /content-type: text\/event-stream/i);
    });

    it('wait for a client that does not read', async () => {
      let made = 0;
      source = new Readable({
        highWaterMark: 64 * 1024,
        read() {
          made += 64 * 1024;
          this.push(made > 64 * 1024 * 1024 ? null : Buffer.alloc(64 * 1024));
        },
      });
      const socket = door.dial();
      socket.pause();
      socket.write('GET /stream HTTP/1.0\r\n\r\n');
      // Another client is served meanwhile, again and again: time enough to make it all.
      for (let i = 0; i < 50; i += 1) answersIn(await door.ask(get('/things'), HOST));
      assert.ok(made < 4 * 1024 * 1024, `${made} bytes made`);
      let received = 0;
      for await (const chunk of socket) received += (chunk as Buffer).length;
      assert.ok(received > 64 * 1024 * 1024);
    });

    it('that fail cut the connection, and are reported', async () => {
      source = new Readable({ read: () => undefined });
      source.push('here');
      const socket = door.dial();
      socket.write(get('/stream'));
      await once(socket, 'data');
      source.destroy(new Error('disk'));
      assert.doesNotMatch(await text(socket), /0\r\n\r\n$/);
      assert.deepEqual(door.reported.map(String), ['Error: disk']);
    });
  });
});
