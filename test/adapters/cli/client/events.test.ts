import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { Terminal } from '../../../../adapters/cli/output.ts';
import { parse } from '../../../../adapters/cli/verbs.ts';
import { revisionOf } from '../../../support/revision.ts';
import { useScratch } from '../../scratch.ts';
import { closeServed, serve } from './served.ts';

const REVISION = revisionOf({ app: { containers: { web: {} } } });

describe('statevisor events (R-12)', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  it('tells what there is, from the start or from an event on', async () => {
    const { type, world } = await serve(REVISION, { runDir: scratch() });
    await world.pass(1500);
    await world.order('container.stop', 'web');
    await world.pass(0);
    const { code, out, err } = await type('events', '--no-follow');
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    const pid = /pid (\d+)/.exec(out)?.[1];
    assert.ok(
      lines.includes(`2026-01-01T00:00:00.000Z  container  web: STARTING → STARTED, pid ${pid}`),
      out,
    );
    assert.equal(lines.includes('2026-01-01T00:00:01.500Z  container  web: STARTED → STOPPING'), true, out);
    assert.match(out, /^2026-01-01T00:00:00\.000Z {2}revision {3}READY, goal ACHIEVED$/m);

    const all = (await type('events', '--no-follow', '--json')).out.trimEnd().split('\n');
    const ids = all.map((line) => (JSON.parse(line) as { id: string }).id);
    assert.deepEqual(
      ids,
      ids.map((_, index) => `life-${index + 1}`),
    );
    const since = await type('events', '--no-follow', '--json', '--since', 'life-3');
    assert.deepEqual(since.out.trimEnd().split('\n'), all.slice(3));
    const last = await type('events', '--no-follow', '--since', ids.at(-1) ?? '');
    assert.deepEqual(last, { code: 0, out: '', err: '' });
  });

  it('says when what was asked for is gone', async () => {
    const { type } = await serve(REVISION, { runDir: scratch() });
    assert.deepEqual(await type('events', '--no-follow', '--since', 'other-7'), {
      code: 0,
      out: '',
      err: 'statevisor: some events are no longer to be had\n',
    });
  });

  it('follows over a restart of the supervisor, says so, and tells all that the new one has told', async () => {
    const runDir = scratch();
    const first = await serve(REVISION, { runDir, life: 'one' });
    const follower = following(runDir, '--since', 'start', '--json', '--retry', '60');
    await follower.says('"id":"one-1"');
    await first.end();
    await follower.says('has gone away; waiting');
    await serve(REVISION, { runDir, life: 'two', after: first.world });
    await follower.says('"id":"two-1"');
    assert.doesNotMatch(follower.said(), /"event":"gap"/);
    assert.match(follower.said(), /another supervisor than before/);
    assert.equal(await follower.close(), 0);
  });

  it('goes on after the last event when the connection alone was lost', async () => {
    const { runDir, reopen, world } = await serve(REVISION, { runDir: scratch() });
    const follower = following(runDir, '--since', 'start', '--json');
    await follower.says('"id":"life-1"');
    await reopen();
    await follower.says('the supervisor is back');
    await world.order('container.stop', 'web');
    await follower.says('"status":"STOPPED"');
    const ids = [...follower.said().matchAll(/"id":"life-(\d+)"/g)].map(([, number]) => Number(number));
    assert.deepEqual(
      ids,
      ids.map((_, index) => index + 1),
    );
    assert.equal(await follower.close(), 0);
  });

  it('ends with 7 when the supervisor stays away', async () => {
    const { runDir, end } = await serve(REVISION, { runDir: scratch() });
    const follower = following(runDir, '--since', 'start', '--retry', '0');
    await follower.says('READY');
    await end();
    assert.equal(await follower.code, 7);
    assert.match(follower.said(), /has ended, and none has come in its place for 0 s\. Start one with/);
  });
});

/** The verb on a terminal that can be listened to, and closed. */
function following(runDir: string, ...words: readonly string[]) {
  const heard = new EventEmitter();
  let said = '';
  const write = (text: string) => {
    said += text;
    heard.emit('text');
    return true;
  };
  const out = Object.assign(new EventEmitter(), { write });
  const terminal: Terminal = { out, err: { write }, environment: {} };
  const code = parse(['events', '--run-dir', runDir, ...words], terminal);
  return {
    code,
    said: () => said,
    says: async (text: string) => {
      while (!said.includes(text)) await once(heard, 'text');
    },
    close: () => {
      out.emit('close');
      return code;
    },
  };
}
