import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as schemas from '../../../adapters/control/api-schemas.ts';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { useScratch } from '../scratch.ts';
import { sha256 } from '../store/store-world.ts';
import { openRevisionWorld, type RevisionWorld, stateText } from './revision-world.ts';

const NEW = '{"status":"NEW","status-msg":"Update ready to be run","progress":0,"retries":0}';
const FACTORY = '{"status":"DONE","status-msg":"Factory revision","progress":100,"retries":0}';
const MISSING = [404, '{"Error":"Resource does not exist"}'];
const BAD_NAME = '{"Error":"Request has bas step name"}';
const OTHER = stateText({ status_goal: 'READY' });

describe('steps through the server (control API §6.7)', () => {
  const scratch = useScratch();
  let world: RevisionWorld;
  let full = false;
  beforeEach(async () => {
    full = false;
    const directory = scratch();
    mkdirSync(join(directory, 'run'));
    world = await openRevisionWorld(directory, { reservedPercent: () => (full ? 100 : 0) });
  });
  afterEach(() => world.close());

  const answer = async (target: string, ...args: readonly string[]) => {
    const { status, body } = await world.curl(target, ...args);
    return [status, body];
  };
  const put = async (name: string, body: string) => {
    const { status, body: said } = await world.put(`/steps/${name}`, body);
    return [status, said];
  };
  const trails = () => [...world.store.names('trails'), ...world.store.names('trails/locals')];

  it('installs a state, and shows it as it was sent', async () => {
    const text = stateText().replaceAll(',', ' ,\n');
    assert.deepEqual(await put('locals/a', text), [200, '']);
    assert.deepEqual(await answer('/steps/locals/a'), [200, text]);
    assert.deepEqual(await answer('/steps/locals/a/progress'), [200, NEW]);
  });

  it('lists what is there, byte for byte (§11 test 21)', async () => {
    assert.deepEqual(await put('locals/b', stateText()), [200, '']);
    assert.deepEqual(await put('locals/a', stateText()), [200, '']);
    const note = 'a "note"\n\u0001 ü / \\';
    assert.deepEqual(await answer('/steps/locals/b/commitmsg', '-X', 'PUT', '-d', note), [200, '']);
    const at = (name: string, seconds: number) =>
      utimesSync(join(world.store.storage, 'trails', name), seconds, seconds);
    at('0', Date.UTC(2026, 2, 1, 9, 15) / 1000);
    at('locals/a', Date.UTC(2026, 2, 2, 10) / 1000);
    at('locals/b', Date.UTC(2026, 2, 2, 11) / 1000);
    assert.deepEqual(await answer('/steps'), [
      200,
      `[{"name":"0", "date":"2026-03-01T09:15:00Z", "commitmsg":"", "progress":${FACTORY}},` +
        `{"name":"locals/a", "date":"2026-03-02T10:00:00Z", "commitmsg":"", "progress":${NEW}},` +
        `{"name":"locals/b", "date":"2026-03-02T11:00:00Z", "commitmsg":"a \\"note\\"\\n\\u0001 ü / \\\\", "progress":${NEW}}]`,
    ]);
  });

  it('says [] where there is none', async () => {
    await world.store.revisions.remove('0');
    assert.deepEqual(await answer('/steps'), [200, '[]']);
  });

  it('embeds progress of more than 512 bytes whole, and none that is no JSON', async () => {
    await put('locals/a', stateText());
    await put('locals/b', stateText());
    const logs = '{"lvl":"ERROR"}\n'.repeat(100);
    await world.store.revisions.writeProgress('locals/a', {
      status: 'ERROR',
      message: MESSAGES.goalMissed,
      retries: 0,
      logs,
    });
    writeFileSync(join(world.store.storage, 'trails/locals/b/.pv/progress'), '{"status":');
    const { body } = await world.curl('/steps');
    const [, a, b] = schemas.stepList.parse(JSON.parse(body));
    assert.equal(a?.progress['logs'], logs);
    assert.deepEqual(b?.progress, {});
    const progress = JSON.parse((await world.curl('/steps/locals/a/progress')).body) as { logs: string };
    assert.equal(progress.logs, logs);
  });

  it('knows the running one as current (§11 test 27)', async () => {
    assert.deepEqual(await answer('/steps/current'), await answer('/steps/0'));
    assert.deepEqual(await answer('/steps/current/progress'), [200, FACTORY]);
    assert.deepEqual(await answer('/steps/0/'), [200, stateText()]);
    assert.deepEqual(await answer('/steps/current/commitmsg', '-X', 'PUT', '-d', 'runs'), [200, '']);
    assert.equal(world.store.read('trails/0/.pv/commitmsg'), 'runs');
  });

  for (const target of [
    '1',
    'locals',
    '..',
    '0/progress/..',
    'locals/a',
    'locals/..',
    '%2e%2e',
    'locals/current',
  ]) {
    it(`has no ${target}`, async () => {
      for (const path of [`/steps/${target}`, `/steps/${target}/progress`]) {
        const [status, body] = await answer(path);
        assert.ok(status === 404 ? body === MISSING[1] : status === 400, `${path}: ${status} ${body}`);
      }
    });
  }

  /** §11 test 24, and names that lead out of the trails. */
  const names: readonly (readonly [name: string, status: number, body: RegExp])[] = [
    ['0', 400, /^\{"Error":"Method not supported for this endpoint"\}$/],
    ['current', 400, /^\{"Error":"Method not supported for this endpoint"\}$/],
    ['locals/', 400, /^\{"Error":"Method not supported for this endpoint"\}$/],
    ['locals/a/b', 400, /^\{"Error":"unknown endpoint: \/steps\/locals\/a\/b"\}$/],
    [`locals/${'x'.repeat(65)}`, 400, new RegExp(`^${BAD_NAME}$`)],
    ['locals/.', 400, new RegExp(`^${BAD_NAME}$`)],
    ['locals/..', 400, new RegExp(`^${BAD_NAME}$`)],
    ['locals/.hidden', 400, new RegExp(`^${BAD_NAME}$`)],
    ['locals/%ff', 400, new RegExp(`^${BAD_NAME}$`)],
  ];
  for (const [name, status, body] of names) {
    it(`answers ${status} to PUT /steps/${name.slice(0, 20)}`, async () => {
      const before = trails();
      const reply = await world.put(`/steps/${name}`, stateText());
      assert.equal(reply.status, status, reply.body);
      assert.match(reply.body, body);
      if (status !== 200) assert.deepEqual(trails(), before);
    });
  }
  for (const name of ['x'.repeat(64), 'progress', 'commitmsg', 'locals']) {
    it(`takes locals/${name.slice(0, 12)}`, async () => {
      assert.deepEqual(await put(`locals/${name}`, stateText()), [200, '']);
      assert.deepEqual(await answer(`/steps/locals/${name}`), [200, stateText()]);
      assert.deepEqual(await answer(`/steps/locals/${name}/progress`), [200, NEW]);
    });
  }

  it('refuses a name that is no UTF-8', async () => {
    const raw = Buffer.from(
      `PUT /steps/locals/\xff HTTP/1.0\r\nContent-Length: ${stateText().length}\r\n\r\n${stateText()}`,
      'latin1',
    );
    assert.match(await world.door.ask(raw), /bas step name/);
  });

  const badFormat = '{"Error":"Parser: State JSON has bad format"}';
  const states: readonly (readonly [why: string, text: string])[] = [
    ['no JSON', '{'],
    ['nothing', ''],
    ['another spec', '{"#spec":"other@1"}'],
    ['a container of a group that is not there', stateText({ group: 'nowhere' })],
  ];
  for (const [why, text] of states) {
    it(`refuses ${why}, and nothing is left (§11 test 23, state format §1.3)`, async () => {
      const before = trails();
      assert.deepEqual(await put('locals/a', text), [422, badFormat]);
      assert.deepEqual(await answer('/steps/locals/a/progress'), MISSING);
      assert.deepEqual(trails(), before);
      assert.ok(world.complaints.some(({ message }) => message === MESSAGES.badFormat));
    });
  }

  it('refuses what is no UTF-8', async () => {
    const file = join(scratch(), 'f');
    writeFileSync(file, Buffer.from(stateText().replace('web', 'we\xff'), 'latin1'));
    assert.deepEqual(await answer('/steps/locals/a', '-T', file), [422, badFormat]);
  });

  it('refuses a state of more than 16 MiB', async () => {
    const file = join(scratch(), 'f');
    writeFileSync(file, Buffer.alloc(16 * 1024 * 1024 + 1, ' '));
    const { status } = await world.curl('/steps/locals/a', '-T', file);
    assert.equal(status, 507);
  });

  for (const message of [MESSAGES.notCovered, MESSAGES.signatureFailed, MESSAGES.internal]) {
    it(`says ${message}, before the state is read (§11 test 25, storage §13.6)`, async () => {
      world.signatures = () => message;
      for (const text of [stateText(), '{']) {
        assert.deepEqual(await put('locals/a', text), [422, `{"Error":"Secureboot: ${message}"}`]);
      }
      assert.deepEqual(await answer('/steps/locals/a/progress'), MISSING);
    });
  }

  it('refuses what does not fit, and keeps nothing (§6.7)', async () => {
    full = true;
    const before = trails();
    assert.deepEqual(await put('locals/a', stateText()), [
      507,
      '{"Error":"Not enough disk space available"}',
    ]);
    assert.deepEqual(await answer('/steps/locals/a'), MISSING);
    assert.deepEqual(
      trails().filter((name) => name !== 'locals'),
      before,
    );
  });

  describe('over one that is there', () => {
    beforeEach(() => put('locals/a', stateText()));

    it('takes another state', async () => {
      assert.deepEqual(await put('locals/a', OTHER), [200, '']);
      assert.deepEqual(await answer('/steps/locals/a'), [200, OTHER]);
    });

    it('takes two at once, one after the other', async () => {
      const both = await Promise.all([put('locals/a', OTHER), put('locals/a', stateText())]);
      assert.deepEqual(both, [
        [200, ''],
        [200, ''],
      ]);
      assert.deepEqual(await answer('/steps/locals/a/progress'), [200, NEW]);
    });

    it('keeps it when the other one is refused, or does not fit', async () => {
      await world.store.revisions.writeProgress('locals/a', { status: 'UPDATED', message: 'm', retries: 2 });
      const before = await answer('/steps/locals/a/progress');
      assert.deepEqual(await put('locals/a', '{'), [422, badFormat]);
      full = true;
      assert.equal((await put('locals/a', OTHER))[0], 507);
      assert.deepEqual(await answer('/steps/locals/a'), [200, stateText()]);
      assert.deepEqual(await answer('/steps/locals/a/progress'), before);
    });
  });

  describe('over the running one', () => {
    beforeEach(async () => {
      await put('locals/a', stateText());
      await world.command('LOCAL_RUN', 'locals/a');
      await world.until(() => world.updates.running?.name === 'locals/a');
    });

    it('refuses an invalid state, and it still exists (§11 test 26)', async () => {
      assert.deepEqual(await put('locals/a', '{'), [422, badFormat]);
      assert.deepEqual(await answer('/steps/locals/a'), [200, stateText()]);
      assert.deepEqual(await answer('/steps/current'), [200, stateText()]);
    });

    it('refuses another state while the update runs: 503, and later 409', async () => {
      const during = await world.put('/steps/locals/a', OTHER);
      assert.deepEqual(
        [during.status, during.body],
        [503, '{"Error":"Cannot do this operation while update is ongoing"}'],
      );
      assert.match(during.head, /^retry-after: 600$/im);
      await world.until(async () => {
        await world.pass(30);
        return !world.updates.updating;
      });
      assert.deepEqual(await put('locals/a', OTHER), [
        409,
        '{"Error":"Cannot replace revision locals/a: it runs. Choose another name"}',
      ]);
      assert.deepEqual(await answer('/steps/current'), [200, stateText()]);
    });

    it('takes the same state again, and changes nothing', async () => {
      await world.until(async () => (await world.curl('/steps/current/progress')).body.includes('TESTING'));
      const before = await answer('/steps/locals/a/progress');
      assert.deepEqual(await put('locals/a', stateText()), [200, '']);
      assert.deepEqual(await answer('/steps/locals/a/progress'), before);
    });
  });

  describe('commit messages (§11 test 22)', () => {
    const comment = (name: string, text: string) =>
      answer(`/steps/${name}/commitmsg`, '-X', 'PUT', '--data-binary', text);

    it('have at most 256 bytes', async () => {
      assert.deepEqual(await comment('0', 'x'.repeat(256)), [200, '']);
      assert.deepEqual(await comment('0', 'x'.repeat(257)), [
        507,
        '{"Error":"Not enough disk space available"}',
      ]);
      assert.equal(world.store.read('trails/0/.pv/commitmsg'), 'x'.repeat(256));
    });

    it('may come before the revision', async () => {
      assert.deepEqual(await comment('locals/later', 'note'), [200, '']);
      assert.deepEqual(await answer('/steps/locals/later'), MISSING);
      assert.doesNotMatch((await world.curl('/steps')).body, /later/);
      assert.deepEqual(await put('locals/later', stateText()), [200, '']);
      assert.match((await world.curl('/steps')).body, /"commitmsg":"note"/);
    });

    it('are refused without text, and for names that cannot be', async () => {
      assert.deepEqual(await comment('0', ''), [400, '{"Error":"No commit message"}']);
      assert.deepEqual(await comment('..', 'x'), [400, BAD_NAME]);
      assert.deepEqual(await comment('locals/..', 'x'), [400, BAD_NAME]);
    });
  });

  describe('commands on them (control API §6.5)', () => {
    it('records WONTGO for a revision that is not there (§11 test 30)', async () => {
      assert.equal((await world.command('LOCAL_RUN', 'locals/doesnotexist')).status, 200);
      await world.until(async () => (await world.curl('/steps/locals/doesnotexist/progress')).status === 200);
      assert.deepEqual(await answer('/steps/locals/doesnotexist/progress'), [
        200,
        '{"status":"WONTGO","status-msg":"State JSON not found","progress":100,"retries":0}',
      ]);
    });

    it('leaves revision 0 alone when MAKE_FACTORY names one that is not there', async () => {
      const before = world.store.read('trails/0/.pvr/json');
      for (const name of ['locals/none', '0', '', '../x']) {
        const complaints = world.complaints.length;
        assert.equal((await world.command('MAKE_FACTORY', name)).status, 200);
        await world.until(() => world.complaints.length > complaints);
      }
      assert.equal(world.store.read('trails/0/.pvr/json'), before);
      assert.equal(world.store.inode('trails/0/web/root.squashfs') > 0, true);
      assert.deepEqual(await answer('/steps/0/progress'), [200, FACTORY]);
    });

    it('tells of the update under way, and what comes next: GET /v1/update (R-12)', async () => {
      const show = async () =>
        schemas.updateDocument.parse(JSON.parse((await world.curl('/v1/update')).body));
      assert.equal((await show()).update, null);
      await put('locals/a', stateText());
      await world.command('LOCAL_RUN', 'locals/a');
      await world.until(async () => (await show()).update?.phase === 'testing');
      const { update, clock } = await show();
      assert.deepEqual([update?.name, update?.kind, update?.status], ['locals/a', 'live', 'TESTING']);
      assert.equal(update?.until_ms, clock.monotonic_ms + 25_000);
      const busy = await world.command('LOCAL_RUN', 'locals/a');
      assert.equal(busy.status, 503);
      assert.match(busy.head, /^retry-after: 600$/im);
      await world.until(async () => {
        await world.pass(30);
        return !world.updates.updating;
      });
      assert.equal((await show()).update, null);
    });
  });

  describe('garbage collection (control API §6.13)', () => {
    it('says what it would do and why, and then does it (§11 test 45)', async () => {
      const loose = await world.store.put('12345');
      await put('locals/a', stateText());
      const foreseen = schemas.collection.parse(JSON.parse((await world.curl('/v1/gc')).body));
      assert.deepEqual(foreseen.removed, ['trails/locals/a', `objects/${loose}`]);
      assert.equal(foreseen.reclaimed, 5);
      assert.ok(foreseen.kept.some(({ what, because }) => what === 'trails/0' && because === 'it runs'));
      assert.deepEqual(await answer('/storage/gc', '-X', 'POST'), [200, '{"reclaimed": 5}']);
      assert.deepEqual(await answer('/steps/locals/a'), MISSING);
      assert.equal(world.store.names('objects').includes(loose), false);
      assert.deepEqual(await answer('/storage/gc', '-X', 'POST'), [200, '{"reclaimed": 0}']);
      assert.equal(world.store.names('objects').includes(sha256('a root file system')), true);
    });
  });

  it('says so where there is no store (control API §1)', async () => {
    const { callRoute } = await import('../../support/call-route.ts');
    const { stepRoutes } = await import('../../../adapters/control/routes/steps.ts');
    const reply = await callRoute({ routes: stepRoutes, method: 'GET', target: '/steps', control: {} });
    assert.deepEqual([reply.status, reply.body], [500, '{"Error":"State not loaded yet"}']);
  });
});
