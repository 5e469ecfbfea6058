import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DeviceCommand, Supervisor } from '../../../actors/ports.ts';
import { type Doors, openDoors } from '../../../adapters/control/doors.ts';
import { createControl } from '../../../adapters/control/server.ts';
import type { Answer } from '../../../machines/domain/control.ts';
import { useScratch } from '../scratch.ts';

const NOT_EXPECTED = '{"Error":"Signal not expected from this platform"}';
const BAD_FORMAT = '{"Error":"Signal has bad format"}';
const UNSUPPORTED = '{"Error": "Unsupported protocol"}';

/** Raw bytes of a request with a body. */
function post(body: string, target = '/signal', method = 'POST'): string {
  return `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

interface Reply {
  readonly status: number | undefined;
  readonly head: string;
  readonly body: string;
}

function parse(raw: string): Reply {
  const [head = '', body = ''] = raw.split('\r\n\r\n');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  return { status: status === undefined ? undefined : Number(status), head, body };
}

describe('the control sockets of containers (control API §6.4, lifecycle §7)', () => {
  const scratch = useScratch();
  const sent: DeviceCommand[] = [];
  let doors: Doors;
  let directory: string;
  let loads: number;

  /** Stands for the supervisor: `web` expects a signal, `data` does not. */
  const supervisor: Supervisor = {
    start: () => undefined,
    send: (command): Answer => {
      sent.push(command);
      return command.type === 'signal.ready' && command.name === 'web'
        ? { ok: true }
        : { ok: false, code: 'conflict', message: 'its goal is STARTED' };
    },
    view: () => ({ status: 'STARTED', goal: 'UNACHIEVED', groups: [] }),
    phase: () => 'running',
    detach: () => undefined,
  };

  beforeEach(async () => {
    sent.splice(0);
    loads = 0;
    directory = scratch();
    doors = await openDoors({
      directory,
      containers: ['web', 'data'],
      load: async () => {
        loads += 1;
        return createControl(supervisor, (error) => assert.fail(String(error)));
      },
      report: (error) => assert.fail(String(error)),
    });
  });
  afterEach(() => doors.close());

  const dial = (container: string): Socket =>
    connect({ path: join(directory, container, 'pv-ctrl'), allowHalfOpen: true });

  /** Sends all, closes its side like busybox nc, and reads to the end. */
  async function ask(raw: string, container = 'web'): Promise<Reply> {
    const socket = dial(container);
    socket.end(raw);
    return parse(await text(socket));
  }

  const cases = [
    { why: 'a signal', raw: post('{"type":"ready","payload":""}'), status: 200, body: '' },
    { why: 'a signal without payload', raw: post('{"type":"ready"}'), status: 200, body: '' },
    { why: 'no body', raw: post(''), status: 400, body: BAD_FORMAT },
    { why: 'a body that is no JSON', raw: post('ready'), status: 400, body: BAD_FORMAT },
    { why: 'a body without type', raw: post('{"payload":"x"}'), status: 400, body: BAD_FORMAT },
    { why: 'a body that is no object', raw: post('null'), status: 400, body: BAD_FORMAT },
    { why: 'the type alive', raw: post('{"type":"alive"}'), status: 500, body: NOT_EXPECTED },
    { why: 'a type that is a number', raw: post('{"type":1}'), status: 500, body: NOT_EXPECTED },
    { why: 'a body of 4096 bytes', raw: post(`{"type":"ready"}${' '.repeat(4080)}`), status: 200, body: '' },
    {
      why: 'a body of 4097 bytes',
      raw: post(`{"type":"ready"}${' '.repeat(4081)}`),
      status: 507,
      body: '{"Error":"Not enough disk space available"}',
    },
    {
      why: 'GET /signal',
      raw: post('', '/signal', 'GET'),
      status: 400,
      body: '{"Error":"Method not supported for this endpoint"}',
    },
    {
      why: 'an unknown path',
      raw: post('', '/signal/?a="b"'),
      status: 400,
      body: '{"Error":"unknown endpoint: /signal/?a=\\"b\\""}',
    },
    { why: 'a query string', raw: post('{"type":"ready"}', '/signal?x=1'), status: 200, body: '' },
    { why: 'a percent-encoded path', raw: post('{"type":"ready"}', '/%73ignal'), status: 200, body: '' },
    {
      why: 'a path that cannot be decoded',
      raw: post('', '/%zz'),
      status: 400,
      body: '{"Error":"unknown endpoint: /%zz"}',
    },
    { why: 'PATCH', raw: post('', '/signal', 'PATCH'), status: 501, body: UNSUPPORTED },
    { why: 'a method nobody knows', raw: post('', '/signal', 'FLY'), status: 501, body: UNSUPPORTED },
    { why: 'a malformed request line', raw: 'hello\r\n\r\n', status: 400, body: UNSUPPORTED },
    { why: 'a head that ends too early', raw: 'POST /signal HTTP/1.1\r\n', status: 400, body: UNSUPPORTED },
    {
      why: 'HTTP/1.0 without Host',
      raw: 'POST /signal HTTP/1.0\r\nContent-Length: 16\r\n\r\n{"type":"ready"}',
      status: 200,
      body: '',
    },
    {
      why: 'what pvcontrol sends',
      raw: 'POST /signal HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 16\r\nContent-Length:\r\n\r\n{"type":"ready"}',
      status: 200,
      body: '',
    },
    {
      why: 'a body in chunks',
      raw: 'POST /signal HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"type":"ready"}\r\n0\r\n\r\n',
      status: 200,
      body: '',
    },
    { why: 'another host', raw: 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n', status: undefined, body: '' },
    { why: 'nothing at all', raw: '', status: undefined, body: '' },
  ];
  for (const { why, raw, status, body } of cases) {
    it(`answers ${status ?? 'nothing'} to ${why}`, async () => {
      const reply = await ask(raw);
      assert.deepEqual({ status: reply.status, body: reply.body }, { status, body });
      if (status !== undefined) assert.match(reply.head, /content-type: application\/json/i);
      assert.equal(sent.length, status === 200 ? 1 : 0);
    });
  }

  it('takes the container from the socket that was called', async () => {
    const reply = await ask(post('{"type":"ready","name":"web","container":"web"}'), 'data');
    assert.equal(reply.status, 500);
    assert.equal(reply.body, NOT_EXPECTED);
    assert.deepEqual(sent, [{ type: 'signal.ready', name: 'data' }]);
  });

  it('answers a client that keeps its side open, and closes', async () => {
    const socket = dial('web');
    socket.write(post('{"type":"ready"}'));
    assert.equal(parse(await text(socket)).status, 200);
    socket.destroy();
  });

  it('reads a request byte by byte', async () => {
    const socket = dial('web');
    for (const byte of post('{"type":"ready"}')) socket.write(byte);
    socket.end();
    assert.equal(parse(await text(socket)).status, 200);
  });

  it('loads the server once, at the first connection', async () => {
    assert.equal(loads, 0);
    await Promise.all([ask(post('{"type":"ready"}')), ask(post('{"type":"ready"}'), 'data')]);
    assert.equal(loads, 1);
  });

  it('lets every user of a container in, and only that container', () => {
    assert.equal(statSync(join(directory, 'web')).mode & 0o777, 0o755);
    assert.equal(statSync(join(directory, 'web', 'pv-ctrl')).mode & 0o666, 0o666);
  });

  it('takes the place of the dead socket of an earlier supervisor', async () => {
    const again = await openDoors({
      directory,
      containers: ['web'],
      load: async () => createControl(supervisor, (error) => assert.fail(String(error))),
      report: (error) => assert.fail(String(error)),
    });
    assert.equal((await ask(post('{"type":"ready"}'))).status, 200);
    await again.close();
    assert.ok(!existsSync(join(directory, 'web', 'pv-ctrl')));
  });

  it('refuses a path that does not fit into a socket address', async () => {
    const long = join(directory, 'd'.repeat(90));
    mkdirSync(long);
    await assert.rejects(
      openDoors({
        directory: long,
        containers: ['web'],
        load: () => Promise.reject(new Error('not called')),
        report: () => undefined,
      }),
      /107 are possible/,
    );
  });
});
