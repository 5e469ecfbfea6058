/** `POST /commands` down to what becomes of the device (control API §6.5, R-10). Virtual time: 200 is answered before
 *  anything is carried out, and carrying it out takes no time unless containers have to stop. */

import assert from 'node:assert/strict';
import { createCommands, type RevisionCommands } from '../../../../actors/commands.ts';
import { createConfig } from '../../../../actors/config.ts';
import { commandRoutes as routes } from '../../../../adapters/control/routes/commands.ts';
import { OPS } from '../../../../machines/domain/command.ts';
import type { Fault } from '../../../../machines/domain/fault.ts';
import { VirtualClock } from '../../../../sim/clock.ts';
import { type Answered, callRoute } from '../../../support/call-route.ts';
import { revisionOf } from '../../../support/revision.ts';
import { boot, checkWorlds } from '../../../support/world.ts';

const error = (text: string) => JSON.stringify({ Error: text });
const BAD = error('Command has bad format');
const BUSY = { status: 503, body: error('A command is already in progress. Try again'), retryAfter: '120' };
const OK = { status: 200, body: '', retryAfter: undefined };
const refused = (text: string) => ({ status: 409, body: error(text), retryAfter: undefined });

function told({ status, body, headers }: Answered) {
  return { status, body, retryAfter: headers['Retry-After'] };
}

interface Given {
  readonly config?: Readonly<Record<string, string>>;
  readonly revisions?: RevisionCommands;
}

async function bootOne({ config: words = {}, revisions }: Given = {}) {
  const world = await boot(revisionOf({ g: { containers: { a: {} } } }), { ways: { a: { halt: 2_000 } } });
  await world.pass(0);
  const complaints: Fault[] = [];
  const config = createConfig(
    Object.entries(words).map(([name, text]) => ({ level: 'env', place: 'environment', name, text })),
  );
  const commands = createCommands({
    supervisor: () => world.supervisor,
    config,
    clock: world.attachment.ports.clock,
    complain: (fault) => complaints.push(fault),
    ...(revisions === undefined ? {} : { revisions }),
  });
  const post = async (body: string) =>
    told(await callRoute({ routes, method: 'POST', target: '/commands', body, control: { commands } }));
  const order = (op: string, payload: unknown = '') => post(JSON.stringify({ op, payload }));
  return { world, config, complaints, post, order };
}

describe('POST /commands (control API §6.5)', () => {
  afterEach(checkWorlds);

  const GC = '{"op":"XCONNECT_GRAPH","payload":""}';
  for (const { why, body, status, text } of [
    { why: '4096 bytes', body: GC.padEnd(4096), status: 200, text: '' },
    { why: '4097 bytes', body: GC.padEnd(4097), status: 507, text: error('Not enough disk space available') },
    { why: 'no body', body: '', status: 400, text: BAD },
    { why: 'no JSON', body: '{"op":"REBOOT_DEVICE","payload":"say "hello""}', status: 400, text: BAD },
    { why: 'an unknown op', body: '{"op":"FLY","payload":""}', status: 400, text: BAD },
    { why: 'idea 32: the beginning of an op', body: '{"op":"REBOOT","payload":""}', status: 400, text: BAD },
    { why: 'idea 32: an empty op', body: '{"op":"","payload":""}', status: 400, text: BAD },
    { why: 'idea 33: no payload', body: '{"op":"XCONNECT_GRAPH"}', status: 400, text: BAD },
  ]) {
    it(`answers ${status} to ${why}`, async () => {
      const { world, post } = await bootOne();
      assert.deepEqual(await post(body), { status, body: text, retryAfter: undefined });
      await world.pass(10_000);
      assert.equal(world.status('a'), 'STARTED');
    });
  }

  const NO_STORE = refused('Cannot do this operation without a revision store');
  for (const { op, config, answer } of [
    { op: 'UPDATE_METADATA', answer: refused('Cannot do this operation while on local mode') },
    {
      op: 'GO_REMOTE',
      config: { PV_CONTROL_REMOTE: '0' },
      answer: refused('Cannot do this operation when remote mode is disabled by config'),
    },
    {
      op: 'GO_REMOTE',
      config: { PV_CONTROL_REMOTE: '1' },
      answer: refused('Cannot do this operation without a Hub client'),
    },
    {
      op: 'DEFER_REBOOT',
      config: { PV_DEBUG_SHELL: '0' },
      answer: refused('Cannot do this operation when debug shell is not active'),
    },
    { op: 'DEFER_REBOOT', config: { PV_DEBUG_SHELL: '1' }, answer: OK },
    { op: 'UNCLAIM', answer: { status: 204, body: '', retryAfter: undefined } },
    { op: 'TRY_ONCE', answer: OK },
    { op: 'LOCAL_APPLY', answer: OK },
    { op: 'XCONNECT_GRAPH', answer: OK },
    { op: 'LOCAL_RUN', answer: NO_STORE },
    { op: 'LOCAL_RUN_COMMIT', answer: NO_STORE },
    { op: 'MAKE_FACTORY', answer: NO_STORE },
    { op: 'RUN_GC', answer: NO_STORE },
  ]) {
    const given = Object.entries(config ?? {}).map(([key, value]) => ` with ${key}=${value}`);
    it(`answers ${answer.status} to ${op}${given.join('')}, and nothing comes of it`, async () => {
      const { world, order, complaints } = await bootOne(config === undefined ? {} : { config });
      assert.deepEqual(await order(op, '60'), answer);
      await world.pass(10_000);
      assert.equal(world.status('a'), 'STARTED');
      assert.deepEqual(complaints, []);
      assert.deepEqual(await order('XCONNECT_GRAPH'), OK);
      await world.pass(0);
    });
  }

  it('ENABLE_SSH and DISABLE_SSH override the configuration at the level of metadata', async () => {
    const { world, config, order } = await bootOne();
    const ssh = () => config.entries().find(({ key }) => key === 'PV_DEBUG_SSH');
    for (const [op, value] of [
      ['DISABLE_SSH', false],
      ['ENABLE_SSH', true],
    ] as const) {
      assert.deepEqual(await order(op), OK);
      await world.pass(0);
      assert.equal(ssh()?.value, value);
      assert.equal(ssh()?.modified, 'metadata');
    }
  });

  for (const { op, phase, ends, payload, message } of [
    {
      op: 'REBOOT_DEVICE',
      phase: 'rebooting',
      ends: 'reboots',
      payload: '',
      message: 'a reboot was asked for',
    },
    {
      op: 'REBOOT_DEVICE',
      phase: 'rebooting',
      ends: 'reboots',
      payload: 'new "kernel"\u001b[2J',
      message: 'a reboot was asked for: "new \\"kernel\\"\\u001b[2J"',
    },
    {
      op: 'POWEROFF_DEVICE',
      phase: 'poweringOff',
      ends: 'powerOffs',
      payload: { why: 1 },
      message: 'a power-off was asked for: "{\\"why\\":1}"',
    },
  ] as const) {
    it(`${op} stops every container, then goes, with the words ${JSON.stringify(payload)}`, async () => {
      const { world, order, complaints } = await bootOne();
      assert.deepEqual(await order(op, payload), OK);
      assert.equal(world.supervisor.phase(), 'running');
      await world.pass(0);
      assert.equal(world.status('a'), 'STOPPING');
      await world.pass(2_000);
      assert.equal(world.supervisor.phase(), phase);
      assert.deepEqual(world.host[ends], [{ code: 'REQUESTED', message }]);
      assert.deepEqual(complaints, []);
    });
  }

  it('says so when there is no state yet that could be stopped (control API §1)', async () => {
    const commands = createCommands({
      supervisor: () => undefined,
      config: createConfig([]),
      clock: new VirtualClock(),
      complain: (fault) => assert.fail(fault.message),
    });
    const call = { routes, method: 'POST', target: '/commands', control: { commands } } as const;
    const body = '{"op":"REBOOT_DEVICE","payload":""}';
    assert.deepEqual(told(await callRoute({ ...call, body })), {
      status: 500,
      body: error('State not loaded yet'),
      retryAfter: undefined,
    });
  });
});

describe('the slot of commands (R-10, control API §6.5 check 10)', () => {
  afterEach(checkWorlds);

  it('idea 28: holds one command; the next is accepted once that has been carried out', async () => {
    const { world, order } = await bootOne();
    assert.deepEqual(await order('ENABLE_SSH'), OK);
    assert.deepEqual(await order('ENABLE_SSH'), BUSY);
    await world.pass(0);
    assert.deepEqual(await order('ENABLE_SSH'), OK);
    await world.pass(0);
  });

  it('is not taken by a command that was refused', async () => {
    const { world, order, post } = await bootOne();
    await post('{}');
    await order('UNCLAIM');
    await order('UPDATE_METADATA');
    assert.deepEqual(await order('ENABLE_SSH'), OK);
    await world.pass(0);
  });

  it('answers what is wrong with a command before it says that it is taken', async () => {
    const { world, order, post } = await bootOne();
    await order('ENABLE_SSH');
    assert.equal((await post('{}')).status, 400);
    assert.equal((await order('UPDATE_METADATA')).status, 409);
    assert.equal((await order('UNCLAIM')).status, 204);
    await world.pass(0);
  });

  for (const op of ['REBOOT_DEVICE', 'POWEROFF_DEVICE']) {
    it(`is held for good by ${op}`, async () => {
      const { world, order } = await bootOne();
      await order(op);
      for (const ms of [0, 0, 1_000, 1_000, 60_000]) {
        assert.deepEqual(await order('ENABLE_SSH'), BUSY);
        await world.pass(ms);
      }
      assert.equal(world.host.reboots.length + world.host.powerOffs.length, 1);
    });
  }

  it('takes no command while the device stops for another reason', async () => {
    const { world, order } = await bootOne();
    world.supervisor.send({ type: 'device.stop' });
    assert.deepEqual(await order('REBOOT_DEVICE'), BUSY);
    await world.pass(2_000);
    assert.equal(world.supervisor.phase(), 'stopped');
  });

  it('complains of a reboot that came between its answer and the stop of the device', async () => {
    const { world, order, complaints } = await bootOne();
    assert.deepEqual(await order('REBOOT_DEVICE'), OK);
    world.supervisor.send({ type: 'device.stop' });
    await world.pass(2_000);
    assert.equal(world.supervisor.phase(), 'stopped');
    assert.deepEqual(complaints, [{ code: 'REFUSED', message: 'REBOOT_DEVICE: The device is stopping' }]);
  });
});

describe('commands on revisions (control API §6.5)', () => {
  afterEach(checkWorlds);

  it('go to the revision store, which holds the slot until it is done', async () => {
    const done: string[] = [];
    const gate: { open: () => void } = { open: () => undefined };
    const { world, order } = await bootOne({
      revisions: {
        updating: false,
        carryOut: (op, payload) => {
          done.push(`${op} ${payload}`);
          return new Promise((resolve) => {
            gate.open = resolve;
          });
        },
      },
    });
    for (const op of ['LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'RUN_GC']) {
      assert.deepEqual(await order(op, 'locals/blue'), OK);
      await world.pass(10_000);
      assert.deepEqual(await order('ENABLE_SSH'), BUSY);
      gate.open();
      await world.pass(0);
    }
    assert.deepEqual(
      done,
      ['LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'RUN_GC'].map((op) => `${op} locals/blue`),
    );
  });

  it('that fail are complained of, and free the slot', async () => {
    const { world, order, complaints } = await bootOne({
      revisions: { updating: false, carryOut: () => Promise.reject(new Error('no disk')) },
    });
    assert.deepEqual(await order('RUN_GC'), OK);
    await world.pass(0);
    assert.deepEqual(
      complaints.map(({ code, message }) => [code, message]),
      [['UNEXPECTED', 'unexpected: no disk']],
    );
    assert.deepEqual(await order('ENABLE_SSH'), OK);
    await world.pass(0);
  });

  it('idea 29: while an update is ongoing, some commands have to wait for ten minutes', async () => {
    const { world, order } = await bootOne({
      revisions: { updating: true, carryOut: () => Promise.resolve() },
    });
    const waits = {
      status: 503,
      body: error('Cannot do this operation while update is ongoing'),
      retryAfter: '600',
    };
    const waiting = [];
    for (const op of OPS) {
      const { status, body, retryAfter } = await order(op);
      if (status === 503) {
        assert.deepEqual({ status, body, retryAfter }, waits);
        waiting.push(op);
      }
      await world.pass(0);
    }
    assert.deepEqual(waiting, [
      'REBOOT_DEVICE',
      'POWEROFF_DEVICE',
      'LOCAL_RUN',
      'LOCAL_RUN_COMMIT',
      'MAKE_FACTORY',
      'UNCLAIM',
    ]);
  });
});
