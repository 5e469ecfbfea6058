import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createDoors, type Doors } from '../../../adapters/control/doors.ts';
import { rootfsDir } from '../../../machines/domain/layout.ts';
import { follow, LxcWorld, OBEYS, WAITS } from './lxc-world.ts';

const NAME = 'lxcw-call';

describe('the control socket of a container on LXC (control API §1, design §6)', () => {
  let world: LxcWorld;
  let doors: Doors;
  beforeEach(() => {
    world = new LxcWorld();
    doors = openDoors();
  });
  afterEach(async () => {
    await doors.closeAll();
    const left = world.leftovers();
    world.close();
    assert.deepEqual(left, [], 'left behind');
    assert.deepEqual(world.complaints, []);
  });

  /** Each tells who calls. */
  function openDoors(): Doors {
    return createDoors({
      runDir: world.layout.runDir,
      load: async () => (socket, visitor) => socket.end(JSON.stringify(visitor), () => socket.destroy()),
      report: (error) => assert.fail(String(error)),
    });
  }

  const path = () => join(world.layout.runDir, 'doors', NAME, 'pv-ctrl');
  const call = () => text(connect(path()));

  it('is there when its init begins, and gone when it has ended', async () => {
    const runtime = world.runtime({ doors });
    const container = world.container(NAME, { init: '[ -S /pantavisor/pv-ctrl ] && exit 5' });
    assert.ok(!existsSync(path()));
    const running = follow((tell) => runtime.start(container, 1, tell));
    assert.deepEqual(await running.exited, { kind: 'code', code: 5 });
    assert.ok(!existsSync(path()));
  });

  it('is gone after a start that failed', async () => {
    const runtime = world.runtime({ doors });
    const running = follow((tell) => runtime.start(world.container(NAME), 1, tell));
    assert.equal((await running.exited).kind, 'startFailed');
    assert.ok(!existsSync(path()));
  });

  it('is opened anew for a container that is adopted, which sees it (R-08)', async () => {
    const init = `${OBEYS.replace(WAITS, '')}while [ ! -e /tmp/again ]; do sleep 0.01; done
[ -S /pantavisor/pv-ctrl ] && : > /tmp/seen
${WAITS}`;
    const container = world.container(NAME, { init });
    const before = world.runtime({ doors });
    const first = follow((tell) => before.start(container, 1, tell));
    await world.appears(NAME, 'tmp/ready');
    first.process.detach();
    before.close();
    await doors.closeAll();
    assert.ok(!existsSync(path()));

    doors = openDoors();
    const after = world.runtime({ doors });
    const [survivor] = await after.survivors([container]);
    assert.ok(survivor !== undefined);
    const second = follow((tell) => after.adopt(container, survivor, tell));
    await second.started;
    assert.equal(await call(), JSON.stringify({ kind: 'container', name: NAME }));
    world.write(join(rootfsDir(world.layout, NAME), 'tmp/again'), '');
    await world.appears(NAME, 'tmp/seen');
    second.process.halt();
    await second.exited;
    assert.ok(!existsSync(path()));
  });
});
