/** The conformance suite: the tables, asked of one device in order by three kinds of clients. Run on the simulator and on
 *  real LXC alike, so that the two cannot disagree. */

import assert from 'node:assert/strict';
import { z } from 'zod';
import { OPERATIONS } from '../../adapters/control/openapi.ts';
import type { Case, Expected } from './case.ts';
import { CASES } from './cases.ts';
import {
  type Answer,
  answersIn,
  askBytes,
  CLIENTS,
  type ClientName,
  dial,
  type Reach,
  sendBytes,
} from './client.ts';
import { NOBODY, STARTED, type Who } from './device.ts';
import { type Follower, followEvents } from './follow.ts';
import { FRAMING } from './framing-cases.ts';
import { attacks, FORBIDDEN, SIZES } from './hostile.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const NAMES = Object.keys(CLIENTS) as readonly ClientName[];

/** Call inside `describe`. `reach`: the device runs from before the first test until after the last, which reboots it. */
export function testConformance(reach: () => Reach): void {
  let device: Reach;
  let follower: Follower;
  before(async () => {
    device = reach();
    follower = followEvents(device);
    await Promise.all(STARTED.map((name) => follower.went(name, ['STARTED'])));
    await follower.went('later', ['BLOCKED']);
  });
  after(() => follower.close());

  describe('framing (control API §2, §8)', () => {
    for (const { why, from = 'admin', send, answers, ...manner } of FRAMING) {
      it(why, async () => {
        // The pieces of one request reach the server one by one, or not: neither may matter.
        const raw = await sendBytes(device, from, [send].flat(), manner);
        assert.deepEqual(
          answersIn(raw).map(({ status, body }) => [status, body]),
          answers,
        );
      });
    }

    it('answers with a date and a length in HTTP/1.1 (§2)', async () => {
      const { headers } = await askBytes(device, 'host', { method: 'GET', target: '/xconnect-graph' });
      assert.equal(headers.get('content-length'), '2');
      assert.ok(!Number.isNaN(Date.parse(headers.get('date') ?? '')));
    });
  });

  describe('no role, no access (control API §4.2)', () => {
    for (const { method, target } of FORBIDDEN) {
      it(`${method} ${target}`, async () => {
        for (const from of NOBODY) {
          const { status, body } = await askBytes(device, from, { method, target, body: '{}' });
          assert.equal(status, 403, from);
          assert.match(body, /^\{"Error":"Request not sent from (a )?mgmt platform"\}$/);
        }
      });
    }
  });

  describe('endpoints (control API §3–§6, §9)', () => {
    for (const [index, row] of CASES.entries()) {
      const [why, from, request, status, , more = {}] = row;
      it(`${why}: ${request.slice(0, 40)} → ${status}`, async () => {
        const clients = more.clients ?? (more.once === true ? [nameAt(index)] : NAMES);
        for (const client of clients) {
          for (const who of [from].flat()) await check(row, who, client);
        }
      });
    }
  });

  async function check(row: Case, from: Who, client: ClientName): Promise<void> {
    const [, , text, status, expected = '', { fields, headers = {}, leads } = {}] = row;
    const [, method = '', target = '', body] = /^(\S+) (\S+)(?: (.*))?$/s.exec(text) ?? [];
    const mark = follower.mark;
    const answer = await CLIENTS[client](device, from, { method, target, body, fields });
    const who = `${client} from ${from}`;
    assert.equal(answer.status, status, `${who}: ${answer.body}`);
    checkBody(answer, expected, who);
    const wanted = { ...(status === 204 ? {} : JSON_TYPE), ...headers };
    for (const [field, value] of Object.entries(wanted)) {
      assert.equal(answer.headers.get(field)?.split(';')[0], value, who);
    }
    if (leads === undefined) return;
    const [container, ...statuses] = leads;
    await follower.went(container, statuses, mark);
  }

  describe('what is described is what is served (R-12)', () => {
    for (const [operation, { gives }] of Object.entries(OPERATIONS)) {
      // It has no revision of a local name for certain, and no update of the one that runs.
      if (!(gives instanceof z.ZodType) || /^GET \/steps\/(locals|\{revision\}\/progress)/.test(operation))
        continue;
      it(operation, async () => {
        const [method = '', path = ''] = operation.split(' ');
        for (const from of ['host', 'driver'] as const) {
          const answer = await askBytes(device, from, {
            method,
            target: path.replace('{revision}', 'current').replace(/\{\w+\}/, 'ready'),
          });
          assert.equal(answer.status, 200);
          checkBody(answer, gives, from);
        }
      });
    }
  });

  describe('hostile names (control API §6.2, §6.8, §6.11, §6.12)', () => {
    for (const { method, target, why } of attacks()) {
      it(`${method} ${why}`, async () => {
        const socket = await sendBytes(device, 'admin', [
          Buffer.from(
            `${method} ${target} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`,
            'latin1',
          ),
        ]);
        const [answer] = answersIn(socket);
        // A driver that nobody knows is passed over (§6.11).
        const quiet = target.startsWith('/drivers/') && answer?.status === 200;
        assert.ok(answer === undefined || quiet || [400, 404].includes(answer.status), `${answer?.status}`);
        assert.equal((await askBytes(device, 'host', { method: 'GET', target: '/user-meta' })).body, '{}');
      });
    }
  });

  describe('endless lines from a container without a role', () => {
    for (const { size, what, bytes } of SIZES) {
      it(`${what} of ${size} bytes disturbs nobody`, async () => {
        const before = (await askBytes(device, 'host', { method: 'GET', target: '/containers' })).body;
        const attack = sendBytes(device, 'plain', [bytes]);
        const meanwhile = await askBytes(device, 'ready', {
          method: 'POST',
          target: '/signal',
          body: '{"type":"ready"}',
        });
        assert.equal(meanwhile.status, 200);
        const [answer] = answersIn(await attack);
        assert.ok(answer === undefined || [400, 403].includes(answer.status), `${answer?.status}`);
        assert.equal((await askBytes(device, 'host', { method: 'GET', target: '/containers' })).body, before);
      });
    }
  });

  describe('and last', () => {
    it('closes for the one who leaves at once, and goes on (§11)', async () => {
      for (let i = 0; i < 20; i += 1)
        dial(device, 'plain').end(Buffer.from('GET /containers HTTP/1.1\r\n\r\n')).destroySoon();
      assert.equal(
        (await askBytes(device, 'host', { method: 'GET', target: '/xconnect-graph' })).status,
        200,
      );
    });

    it('reboots once: the next command is told to come again (§6.5 row 10, R-10)', async () => {
      const ask = (op: string, last: string) => {
        const body = JSON.stringify({ op, payload: 'the suite is "over"' });
        return `POST /commands HTTP/1.1\r\n${last}Content-Length: ${body.length}\r\n\r\n${body}`;
      };
      const both = ask('REBOOT_DEVICE', '') + ask('POWEROFF_DEVICE', 'Connection: close\r\n');
      const [first, second] = answersIn(await sendBytes(device, 'admin', [both]));
      assert.deepEqual([first?.status, first?.body], [200, '']);
      assert.deepEqual([second?.status, second?.headers.get('retry-after')], [503, '120']);
      assert.equal(second?.body, '{"Error":"A command is already in progress. Try again"}');
    });
  });
}

function checkBody({ body }: Answer, expected: Expected, who: string): void {
  if (typeof expected === 'string') assert.equal(body, expected, who);
  else if (expected instanceof RegExp) assert.match(body, expected, who);
  else {
    const { error } = expected.safeParse(JSON.parse(body));
    assert.equal(error, undefined, `${who}: ${error?.message} in ${body}`);
  }
}

function nameAt(index: number): ClientName {
  return NAMES[index % NAMES.length] ?? assert.fail();
}
