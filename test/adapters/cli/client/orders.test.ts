import assert from 'node:assert/strict';
import { recovery, revisionOf } from '../../../support/revision.ts';
import { useScratch } from '../../scratch.ts';
import { closeServed, serve } from './served.ts';

const REVISION = revisionOf({
  app: {
    containers: {
      web: { statusGoal: 'READY' },
      db: { recovery: recovery({ maxRetries: 1, retryDelayMs: 1000, backoff: { kind: 'never' } }) },
      job: {},
      base: { restartPolicy: 'system' },
    },
  },
});

describe('statevisor start, stop, restart (control API §6.2)', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  const served = (ways: Parameters<typeof serve>[1]['ways'] = {}) =>
    serve(REVISION, {
      runDir: scratch(),
      ways: { web: { readyAfter: 2000 }, ...ways },
    });

  it('gives the order and does not wait', async () => {
    const { type, world } = await served({ db: { halt: 3000 } });
    assert.deepEqual(await type('stop', 'db'), { code: 0, out: '', err: '' });
    assert.equal(world.status('db'), 'STOPPING');
    assert.deepEqual(await type('restart', 'job', '--json'), {
      code: 0,
      out: '[{"name":"job","order":"restart","outcome":"accepted","reason":null}]\n',
      err: '',
    });
  });

  const refused: readonly { words: readonly string[]; code: number; says: string }[] = [
    { words: ['stop', 'nobody'], code: 3, says: 'nobody: Container not found' },
    {
      words: ['stop', 'no body'],
      code: 3,
      says: 'there is no container "no body": nothing can have that name',
    },
    { words: ['stop', 'a/b'], code: 3, says: 'there is no container "a/b": nothing can have that name' },
    {
      words: ['stop', 'base', '--wait'],
      code: 4,
      says: "base: Container has restart_policy 'system' and cannot be controlled via API",
    },
  ];
  for (const { words, code, says } of refused) {
    it(`ends with ${code} after: statevisor ${words.join(' ')}`, async () => {
      const { type } = await served();
      assert.deepEqual(await type(...words), { code, out: '', err: `statevisor: ${says}\n` });
    });
  }

  it('ends with 4 when the status does not allow it', async () => {
    const { type } = await served({ job: { mount: 5000 } });
    const { code, err } = await type('start', 'job');
    assert.equal(code, 4);
    assert.match(err, /^statevisor: job: Container must be in STOPPED, /);
  });

  it('gives the others their order when one is refused, and ends with the first code that is not 0', async () => {
    const { type, world } = await served();
    const { code } = await type('stop', 'nobody', 'base', 'job');
    assert.equal(code, 3);
    assert.equal(world.status('job'), 'STOPPED');
  });

  it('stop --wait ends when the container rests in STOPPED', async () => {
    const { type, world, until } = await served({ db: { halt: 3000 } });
    const stopping = until('db', 'STOPPING');
    const verb = type('stop', '--wait', 'db');
    await stopping;
    await world.pass(3000);
    assert.deepEqual(await verb, { code: 0, out: '', err: '' });
    assert.equal(world.status('db'), 'STOPPED');
    assert.deepEqual(await type('stop', 'db', '--wait'), { code: 0, out: '', err: '' });
  });

  it('restart --wait ends when the container has reached its goal anew', async () => {
    const { type, world, until } = await served({ web: { readyAfter: 2000, halt: 500 } });
    await world.pass(2000);
    assert.equal(world.status('web'), 'READY');
    const stopping = until('web', 'STOPPING');
    const verb = type('restart', 'web', 'job', '--wait', '--json');
    await stopping;
    const started = until('web', 'STARTED');
    await world.pass(500);
    await started;
    await world.pass(2000);
    const { code, out, err } = await verb;
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(
      (JSON.parse(out) as readonly { name: string; outcome: string }[])
        .map(({ name, outcome }) => `${name} ${outcome}`)
        .sort(),
      ['job done', 'web done'],
    );
  });

  it('start --wait ends at once for what has reached its goal, and otherwise when it has', async () => {
    const { type, world, until } = await served();
    assert.deepEqual(await type('start', 'job', '--wait'), { code: 0, out: '', err: '' });
    await type('stop', 'web', '--wait');
    const started = until('web', 'STARTED');
    const verb = type('start', 'web', '--wait');
    await started;
    await world.pass(2000);
    assert.deepEqual(await verb, { code: 0, out: '', err: '' });
  });

  it('waits while a container recovers', async () => {
    const fault = { code: 'START_FAILED', message: 'container db did not start' } as const;
    const { type, world, until } = await served({ db: { startFails: { fault, times: 2 } } });
    await type('stop', 'db', '--wait');
    const recovering = until('db', 'RECOVERING');
    const verb = type('start', 'db', '--wait');
    await recovering;
    await world.pass(1000);
    assert.deepEqual(await verb, { code: 0, out: '', err: '' });
  });

  it('ends with 1 and the reason when the container fails', async () => {
    const fault = { code: 'START_FAILED', message: 'container db did not start' } as const;
    const { type, world, until } = await served({ db: { startFails: { fault, times: 9 } } });
    const recovering = until('db', 'RECOVERING');
    await type('stop', 'db', '--wait');
    const verb = type('start', 'db', '--wait');
    await recovering;
    await world.pass(1000);
    const { code, err } = await verb;
    assert.equal(code, 1);
    assert.match(err, /^statevisor: db: it has stopped\. db has been STOPPED for 0 s: its retries are spent/);
  });

  it('ends with 1 when the time for the goal is over (lifecycle §4.3)', async () => {
    const { type, world, until } = await served({ web: {} });
    await type('stop', 'web', '--wait');
    const started = until('web', 'STARTED');
    const verb = type('start', 'web', '--wait');
    await started;
    await world.pass(10_000);
    const { code, err } = await verb;
    assert.equal(code, 1);
    assert.match(
      err,
      /^statevisor: web: it has not reached its goal in time\. web has been STARTED for 10 s/,
    );
  });

  it('ends with 1 when the device stops all containers meanwhile', async () => {
    const { type, world, until } = await served({ web: { halt: 1000 } });
    await type('stop', 'job', '--wait');
    const stopping = until('web', 'STOPPING');
    const verb = type('restart', 'web', '--wait');
    await stopping;
    world.supervisor.send({ type: 'device.stop' });
    const { code, err } = await verb;
    assert.equal(code, 1);
    assert.match(err, /^statevisor: web: the device stops all containers\. /);
    await world.pass(1000);
  });

  it('ends with 6 when the time to wait is over', async () => {
    const { type } = await served();
    await type('stop', 'web', '--wait');
    const { code, err } = await type('start', 'web', '--wait=0.01');
    assert.equal(code, 6);
    assert.match(err, /^statevisor: web: not done after 0\.01 s\. web has been STARTED for 0 s/);
  });

  for (const words of [['stop'], ['stop', '--wait=5s', 'db'], ['stop', '--wait=-1', 'db']]) {
    it(`ends with 2 after: statevisor ${words.join(' ')}`, async () => {
      const { type } = await served();
      const { code, err } = await type(...words);
      assert.deepEqual([code, err.startsWith('statevisor: ')], [2, true]);
    });
  }
});
