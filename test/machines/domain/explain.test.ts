import assert from 'node:assert/strict';
import {
  type ExplainInput,
  type Explanation,
  explainAll,
  explainContainer,
  spoken,
} from '../../../machines/domain/explain.ts';
import type { Revision } from '../../../machines/domain/revision.ts';
import { recovery, revisionOf } from '../../support/revision.ts';
import { boot, checkWorlds, type World, type WorldOptions } from '../../support/world.ts';

interface Story {
  readonly world: World;
  readonly input: () => ExplainInput;
  readonly of: (name: string) => Explanation;
}

async function tell(revision: Revision, options: WorldOptions = {}): Promise<Story> {
  const world = await boot(revision, options);
  await world.pass(0);
  const { supervisor, clock } = world;
  const input = () => ({ revision, view: supervisor.view(), phase: supervisor.phase(), now: clock.now() });
  const of = (name: string) => explainContainer(input(), name) ?? assert.fail(`no explanation of ${name}`);
  return { world, input, of };
}

describe('explanations: what it is, what it waits for, until when, what then (R-12)', () => {
  afterEach(checkWorlds);

  it('names the group that holds a container back, and who in it is late', async () => {
    const { world, of } = await tell(
      revisionOf({ root: { containers: { net: {}, dns: {} } }, app: { containers: { web: {} } } }),
      { ways: { net: { start: 20_000 } } },
    );
    await world.pass(3_000);
    const { text, waitsFor, until, status } = of('web');
    assert.equal(status, 'BLOCKED');
    assert.deepEqual(waitsFor, [
      { kind: 'group', name: 'root', status: 'STARTING' },
      { kind: 'container', name: 'net', status: 'STARTING' },
    ]);
    assert.equal(until, 10_000);
    assert.equal(
      text,
      'web has been BLOCKED for 3 s: it waits for group root. In group root, net is STARTING, short of its goal. ' +
        'In 7 s, group root counts as timed out, and the groups after it start all the same.',
    );
  });

  it('waits for the ready signal of a container whose goal is READY', async () => {
    const { world, of } = await tell(revisionOf({ app: { containers: { web: { statusGoal: 'READY' } } } }));
    await world.pass(4_000);
    const { text, waitsFor } = of('web');
    assert.deepEqual(waitsFor, [{ kind: 'signal', name: 'web', status: 'STARTED' }]);
    assert.match(
      text,
      /^web has been STARTED for 4 s, pid \d+: it has not signalled that it is ready\. In 6 s, its time for READY is over, and the groups after app start all the same\.$/,
    );
    await world.pass(6_000);
    assert.match(of('web').text, /Its time for READY is over, and nobody waits for it any longer\.$/);
  });

  it('counts down to the next retry, and says how the last run ended', async () => {
    const { world, of } = await tell(
      revisionOf({
        app: { containers: { web: { recovery: recovery({ maxRetries: 5, retryDelayMs: 8_000 }) } } },
      }),
    );
    await world.exit('web', { kind: 'signal', signal: 'SIGSEGV' });
    await world.pass(1_500);
    const { text, until } = of('web');
    assert.equal(until, 8_000);
    assert.equal(
      text,
      'web has been RECOVERING for 1.5 s: it was killed by SIGSEGV. In 6.5 s, it starts again, retry 1 of 5.',
    );
  });

  it('says who stopped a container, and that nothing happens by itself', async () => {
    const { world, of } = await tell(revisionOf({ app: { containers: { web: {} } } }), {
      ways: { web: { ignoresHalt: true } },
    });
    await world.order('container.stop', 'web');
    assert.equal(
      of('web').text,
      'web has been STOPPING for 0 s: its init has been asked to end. In 5 s, it is killed unless it has ended, and it stays stopped until somebody starts it.',
    );
    await world.pass(65_000);
    assert.equal(
      of('web').text,
      'web has been STOPPED for 1 min 0 s: a user stopped it. It stays stopped until somebody starts it.',
    );
  });

  it('tells of a container that gave up, one whose work is done and one that only is mounted', async () => {
    const { world, of } = await tell(
      revisionOf({
        app: {
          containers: {
            gone: { recovery: recovery({ maxRetries: 1, backoff: { kind: 'never' } }) },
            done: { recovery: recovery() },
            data: { statusGoal: 'MOUNTED' },
          },
        },
      }),
    );
    await world.exit('gone');
    await world.pass(0);
    await world.exit('gone', { kind: 'code', code: 7 });
    await world.exit('done', { kind: 'code', code: 0 });
    assert.match(
      of('gone').text,
      /its retries are spent, it ended with exit status 7, and its backoff policy is never/,
    );
    assert.equal(
      of('done').text,
      'done has been STOPPED for 0 s: it ended with exit status 0, and its work is done.',
    );
    assert.equal(of('data').text, 'data has been MOUNTED for 0 s, which is all it has to be.');
  });

  it('explains the revision and every group and container, in order', async () => {
    const { world, input } = await tell(
      revisionOf({
        root: { containers: { net: { statusGoal: 'READY' } } },
        app: { containers: { web: {} } },
        spare: { containers: {} },
      }),
    );
    const told = () => explainAll(input()).map(({ kind, name, text }) => `${kind} ${name}: ${text}`);
    assert.deepEqual(
      explainAll(input()).map(({ kind, name }) => `${kind} ${name}`),
      ['revision ', 'group root', 'group app', 'group spare', 'container net', 'container web'],
    );
    assert.equal(
      told()[0],
      'revision : The revision is BLOCKED: root and app have not reached their goals. In group root, net is STARTED, short of its goal.'.replace(
        'BLOCKED',
        input().view.status,
      ),
    );
    assert.equal(
      told()[2],
      'group app: Group app waits for group root. In group root, net is STARTED, short of its goal.',
    );
    world.supervisor.send({ type: 'signal.ready', name: 'net' });
    await world.pass(0);
    assert.equal(told()[0], 'revision : All groups have reached their goals.');
    assert.equal(told()[3], 'group spare: Group spare has reached its goals: it has no containers.');
  });

  it('knows no container that the revision has not', async () => {
    const { input } = await tell(revisionOf({ app: { containers: { web: {} } } }));
    assert.equal(explainContainer(input(), 'other'), undefined);
    assert.equal(explainContainer(input(), '__proto__'), undefined);
  });

  it('says durations as people do', () => {
    for (const [ms, words] of [
      [-5, '0 s'],
      [449, '0.4 s'],
      [9_960, '10 s'],
      [61_000, '1 min 1 s'],
      [119_700, '2 min 0 s'],
      [3_600_000, '1 h 0 min'],
      [7_500_000, '2 h 5 min'],
    ] as const) {
      assert.equal(spoken(ms), words, String(ms));
    }
  });
});
