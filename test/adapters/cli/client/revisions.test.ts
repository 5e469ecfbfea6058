import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useScratch } from '../../scratch.ts';
import { sha256 } from '../../store/store-world.ts';
import { rememberingTerminal, statevisor } from '../command.ts';
import { rowsOf } from './served.ts';
import { CONF, closeStored, ROOT, serveStored, stateText } from './stored.ts';

const NEXT = 'another root file system';

describe('the revisions of a running supervisor (control API §6.6, §6.7)', () => {
  const scratch = useScratch();
  afterEach(closeStored);
  const checkoutOf = (root: string) => ({
    json: stateText(root),
    [`objects/${sha256(root)}`]: root,
    [`objects/${sha256(CONF)}`]: CONF,
  });

  it('installs a directory: what is missing is sent, then the state', async () => {
    const { type, checkout, store } = await serveStored(scratch());
    const place = checkout(checkoutOf(NEXT));
    assert.deepEqual(await type('install', place, 'locals/blue'), {
      code: 0,
      out: 'locals/blue\n',
      err: 'statevisor: installed; sent 1 of 2 objects, 24 B\n',
    });
    assert.equal(await store.revisions.state('locals/blue'), stateText(NEXT));
    assert.equal(store.read(`objects/${sha256(NEXT)}`), NEXT);
    const again = await type('install', place, '--json');
    assert.deepEqual(JSON.parse(again.out), {
      revision: `locals/${sha256(stateText(NEXT))}`,
      objects: 0,
      bytes: 0,
    });
  });

  it('packs a checkout into the same bytes each time, and installs that under the hash of it', async () => {
    const { type, checkout, store } = await serveStored(scratch());
    const place = checkout({
      'state.json': stateText(NEXT),
      'web/root.squashfs': NEXT,
      'web/lxc.container.conf': CONF,
    });
    const [first, second] = ['a.tgz', 'b.tgz'].map((name) => join(place, name));
    assert.ok(first !== undefined && second !== undefined);
    assert.equal((await statevisor('pack', place, first)).code, 0);
    assert.equal((await statevisor('pack', place, second)).code, 0);
    assert.deepEqual(readFileSync(first), readFileSync(second));
    const { code, out } = await type('install', first);
    assert.deepEqual([code, out], [0, `locals/${sha256(readFileSync(first))}\n`]);
    assert.equal(await store.revisions.state(out.trim()), stateText(NEXT));
  });

  it('lists, shows and comments on revisions', async () => {
    const { type, store } = await serveStored(scratch());
    assert.deepEqual(await type('steps', 'comment', '0', 'as it was made'), { code: 0, out: '', err: '' });
    const rows = rowsOf((await type('steps')).out);
    assert.deepEqual(rows[0], ['REVISION', 'DATE', 'STATUS', 'MESSAGE', 'COMMENT']);
    assert.deepEqual(
      [rows[1]?.[0], ...(rows[1]?.slice(2) ?? [])],
      ['0', 'DONE', 'Factory revision', 'as it was made'],
    );
    assert.equal((await type('steps', 'get', 'current')).out, await store.revisions.state('0'));
    assert.equal((await type('steps', 'progress', '0')).out, 'DONE 100 %: Factory revision\n');
    for (const words of [
      ['get', 'locals/x'],
      ['progress', 'a/b/c'],
      ['comment', 'x', 'text'],
    ]) {
      const { code, err } = await type('steps', ...words);
      assert.deepEqual(
        [code, err],
        [3, `statevisor: there is no revision ${words[1]}. statevisor steps lists them\n`],
      );
    }
  });

  it('lists, stores and gives objects', async () => {
    const { type, checkout } = await serveStored(scratch());
    const file = join(checkout({ file: NEXT }), 'file');
    assert.deepEqual(await type('objects', 'put', file), { code: 0, out: `${sha256(NEXT)}\n`, err: '' });
    assert.deepEqual(await type('objects', 'get', sha256(NEXT)), { code: 0, out: NEXT, err: '' });
    const rows = rowsOf((await type('objects')).out).slice(1);
    assert.deepEqual(
      rows.map(([id]) => id),
      [ROOT, CONF, NEXT].map((content) => sha256(content)).sort(),
    );
    assert.equal((await type('objects', 'get', 'a'.repeat(64))).code, 3);
    assert.equal((await type('objects', 'put', `${file}.none`)).code, 3);
  });

  it('plans against the running revision', async () => {
    const { type, checkout } = await serveStored(scratch());
    const place = checkout(checkoutOf(NEXT));
    await type('install', place, 'locals/blue');
    const named = await type('plan', 'locals/blue');
    assert.match(named.out, /^live: no reboot\n {2}restart: web\nbecause\n/);
    assert.deepEqual(await type('plan', join(place, 'json')), named);
    assert.equal((await type('plan', 'locals/red')).code, 3);
  });

  it('applies a live update and waits for it, quietly; then goes back', async () => {
    const { type, typeAndWait, checkout, updates } = await serveStored(scratch());
    await type('install', checkout(checkoutOf(NEXT)), 'locals/blue');
    assert.deepEqual(await typeAndWait('apply', '--wait', 'locals/blue'), {
      code: 0,
      out: 'locals/blue: UPDATED, Update finished, revision not set as rollback point\n',
      err: '',
    });
    assert.equal(updates.running?.name, 'locals/blue');
    const { code, out, err } = await typeAndWait('rollback', '--wait', '--json');
    assert.deepEqual([code, JSON.parse(out).revision, err], [0, '0', 'statevisor: back to 0\n']);
    assert.equal(updates.running?.name, '0');
    assert.deepEqual(await type('apply', 'locals/red'), {
      code: 3,
      out: '',
      err: 'statevisor: there is no revision locals/red. statevisor steps lists them\n',
    });
  });

  it('ends with 1 and the message of an update that fails, also when it failed before', async () => {
    const { typeAndWait, store, updates } = await serveStored(scratch());
    await store.revisions.writeState('locals/broken', stateText('nowhere'));
    for (const time of ['first', 'second']) {
      const { code, out, err } = await typeAndWait('apply', '--wait', 'locals/broken');
      assert.deepEqual([code, out], [1, ''], `${time}: ${err}`);
      assert.match(err, /^statevisor: locals\/broken: (ERROR|WONTGO), .+\n$/);
    }
    assert.equal(updates.running?.name, '0');
  });

  it('ends with 6 when the time to wait is over, and with 5 while an update is under way', async () => {
    const { type, checkout } = await serveStored(scratch());
    await type('install', checkout(checkoutOf(NEXT)), 'locals/blue');
    assert.deepEqual(await type('apply', '--wait=0.2', 'locals/blue'), {
      code: 6,
      out: '',
      err: 'statevisor: locals/blue: not over after 0.2 s; it goes on\n',
    });
    const { code, err } = await type('apply', 'locals/blue');
    assert.equal(code, 5, err);
    assert.match(err, /, in \d+ s at the latest\n$/);
  });

  it('shows on a terminal where an update stands, over a supervisor that goes away', async () => {
    const { type, checkout, updates, until, reopen, socketPath } = await serveStored(scratch());
    await type('install', checkout(checkoutOf(NEXT)), 'locals/blue');
    const { terminal, said } = rememberingTerminal();
    const tty = { ...terminal, err: { ...terminal.err, isTTY: true } };
    const { apply } = await import('../../../../adapters/cli/client/apply.ts');
    const applied = apply('locals/blue', { socket: socketPath, wait: true }, tty);
    await until(() => updates.facts()?.phase === 'testing', 0);
    await until(() => said.err.includes('TESTING testing'), 0);
    await reopen();
    await until(() => said.err.includes('the supervisor is back'), 0);
    let over = false;
    void applied.finally(() => {
      over = true;
    });
    await until(() => over, 1000);
    assert.equal(await applied, 0);
    assert.match(said.err, /TESTING testing, 25s left \(/);
    assert.match(said.out, /^locals\/blue: UPDATED, /);
    assert.ok(said.err.endsWith('\r\u001b[K'));
  });

  it('makes a revision the factory revision once another one can be gone back to', async () => {
    const { type, pass, complaints, updates } = await serveStored(scratch());
    assert.equal((await type('make-factory', 'locals/x')).code, 3);
    const { code, err } = await type('make-factory');
    assert.deepEqual([code, err.startsWith('statevisor: accepted: ')], [0, true]);
    await pass(1);
    assert.match(complaints.at(-1)?.message ?? '', /^MAKE_FACTORY: revision 0 is the factory revision/);
    assert.equal(updates.running?.name, '0');
  });

  it('collects, and says first what keeps the rest', async () => {
    const { type, checkout, store } = await serveStored(scratch());
    await type('install', checkout(checkoutOf(NEXT)), 'locals/blue');
    const dry = await type('gc', '--dry-run');
    const rows = rowsOf(dry.out).slice(1);
    assert.deepEqual(rows.find(([, what]) => what === 'trails/locals/blue')?.[0], 'remove');
    assert.deepEqual(
      rows.find(([, what]) => what === `objects/${sha256(CONF)}`),
      ['keep', `objects/${sha256(CONF)}`, 'revision 0 needs it'],
    );
    assert.equal(dry.err, 'statevisor: would reclaim 24 B\n');
    assert.deepEqual(await type('gc'), { code: 0, out: '', err: 'statevisor: reclaimed 24 B\n' });
    assert.equal(await store.revisions.state('locals/blue'), undefined);
  });
});
