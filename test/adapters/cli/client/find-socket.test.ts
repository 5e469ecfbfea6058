import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { findSocket, type SocketFlags } from '../../../../adapters/cli/client/find-socket.ts';
import { revisionOf } from '../../../support/revision.ts';
import { useScratch } from '../../scratch.ts';
import { statevisor } from '../command.ts';
import { closeServed, serve } from './served.ts';

describe('which socket a client talks to', () => {
  const scratch = useScratch();
  const open: Server[] = [];
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function directory(...names: readonly string[]): Promise<string> {
    const path = scratch();
    for (const name of names) {
      const server = createServer().listen(join(path, name));
      open.push(server);
      await new Promise((listening) => server.once('listening', listening));
    }
    return path;
  }

  const cases: readonly {
    why: string;
    flags?: SocketFlags;
    environment?: Record<string, string>;
    expected: string;
  }[] = [
    {
      why: '--socket comes first',
      flags: { socket: 'a', runDir: '.' },
      environment: { SOCKET: 'b' },
      expected: 'a',
    },
    { why: 'then --run-dir', flags: { runDir: '.' }, environment: { SOCKET: 'b' }, expected: 'pv-ctrl' },
    { why: 'then SOCKET', environment: { SOCKET: 'b', PV_SYSTEM_RUNDIR: '.' }, expected: 'b' },
    { why: 'then PV_SYSTEM_RUNDIR', environment: { SOCKET: '', PV_SYSTEM_RUNDIR: '.' }, expected: 'pv-ctrl' },
    { why: 'then the first place that has one', expected: 'a' },
  ];
  for (const { why, flags = {}, environment = {}, expected } of cases) {
    it(`${why}: ${expected}`, async () => {
      const path = await directory('a', 'b', 'pv-ctrl');
      const below = (values: object) =>
        Object.fromEntries(Object.entries(values).map(([key, name]) => [key, name && join(path, name)]));
      const places = ['none', 'a', 'b'].map((name) => join(path, name));
      assert.equal(findSocket(below(flags), below(environment), places), join(path, expected));
    });
  }

  it('names all that was tried, and what to do', () => {
    const path = scratch();
    writeFileSync(join(path, 'file'), '');
    assert.throws(() => findSocket({}, {}, [join(path, 'a'), join(path, 'file'), join(path, 'file/b')]), {
      message: `found no control socket; tried ${path}/a, ${path}/file (no socket), ${path}/file/b. Start a supervisor with statevisor run, or name its socket with --socket PATH`,
    });
  });

  it('does not go on to another one than was named', () => {
    const path = scratch();
    assert.throws(() => findSocket({ runDir: path }, {}, []), {
      message: `found no control socket (named by --run-dir); tried ${path}/pv-ctrl. Start a supervisor with statevisor run, or name its socket with --socket PATH`,
    });
  });
});

describe('a client without a supervisor ends with 7', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  const verbs = [
    ...['ps', 'groups', 'status', 'explain', 'events', 'signal', 'drivers', 'meta', 'reboot', 'poweroff'],
    ...[
      'start web --wait',
      'stop web',
      'restart web',
      'config --live',
      'drivers load x',
      'meta device get x',
    ],
  ];
  for (const verb of verbs) {
    it(`statevisor ${verb}`, async () => {
      const { code, out, err } = await statevisor(...verb.split(' '), '--run-dir', scratch());
      assert.deepEqual([code, out], [7, '']);
      assert.match(
        err,
        /^statevisor: found no control socket \(named by --run-dir\); tried [^ ]+\/pv-ctrl\. Start/,
      );
    });
  }

  it('when its socket is there and nobody listens', async () => {
    const path = join(scratch(), 'pv-ctrl');
    // Closing would remove it; a supervisor that is killed leaves it.
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    assert.equal(spawnSync(process.execPath, ['-e', script]).signal, 'SIGKILL');
    const { code, err } = await statevisor('ps', '--socket', path);
    assert.deepEqual(
      [code, err],
      [
        7,
        `statevisor: nobody listens at ${path}: its supervisor has ended. Start a supervisor with statevisor run, or name another socket with --socket\n`,
      ],
    );
  });

  it('when the path is longer than a socket address', async () => {
    const { code, err } = await statevisor('ps', '--socket', join(scratch(), 'x'.repeat(120)));
    assert.equal(code, 7);
    assert.match(err, /^statevisor: /);
  });

  it('when whoever listens there does not speak HTTP, or goes away', async () => {
    for (const [answer, says] of [
      ['SSH-2.0\r\n', /no connection to .*: HPE_/],
      ['', /went away before it had answered/],
    ] as const) {
      const path = join(scratch(), 's');
      const server = createServer((socket) => socket.end(answer)).listen(path);
      const { code, err } = await statevisor('ps', '--socket', path);
      server.close();
      assert.equal(code, 7);
      assert.match(err, says);
    }
  });
});

describe('a container with a name beyond ASCII', () => {
  const scratch = useScratch();
  afterEach(closeServed);

  it('is found by explain', async () => {
    const { type } = await serve(revisionOf({ app: { containers: { größe: {} } } }), { runDir: scratch() });
    assert.match((await type('explain', 'größe')).out, /^größe has been STARTED/);
  });
});
