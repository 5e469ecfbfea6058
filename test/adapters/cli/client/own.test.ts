import assert from 'node:assert/strict';
import type { Saying } from '../../../../machines/domain/config.ts';
import { revisionOf } from '../../../support/revision.ts';
import { useScratch } from '../../scratch.ts';
import { closeServed, rowsOf, serve } from './served.ts';

const DONE = { code: 0, out: '', err: '' };
const drivers = { required: ['can'], optional: [], manual: ['wifi', 'lamp'] };
const REVISION = revisionOf(
  {
    app: { containers: { web: { statusGoal: 'READY', roles: ['mgmt'], drivers }, db: { roles: ['mgmt'] } } },
  },
  {
    driverSections: [
      {
        scope: 'all',
        match: '',
        aliases: new Map([
          ['can', ['can_raw']],
          ['wifi', ['iwlwifi']],
        ]),
      },
    ],
  },
);

describe('what a container asks for itself', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  it('signal makes it READY (control API §6.4)', async () => {
    const { typeIn, world } = await serve(REVISION, { runDir: scratch() });
    assert.deepEqual(await typeIn('web', 'signal', 'ready'), DONE);
    assert.equal(world.status('web'), 'READY');
    assert.deepEqual(await typeIn('web', 'signal', '--json'), { ...DONE, out: '{}\n' });
  });

  it('signal ends with 4 where nobody waits for one, and with 2 for another type', async () => {
    const { typeIn, type } = await serve(REVISION, { runDir: scratch() });
    for (const outcome of [await typeIn('db', 'signal'), await type('signal')]) {
      assert.equal(outcome.code, 4);
      assert.match(
        outcome.err,
        /^statevisor: Signal not expected from this platform\. It is for containers with/,
      );
    }
    assert.equal((await type('signal', 'alive')).code, 2);
  });

  it('drivers lists, loads and unloads (control API §6.11)', async () => {
    const { typeIn } = await serve(REVISION, { runDir: scratch() });
    const list = async () => rowsOf((await typeIn('web', 'drivers')).out).slice(1);
    assert.deepEqual(await list(), [
      ['can', 'REQUIRED', 'LOADED'],
      ['wifi', 'MANUAL', 'UNLOADED'],
      ['lamp', 'MANUAL', 'UNKNOWN'],
    ]);
    assert.deepEqual(await typeIn('web', 'drivers', 'load', 'wifi'), DONE);
    assert.deepEqual((await list())[1], ['wifi', 'MANUAL', 'LOADED']);
    assert.deepEqual(await typeIn('web', 'drivers', 'unload'), DONE);
    assert.deepEqual((await list())[1], ['wifi', 'MANUAL', 'UNLOADED']);
    assert.deepEqual(await typeIn('web', 'drivers', 'load', 'lamp'), {
      code: 1,
      out: '',
      err: 'statevisor: Error loading driver\n',
    });
    assert.deepEqual(await typeIn('web', 'drivers', 'load', 'can'), {
      code: 3,
      out: '',
      err: 'statevisor: can is no manual driver of the caller: it has wifi, lamp\n',
    });
    assert.match((await typeIn('web', 'drivers', 'list', '--json')).out, /^\[\{"name":"can",.*\]\n$/);
  });

  it('drivers says that the host has none', async () => {
    const { type } = await serve(REVISION, { runDir: scratch() });
    assert.deepEqual(await type('drivers'), {
      code: 0,
      out: '',
      err: 'statevisor: the caller has no drivers: those of a container are shown inside it\n',
    });
    assert.deepEqual(await type('drivers', '--json'), { ...DONE, out: '{}\n' });
    assert.equal((await type('drivers', 'load', 'wifi')).code, 3);
    assert.deepEqual(await type('drivers', 'load'), {
      ...DONE,
      err: 'statevisor: nothing to load: the caller has no manual drivers\n',
    });
  });
});

describe('statevisor meta (control API §6.8)', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  it('lists, gets, sets and deletes', async () => {
    const { type } = await serve(REVISION, { runDir: scratch() });
    assert.deepEqual(rowsOf((await type('meta')).out), [
      ['KEY', 'VALUE'],
      ['plan', '{"a":[1]}'],
      ['web.color', 'red'],
    ]);
    assert.deepEqual(await type('meta', 'set', 'web.size', 'a\nb'), DONE);
    assert.deepEqual(rowsOf((await type('meta', 'user', 'list')).out)[1], ['web.size', 'a\\nb']);
    assert.deepEqual(await type('meta', 'get', 'web.size'), { ...DONE, out: 'a\nb\n' });
    assert.deepEqual(await type('meta', 'get', 'web.size', '--json'), { ...DONE, out: '"a\\nb"\n' });
    assert.deepEqual(await type('meta', 'user', 'get', 'plan'), { ...DONE, out: '{"a":[1]}\n' });
    assert.deepEqual(await type('meta', 'user', 'delete', 'web.size', '--json'), { ...DONE, out: '{}\n' });
    assert.deepEqual(await type('meta', '--json'), {
      ...DONE,
      out: '{"plan":{"a":[1]},"web.color":"red"}\n',
    });
  });

  it('shows and changes that of the device', async () => {
    const { type } = await serve(REVISION, { runDir: scratch() });
    assert.deepEqual(await type('meta', 'device', 'set', 'place', 'attic'), DONE);
    assert.deepEqual(await type('meta', 'device', 'get', 'place'), { ...DONE, out: 'attic\n' });
    assert.match((await type('meta', 'device', '--json')).out, /"pantavisor.revision":"locals\/blue"/);
  });

  const wrong: readonly { words: readonly string[]; code: number; says: RegExp }[] = [
    { words: ['get', 'nothing'], code: 3, says: /there is no user-meta "nothing"/ },
    { words: ['delete', 'nothing'], code: 3, says: /User meta does not exist/ },
    { words: ['device', 'delete', 'nothing'], code: 3, says: /Device meta does not exist/ },
    { words: ['set', 'a/b', 'x'], code: 2, says: /"a\/b" can be no key: the key contains "\/"/ },
    { words: ['set', 'a b', 'x'], code: 2, says: /"a b" can be no key: it contains a blank/ },
    { words: ['set', 'a', ''], code: 2, says: /a value has 1 to 4096 bytes, this one 0/ },
    { words: ['set', 'a', 'x'.repeat(4097)], code: 2, says: /this one 4097/ },
    { words: ['set', 'a'], code: 2, says: /missing required argument 'value'/ },
    { words: ['sett', 'a', 'x'], code: 2, says: /too many arguments|unknown command/ },
  ];
  for (const { words, code, says } of wrong) {
    it(`ends with ${code} after: statevisor meta ${words.join(' ').slice(0, 40)}`, async () => {
      const { type } = await serve(REVISION, { runDir: scratch() });
      const outcome = await type('meta', ...words);
      assert.deepEqual([outcome.code, outcome.out], [code, '']);
      assert.match(outcome.err, says);
    });
  }
});

describe('statevisor config --live (control API §6.10)', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  const sayings: readonly Saying[] = [
    { level: 'env', place: 'environment', name: 'PV_LOG_LEVEL', text: '4' },
    { level: 'ph cmdline', place: 'kernel command line', name: 'PH_CREDS_SECRET', text: 'hunter2' },
  ];

  it('shows what is in force, as a run is shown, secrets hidden', async () => {
    const { type } = await serve(REVISION, { runDir: scratch(), sayings });
    const { code, out, err } = await type('config');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^PV_LOG_LEVEL +4 +env$/m);
    assert.match(out, /^PH_CREDS_SECRET +\*{8} +ph cmdline$/m);
    assert.match(out, /^PV_STORAGE_DEVICE +\(null\) +default$/m);
    await type('meta', 'set', 'PV_LOG_LEVEL', '5');
    assert.match(
      (await type('config', 'explain', 'log.level', '--live')).out,
      /^PV_LOG_LEVEL is 5, from metadata\nold name /,
    );
    const live = JSON.parse((await type('config', '--json')).out) as readonly { key: string }[];
    assert.deepEqual(
      live.find(({ key }) => key === 'PV_LOG_LEVEL'),
      { key: 'PV_LOG_LEVEL', alias: 'log.level', value: 5, modified: 'metadata', own: false },
    );
  });

  it('ends with 3 for what is no key, and with 2 for words about a run that is to be', async () => {
    const { type } = await serve(REVISION, { runDir: scratch() });
    const { code, err } = await type('config', 'explain', 'log.levels');
    assert.deepEqual(
      [code, err],
      [3, 'statevisor: there is no key "log.levels". statevisor config lists all keys\n'],
    );
    assert.match(
      (await type('config', '--cmdline', 'x')).err,
      /'--socket <path>' cannot be used with option '--cmdline/,
    );
  });
});

describe('statevisor reboot and poweroff (control API §6.5)', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  for (const [verb, words] of [
    ['reboot', 'reboots'],
    ['poweroff', 'powers off'],
  ] as const) {
    it(`${verb} is accepted once, and then the slot is taken (R-10)`, async () => {
      const { type, world } = await serve(REVISION, { runDir: scratch(), ways: { web: { halt: 1000 } } });
      assert.deepEqual(await type(verb, 'new', 'kernel'), {
        code: 0,
        out: '',
        err: `statevisor: accepted: the device ${words} when all containers have stopped\n`,
      });
      assert.deepEqual(await type(verb), {
        code: 5,
        out: '',
        err: 'statevisor: A command is already in progress. Try again, in 120 s at the latest\n',
      });
      await world.pass(5000);
      const told = verb === 'reboot' ? world.host.reboots : world.host.powerOffs;
      assert.match(told[0]?.message ?? '', /new kernel/);
    });
  }
});
