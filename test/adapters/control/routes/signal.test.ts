import assert from 'node:assert/strict';
import type { Caller } from '../../../../adapters/control/route.ts';
import { signalRoutes as routes } from '../../../../adapters/control/routes/signal.ts';
import { callRoute, HOST, stateOf } from '../../../support/call-route.ts';
import { revisionOf } from '../../../support/revision.ts';
import { boot, checkWorlds } from '../../../support/world.ts';

const NOT_EXPECTED = '{"Error":"Signal not expected from this platform"}';
const BAD_FORMAT = '{"Error":"Signal has bad format"}';
const READY = '{"type":"ready","payload":""}';

const container = (name: string): Caller => ({ kind: 'container', name, mgmt: false });

describe('POST /signal (control API §6.4, lifecycle §7)', () => {
  afterEach(checkWorlds);

  const revision = revisionOf({
    g: { containers: { web: { statusGoal: 'READY' }, data: { statusGoal: 'STARTED' } } },
  });
  const bootTwo = async () => {
    const world = await boot(revision);
    await world.pass(0);
    return { world, control: stateOf(world, revision) };
  };

  const web = container('web');
  const cases: readonly {
    readonly why: string;
    readonly caller?: Caller;
    readonly body: string;
    readonly status: number;
    readonly text: string;
  }[] = [
    { why: 'a signal', body: READY, status: 200, text: '' },
    { why: 'a signal without payload', body: '{"type":"ready"}', status: 200, text: '' },
    { why: 'any payload', body: '{"payload":{"a":[1]},"type":"ready"}', status: 200, text: '' },
    { why: 'a body of 4096 bytes', body: READY.padEnd(4096), status: 200, text: '' },
    {
      why: 'a body of 4097 bytes',
      body: READY.padEnd(4097),
      status: 507,
      text: '{"Error":"Not enough disk space available"}',
    },
    { why: 'no body', body: '', status: 400, text: BAD_FORMAT },
    { why: 'a body that is no JSON', body: 'ready', status: 400, text: BAD_FORMAT },
    { why: 'a body without type', body: '{"payload":"ready"}', status: 400, text: BAD_FORMAT },
    { why: 'a body that is no object', body: 'null', status: 400, text: BAD_FORMAT },
    { why: 'the type alive', body: '{"type":"alive"}', status: 500, text: NOT_EXPECTED },
    { why: 'a type that is a number', body: '{"type":1}', status: 500, text: NOT_EXPECTED },
    {
      why: 'a container with goal STARTED',
      caller: container('data'),
      body: READY,
      status: 500,
      text: NOT_EXPECTED,
    },
    { why: 'the host', caller: HOST, body: READY, status: 500, text: NOT_EXPECTED },
    {
      why: 'a body that names another container',
      caller: container('data'),
      body: '{"type":"ready","name":"web","container":"web"}',
      status: 500,
      text: NOT_EXPECTED,
    },
  ];
  for (const { why, caller = web, body, status, text } of cases) {
    it(`answers ${status} to ${why}`, async () => {
      const { world, control } = await bootTwo();
      const reply = await callRoute({ routes, method: 'POST', target: '/signal', body, caller, control });
      assert.deepEqual({ status: reply.status, body: reply.body }, { status, body: text });
      assert.equal(world.status('web'), status === 200 ? 'READY' : 'STARTED');
    });
  }

  it('says so while the state is not loaded (control API §1)', async () => {
    const call = {
      routes,
      method: 'POST',
      target: '/signal',
      body: READY,
      caller: web,
      control: {},
    } as const;
    const { status, body } = await callRoute(call);
    assert.deepEqual({ status, body }, { status: 500, body: '{"Error":"State not loaded yet"}' });
  });

  it('is for every container', () =>
    assert.deepEqual(
      routes.map(({ forAll }) => forAll),
      [true],
    ));
});
