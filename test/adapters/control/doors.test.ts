import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createDoors, type Doors, type Serve } from '../../../adapters/control/doors.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { useScratch } from '../scratch.ts';

/** Tells who called, whatever he says. */
const tell: Serve = (socket, visitor) => {
  socket.end(JSON.stringify(visitor), () => socket.destroy());
};

describe('the control sockets (control API §1, design §5, §6)', () => {
  const scratch = useScratch();
  let runDir: string;
  let doors: Doors;
  let reported: unknown[];

  const make = (load: () => Promise<Serve> = async () => tell) =>
    createDoors({ runDir, load, report: (error) => reported.push(error) });
  const hostPath = () => join(runDir, 'pv-ctrl');
  const pathOf = (name: string) => join(runDir, 'doors', name, 'pv-ctrl');
  const call = async (path: string) => text(connect(path));

  beforeEach(() => {
    runDir = scratch();
    reported = [];
    doors = make();
  });
  afterEach(() => doors.closeAll());

  it('are opened one by one, and say who calls', async () => {
    await doors.openHost();
    await doors.open('web');
    assert.equal(await call(hostPath()), '{"kind":"host"}');
    assert.equal(await call(pathOf('web')), '{"kind":"container","name":"web"}');
    assert.ok(!existsSync(pathOf('data')));
  });

  it('let every user of a container in, and nobody but root to that of the host', async () => {
    await doors.openHost();
    await doors.open('web');
    assert.equal(statSync(join(runDir, 'doors', 'web')).mode & 0o777, 0o755);
    assert.equal(statSync(pathOf('web')).mode & 0o777, 0o666);
    assert.equal(statSync(hostPath()).mode & 0o777, 0o600);
  });

  it('are gone as soon as they are closed; the directory stays', async () => {
    await doors.open('web');
    doors.close('web');
    assert.ok(!existsSync(pathOf('web')));
    assert.ok(existsSync(join(runDir, 'doors', 'web')));
  });

  it('can be closed while they are being opened, and opened again', async () => {
    const opening = doors.open('web');
    doors.close('web');
    await opening;
    assert.ok(!existsSync(pathOf('web')));
    await doors.open('web');
    await doors.open('web');
    assert.equal(await call(pathOf('web')), '{"kind":"container","name":"web"}');
  });

  it('cut their connections when they are closed', async () => {
    const held: Serve = (socket) => socket.resume();
    doors = make(async () => held);
    await doors.open('web');
    const socket = connect(pathOf('web'));
    socket.once('connect', () => doors.close('web'));
    assert.equal(await text(socket), '');
  });

  it('are all gone in the end', async () => {
    await doors.openHost();
    await doors.open('web');
    await doors.open('data');
    await doors.closeAll();
    for (const path of [hostPath(), pathOf('web'), pathOf('data')]) assert.ok(!existsSync(path), path);
  });

  it('take the place of what an earlier supervisor has left', async () => {
    mkdirSync(join(runDir, 'doors', 'web'), { recursive: true });
    for (const path of [hostPath(), pathOf('web')]) writeFileSync(path, '');
    await doors.openHost();
    await doors.open('web');
    assert.equal(await call(hostPath()), '{"kind":"host"}');
    assert.equal(await call(pathOf('web')), '{"kind":"container","name":"web"}');
  });

  it('load what serves them once, at the first connection', async () => {
    let loads = 0;
    doors = make(async () => {
      loads += 1;
      return tell;
    });
    await doors.openHost();
    await doors.open('web');
    assert.equal(loads, 0);
    await Promise.all([call(pathOf('web')), call(pathOf('web')), call(hostPath())]);
    assert.equal(loads, 1);
  });

  it('load again after they could not', async () => {
    let loads = 0;
    doors = make(async () => {
      loads += 1;
      if (loads === 1) throw new Error('disk');
      return tell;
    });
    await doors.openHost();
    assert.equal(await call(hostPath()), '');
    assert.deepEqual(reported.map(String), ['Error: disk']);
    assert.equal(await call(hostPath()), '{"kind":"host"}');
  });

  it('that cannot be opened say why', async () => {
    mkdirSync(pathOf('web'), { recursive: true });
    await assert.rejects(doors.open('web'), (error) => {
      assert.ok(error instanceof SupervisorError);
      assert.equal(error.fault.code, 'STORE_FAILED');
      assert.match(error.message, /^opening the control socket .*\/doors\/web\/pv-ctrl failed: /);
      return true;
    });
    await doors.open('data');
    assert.equal(await call(pathOf('data')), '{"kind":"container","name":"data"}');
  });

  it('are refused before anything starts when a path does not fit into a socket address', () => {
    const long = join(runDir, 'd'.repeat(90));
    assert.throws(
      () => createDoors({ runDir: long, load: async () => tell, report: () => undefined }).expect(['web']),
      /107 are possible/,
    );
  });
});
