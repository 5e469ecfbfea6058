import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Patience } from '../../../adapters/control/connection.ts';
import type { Route } from '../../../adapters/control/route.ts';
import { useScratch } from '../scratch.ts';
import {
  answerIn,
  answersIn,
  type Doorstep,
  echo,
  get,
  HOST,
  openDoorstep,
  post,
  UNSUPPORTED,
} from './doorstep.ts';

const CHUNKED = 'POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';
/** For ever, as far as these tests go. */
const LONG = 3_600_000;

describe('clients that are slow, silent, endless or too many', () => {
  const scratch = useScratch();
  const open: Doorstep[] = [];
  const clients: Socket[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const door of open.splice(0)) {
      assert.deepEqual(door.reported.map(String), []);
      await door.close();
    }
  });

  /** Everything lasts for ever but what is said. */
  async function patient(patience: Partial<Patience>, routes: readonly Route[] = [echo]): Promise<Doorstep> {
    const forever = { headMs: LONG, idleMs: LONG, bodyMs: LONG, answerMs: LONG, farewellMs: LONG };
    const door = await openDoorstep({ runDir: scratch(), patience: { ...forever, ...patience }, routes });
    open.push(door);
    return door;
  }

  function call(door: Doorstep, raw: string): Socket {
    const socket = door.dial();
    clients.push(socket);
    socket.on('error', () => undefined);
    socket.write(raw);
    return socket;
  }

  const closed = (socket: Socket) => new Promise((resolve) => socket.resume().once('close', resolve));

  it('closes on one who says nothing', async () => {
    assert.equal(await text(call(await patient({ headMs: 1 }), '')), '');
  });

  it('closes on one who says nothing but empty lines', async () => {
    assert.equal(await text(call(await patient({ headMs: 50 }), '\r\n\r\n')), '');
  });

  it('refuses a head that does not come to its end', async () => {
    const door = await patient({ headMs: 50 });
    assert.equal(answerIn(await text(call(door, 'GET / HTTP/1.1\r\nX: '))).body, UNSUPPORTED);
  });

  it('refuses a head that goes on and on', async () => {
    const door = await patient({ farewellMs: 1 });
    const socket = call(door, 'GET / HTTP/1.1\r\n');
    const drip = () => {
      while (socket.writable && socket.write('X: yyyyyyyyyyyyyyyy\r\n'));
    };
    socket.on('drain', drip);
    drip();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answerIn(answer.toString()).body, UNSUPPORTED);
    await closed(socket);
  });

  it('closes on one who has been answered and does not go', async () => {
    const door = await patient({ idleMs: 1 });
    assert.equal(answerIn(await text(call(door, post('a')))).body, 'POST a');
  });

  it('closes on a body that does not go on', async () => {
    const door = await patient({ bodyMs: 1 });
    assert.equal(await text(call(door, post('abcd').slice(0, -1))), '');
    assert.equal(await text(call(door, `${CHUNKED}4\r\nab`)), '');
  });

  it('takes chunk after chunk of one byte for no progress', async () => {
    const door = await patient({ bodyMs: 30 });
    const socket = call(door, CHUNKED);
    const drip = setInterval(() => socket.write('1\r\na\r\n'), 5);
    await closed(socket);
    clearInterval(drip);
  });

  it('does not hold it against a client that its body is read slowly', async () => {
    let bytes = 0;
    const upload: Route = {
      method: 'PUT',
      path: '/upload/{}',
      handle: async ({ request }) => {
        for await (const chunk of request) {
          // As long as it takes for another one to be cut, who came later and sends nothing.
          if (bytes === 0) await text(call(door, post('abcd', '/upload/x', 'PUT').slice(0, -4)));
          bytes += (chunk as Buffer).length;
        }
        return { status: 200, json: String(bytes) };
      },
    };
    const door = await patient({ bodyMs: 50 }, [upload]);
    const answer = answerIn(await door.ask(post('x'.repeat(4_000_000), '/upload/x', 'PUT')));
    assert.equal(answer.body, '4000000');
  });

  it('closes on one who does not take his answer', async () => {
    const big: Route = {
      method: 'GET',
      path: '/big',
      handle: () => ({ status: 200, type: 'text/plain', body: 'x'.repeat(10_000_000) }),
    };
    const door = await patient({ answerMs: 20 }, [big]);
    const socket = call(door, get('/big')).pause();
    // Nothing is read from it before the server has closed it.
    const cut = new Promise((resolve) => socket.once('error', resolve));
    const poke = () => socket.write('x', (error) => error ?? door.ask(post('a'), HOST).then(poke));
    poke();
    await cut;
  });

  it('does not wait for ever for one who was refused and goes on sending', async () => {
    const door = await patient({ farewellMs: 1 });
    const socket = call(door, 'nonsense\r\n\r\n');
    assert.equal(answerIn(await text(socket)).body, UNSUPPORTED);
    socket.write('more');
    await closed(socket);
  });

  it('answers another container while one has 200 connections open, and refuses those that are too many', async () => {
    const door = await openDoorstep({ runDir: scratch() });
    const half = post('abcd').slice(0, -1);
    const sockets = Array.from({ length: 200 }, () => {
      const socket = door.dial('web');
      socket.on('error', () => undefined);
      socket.write(half);
      return socket;
    });
    // The newest are refused, and some of them at least before the last has come.
    await Promise.all(sockets.slice(32).map(closed));
    assert.equal(answerIn(await door.ask(post('ready'), 'data')).body, 'POST ready');
    assert.deepEqual(door.reported.map(String), [
      `SupervisorError: more than 32 connections to ${door.runDir}/doors/web/pv-ctrl: the newest are refused`,
    ]);
    const first = sockets[0];
    assert.ok(first);
    first.end('d');
    assert.equal(answersIn(await text(first))[0]?.body, 'POST abcd');
    for (const socket of sockets) socket.destroy();
    await door.close();
  });
});
