/** Which drivers are loaded before a start, and what a failure means (lifecycle §10, R-03; ideas of §22 by number). */

import assert from 'node:assert/strict';
import type { ContainerSpec } from '../../machines/domain/revision.ts';
import { revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

describe('drivers at run time (lifecycle §10)', () => {
  afterEach(checkWorlds);

  const offering = (...aliases: string[]) => ({
    driverSections: [
      {
        scope: 'all' as const,
        match: '',
        aliases: new Map(aliases.map((alias) => [alias, [`${alias}_mod`]])),
      },
    ],
  });
  const needs = (parts: Partial<ContainerSpec['drivers']>) => ({
    drivers: { required: [], optional: [], manual: [], ...parts },
  });
  const fault = { code: 'MODULE_FAILED', message: 'modprobe can_mod: not found' } as const;

  for (const { why, drivers, options, failures } of [
    {
      why: 'idea 44, R-03: a required driver that is not offered fails the start',
      drivers: needs({ required: ['wifi'] }),
      options: {},
      failures: ['a MODULE_FAILED'],
    },
    {
      why: 'R-03: a required driver that does not load fails the start',
      drivers: needs({ required: ['can'] }),
      options: { modules: { can_mod: { loadFails: { fault, times: 1 } } } },
      failures: ['a MODULE_FAILED'],
    },
    {
      why: 'idea 44: an optional driver that is not offered does not',
      drivers: needs({ optional: ['wifi'] }),
      options: {},
      failures: [],
    },
    {
      why: 'an optional driver that does not load does not',
      drivers: needs({ optional: ['can'] }),
      options: { modules: { can_mod: { loadFails: { fault, times: 1 } } } },
      failures: [],
    },
    {
      why: 'a manual driver that is not offered does not, nor is it loaded',
      drivers: needs({ manual: ['wifi'] }),
      options: {},
      failures: [],
    },
  ]) {
    it(why, async () => {
      const world = await boot(revisionOf({ g1: { containers: { a: drivers } } }, offering('can')), options);
      await world.pass(0);
      assert.deepEqual(world.failures(), failures);
      assert.equal(world.host.starts('a'), failures.length === 0 ? 1 : 0);
    });
  }

  it('an optional driver that does not load is complained of', async () => {
    const options = { modules: { can_mod: { loadFails: { fault, times: 1 } } } };
    const revision = revisionOf({ g1: { containers: { a: needs({ optional: ['can'] }) } } }, offering('can'));
    const world = await boot(revision, options);
    await world.pass(0);
    const complaints = world.host.diary.filter(({ line }) => line.startsWith('complaint: '));
    assert.deepEqual(
      complaints.map(({ line }) => line),
      [`complaint: ${fault.message}`],
    );
    assert.equal(world.host.starts('a'), 1);
  });

  it('required ones are loaded before optional ones, in their order', async () => {
    const drivers = needs({ required: ['r1', 'r2'], optional: ['o1'] });
    const world = await boot(revisionOf({ g1: { containers: { a: drivers } } }, offering('o1', 'r2', 'r1')));
    assert.deepEqual(world.host.calls, ['mount a', 'load r1_mod', 'load r2_mod', 'load o1_mod', 'start a']);
  });

  it('idea 45: stopping one of two containers with one alias leaves the module loaded', async () => {
    const drivers = needs({ required: ['can'] });
    const world = await boot(revisionOf({ g1: { containers: { a: drivers, b: drivers } } }, offering('can')));
    await world.pass(0);
    await world.order('container.stop', 'a');
    await world.pass(0);
    assert.deepEqual([...world.host.modules], ['can_mod']);
    assert.ok(!world.host.calls.some((call) => call.startsWith('unload')));
  });
});
