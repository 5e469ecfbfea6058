import assert from 'node:assert/strict';
import { parse } from '../../../../adapters/cli/verbs.ts';
import { recovery, revisionOf } from '../../../support/revision.ts';
import { useScratch } from '../../scratch.ts';
import { rememberingTerminal } from '../command.ts';
import { closeServed, rowsOf, serve } from './served.ts';

const REVISION = revisionOf({
  root: { restartPolicy: 'system', containers: { base: { roles: ['mgmt'] } } },
  app: {
    recovery: recovery({ maxRetries: 3, retryDelayMs: 5000 }),
    containers: { web: { statusGoal: 'READY' }, db: {} },
  },
});

describe('what the clients of a running supervisor show', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  /** Seven seconds after the boot: db has crashed, web is not ready. */
  async function served() {
    const device = await serve(REVISION, { runDir: scratch() });
    await device.world.pass(5000);
    await device.world.exit('db');
    await device.world.pass(2000);
    return device;
  }

  it('ps lists containers (control API §6.1)', async () => {
    const { type } = await served();
    const { code, out, err } = await type('ps');
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(rowsOf(out), [
      ['CONTAINER', 'GROUP', 'STATUS', 'GOAL', 'RESTART', 'ROLES', 'RECOVERY', 'RETRIES'],
      ['base', 'root', 'STARTED', 'STARTED', 'system', 'mgmt', 'no'],
      ['web', 'app', 'STARTED', 'READY', 'container', 'on-failure', '0 of 3'],
      ['db', 'app', 'RECOVERING', 'STARTED', 'container', 'on-failure', '1 of 3'],
    ]);
    assert.equal((await type('ps', '--quiet')).out, 'base\nweb\ndb\n');
  });

  it('groups lists groups (control API §6.3)', async () => {
    const { type } = await served();
    assert.deepEqual(rowsOf((await type('groups')).out), [
      ['GROUP', 'STATUS', 'GOAL', 'RESTART', 'RETRIES', 'STABLE', 'BACKOFF'],
      ['root', 'READY', 'STARTED', 'system'],
      ['app', 'STARTED', 'STARTED', 'container', '3', '0s', 'reboot'],
    ]);
  });

  it('status shows all of it on a page (R-12)', async () => {
    const { type, world } = await served();
    const { code, out } = await type('status');
    assert.equal(code, 0);
    const pid = (name: string) => String(world.record(name).pid);
    assert.deepEqual(rowsOf(out), [
      ['device', 'running'],
      ['revision', 'locals/blue: STARTED, goal UNACHIEVED'],
      [
        'The revision is STARTED: app has not reached its goal. In group app, web is STARTED and db is RECOVERING, short of their goals.',
      ],
      [''],
      ['GROUP', 'STATUS', 'GOAL', 'CONTAINERS', 'RESTART', 'STARTS'],
      ['root', 'READY', 'ACHIEVED', '1', 'system', 'yes'],
      ['app', 'STARTED', 'UNACHIEVED', '2', 'container', 'yes'],
      [''],
      ['GROUP', 'CONTAINER', 'STATUS', 'GOAL', 'SINCE', 'PID', 'RETRIES', 'NEXT'],
      ['root', 'base', 'STARTED', 'ACHIEVED', '7s', pid('base'), '0'],
      ['app', 'web', 'STARTED', 'UNACHIEVED', '7s', pid('web'), '0', 'goal times out in 3s'],
      ['app', 'db', 'RECOVERING', 'UNACHIEVED', '2s', '1', 'starts in 3s'],
    ]);
  });

  it('explain tells of the revision, its groups, and of those containers that are asked about', async () => {
    const { type, world } = await served();
    const { code, out } = await type('explain');
    assert.equal(code, 0);
    assert.equal(
      out,
      `The revision is STARTED: app has not reached its goal. In group app, web is STARTED and db is RECOVERING, short of their goals.

Group root has reached its goals.
Group app is STARTED. In group app, web is STARTED and db is RECOVERING, short of their goals.

web has been STARTED for 7 s, pid ${world.record('web').pid}: it has not signalled that it is ready. In 3 s, its time for READY is over, and the groups after app start all the same.
db has been RECOVERING for 2 s: it ended with exit status 1. In 3 s, it starts again, retry 1 of 3.

1 container rests at its goal; --all tells of it too.
`,
    );
    const all = await type('explain', '--all');
    assert.match(all.out, /^base has been STARTED for 7 s, pid \d+, which is its goal\.$/m);
    assert.doesNotMatch(all.out, /--all/);
  });

  it('explain tells of one container', async () => {
    const { type } = await served();
    const { code, out, err } = await type('explain', 'db');
    assert.deepEqual([code, err], [0, '']);
    assert.equal(
      out,
      'db has been RECOVERING for 2 s: it ended with exit status 1. In 3 s, it starts again, retry 1 of 3.\n',
    );
    assert.deepEqual(await type('explain', 'nobody'), {
      code: 3,
      out: '',
      err: 'statevisor: nobody: Container not found; statevisor ps lists them\n',
    });
  });

  for (const words of [['ps'], ['groups'], ['status'], ['explain'], ['explain', 'db']]) {
    it(`${words.join(' ')} --json gives the document as it came`, async () => {
      const { type } = await served();
      const { code, out, err } = await type(...words, '--json');
      assert.deepEqual([code, err], [0, '']);
      assert.equal(out, `${JSON.stringify(JSON.parse(out))}\n`);
    });
  }

  it('has no colours on a terminal with NO_COLOR, and nothing after the last word of a line', async () => {
    const { runDir, type } = await served();
    const { terminal, said } = rememberingTerminal({ NO_COLOR: '1' });
    const out = { ...terminal.out, isTTY: true };
    assert.equal(await parse(['status', '--run-dir', runDir], { ...terminal, out }), 0);
    assert.equal(said.out, (await type('status')).out);
    assert.ok(!said.out.includes('\u001b'));
    assert.doesNotMatch(said.out, / $/m);
  });

  it('refuses containers without the mgmt role, and ends with 4 (control API §3)', async () => {
    const { typeIn } = await served();
    for (const verb of ['ps', 'groups', 'status', 'explain', 'events']) {
      const { code, out, err } = await typeIn('web', verb);
      assert.deepEqual([code, out], [4, ''], verb);
      assert.match(err, /^statevisor: Request not sent from a mgmt platform\. Only the host and containers/);
    }
    assert.equal((await typeIn('base', 'ps')).code, 0);
  });
});
