/** What keeps the device awake, and when (logs and metadata §12, control API §6.14). */

import assert from 'node:assert/strict';
import { createWakelocks } from '../../actors/wakelocks.ts';
import { wakelockRoutes as routes } from '../../adapters/control/routes/wakelocks.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import { WAKELOCK_SCOPES, type WakelockMode, type WakelockScope } from '../../machines/domain/wakelocks.ts';
import { callRoute } from '../support/call-route.ts';
import { revisionOf } from '../support/revision.ts';
import { boot, checkWorlds } from '../support/world.ts';

/** A kernel that notes what it is asked for, and works until told otherwise. */
function prepare(mode: WakelockMode = 'locks', works = true) {
  const kernel = { works, asked: [] as string[] };
  const ask = (what: string) => () => {
    kernel.asked.push(what);
    return kernel.works;
  };
  const complaints: Fault[] = [];
  const make = () =>
    createWakelocks({ lock: ask('lock'), unlock: ask('unlock') }, mode, (fault) => complaints.push(fault));
  return { kernel, complaints, make };
}

const heldBy = (view: { readonly held: Readonly<Record<WakelockScope, boolean>> }) =>
  WAKELOCK_SCOPES.filter((scope) => view.held[scope]);

describe('wakelocks (logs and metadata §12)', () => {
  afterEach(checkWorlds);

  it('mode disabled: nothing is held, the kernel is not asked', () => {
    const { kernel, make } = prepare('disabled');
    const wakelocks = make();
    wakelocks.hold('update');
    wakelocks.release('update');
    wakelocks.close();
    assert.deepEqual(kernel.asked, []);
    assert.deepEqual(
      { mode: wakelocks.view().mode, count: wakelocks.view().count },
      { mode: 'disabled', count: 0 },
    );
  });

  it('each scope counts once; the kernel hears of the first and the last', () => {
    const { kernel, make } = prepare();
    const wakelocks = make();
    assert.deepEqual(heldBy(wakelocks.view()), ['boot']);
    wakelocks.hold('update');
    wakelocks.hold('update');
    assert.equal(wakelocks.view().count, 2);
    wakelocks.release('boot');
    wakelocks.release('boot');
    assert.equal(wakelocks.view().count, 1);
    assert.deepEqual(kernel.asked, ['lock']);
    wakelocks.release('update');
    assert.deepEqual(kernel.asked, ['lock', 'unlock']);
    wakelocks.hold('debug_shell');
    assert.deepEqual(kernel.asked, ['lock', 'unlock', 'lock']);
    assert.equal(wakelocks.view().degraded, false);
  });

  it('without kernel support: degraded, counted all the same, asked once, no complaint', () => {
    const { kernel, complaints, make } = prepare('locks', false);
    const wakelocks = make();
    wakelocks.release('boot');
    wakelocks.hold('update');
    const { mode, count, degraded } = wakelocks.view();
    assert.deepEqual({ mode, count, degraded }, { mode: 'locks', count: 1, degraded: true });
    assert.deepEqual(kernel.asked, ['lock']);
    assert.deepEqual(complaints, []);
  });

  it('support that ends later degrades, too', () => {
    const { kernel, make } = prepare();
    const wakelocks = make();
    kernel.works = false;
    wakelocks.release('boot');
    assert.equal(wakelocks.view().degraded, true);
  });

  it('mode managed without kernel support is refused', () => {
    const { make } = prepare('managed', false);
    assert.throws(make, (error: unknown) => {
      assert.ok(error instanceof SupervisorError);
      assert.equal(error.fault.code, 'UNSUPPORTED');
      assert.match(error.fault.fix ?? '', /CONFIG_PM_WAKELOCKS/);
      return true;
    });
  });

  it('mode managed with it: active is locks, and it says so', () => {
    const { complaints, make } = prepare('managed');
    assert.equal(make().view().mode, 'locks');
    assert.match(complaints[0]?.message ?? '', /not put to sleep/);
  });

  it('the end gives the kernel lock back, whatever is held', () => {
    const { kernel, make } = prepare();
    const wakelocks = make();
    wakelocks.hold('shutdown');
    wakelocks.close();
    assert.deepEqual(kernel.asked, ['lock', 'unlock']);
  });

  const revision = revisionOf({ g: { goalTimeoutMs: 10_000, containers: { a: { statusGoal: 'READY' } } } });
  for (const { why, readyAfter, steadyMs } of [
    { why: 'its goals are reached', readyAfter: { readyAfter: 3_000 }, steadyMs: 3_000 },
    { why: 'its goals have timed out', readyAfter: {}, steadyMs: 10_000 },
  ]) {
    it(`boot is held until the revision is steady: ${why}; then no stop brings it back`, async () => {
      const { make } = prepare();
      const wakelocks = make();
      const heard = (announcement: Announcement) => wakelocks.hear(announcement);
      const world = await boot(revision, { ways: { a: readyAfter }, heard });
      await world.pass(steadyMs - 1);
      assert.deepEqual(heldBy(wakelocks.view()), ['boot']);
      await world.pass(1);
      assert.deepEqual(heldBy(wakelocks.view()), []);
      await world.order('container.restart', 'a');
      await world.pass(0);
      assert.deepEqual(heldBy(wakelocks.view()), []);
    });
  }

  it('shutdown is held from the stop on, also after the last container has gone', async () => {
    const { kernel, make } = prepare();
    const wakelocks = make();
    const heard = (announcement: Announcement) => wakelocks.hear(announcement);
    const world = await boot(revision, { ways: { a: { readyAfter: 0, halt: 2_000 } }, heard });
    await world.pass(0);
    world.supervisor.send({ type: 'device.stop' });
    await world.pass(0);
    assert.deepEqual(heldBy(wakelocks.view()), ['shutdown']);
    await world.pass(2_000);
    assert.equal(world.supervisor.phase(), 'stopped');
    assert.deepEqual(heldBy(wakelocks.view()), ['shutdown']);
    wakelocks.close();
    assert.deepEqual(kernel.asked, ['lock', 'unlock', 'lock', 'unlock']);
  });

  it('GET /wakelocks: every byte (control API §6.14)', async () => {
    const wakelocks = prepare().make();
    wakelocks.hold('update');
    wakelocks.release('boot');
    const control = { wakelocks: () => wakelocks.view() };
    const { status, body } = await callRoute({ routes, method: 'GET', target: '/wakelocks', control });
    assert.equal(status, 200);
    assert.equal(
      body,
      '{"mode":"locks","count":1,"degraded":false,"autosleep":false,"settling":false,"polling":false,"run_window":false,"held":{"boot":false,"update":true,"update_check":false,"devmeta":false,"usrmeta":false,"shutdown":false,"debug_shell":false,"poll":false}}',
    );
  });
});
