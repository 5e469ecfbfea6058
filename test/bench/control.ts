/** Measurements on the control API: `statevisor sim --listen` as a process of its own, with the real server in front of a
 *  device of a hundred containers. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Bench } from './device.ts';
import { median } from './processes.ts';

export interface ControlFigures {
  /** `GET /containers`, from connecting to the end of the answer. */
  readonly listMs: number;
  /** One client, one connection for each request. */
  readonly requestsPerSecond: number;
}

export async function measureControl({ launcher, directory }: Bench, count: number): Promise<ControlFigures> {
  const home = join(directory, 'control');
  mkdirSync(home);
  const scenario = join(home, 'device.yaml');
  const containers = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`container-${i}`, { group: 'app' }]),
  );
  const expect = [{ containers: { 'container-0': 'STARTED' } }];
  writeFileSync(
    scenario,
    JSON.stringify({ title: 'Bench', lesson: 'Many containers.', revision: { containers }, expect }),
  );
  const device = spawn(launcher, ['sim', '--listen', home, scenario], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    await listening(device);
    const socket = join(home, 'pv-ctrl');
    // Warm, as after a minute of use.
    for (let i = 0; i < 2_000; i += 1) await ask(socket, '/groups');
    const times: number[] = [];
    for (let i = 0; i < 500; i += 1) {
      const begun = performance.now();
      const answer = await ask(socket, '/containers');
      times.push(performance.now() - begun);
      const listed = answer.split('"name":').length - 1;
      if (listed !== count) throw new Error(`${listed} containers of ${count} are listed`);
    }
    const begun = performance.now();
    for (let i = 0; i < 5_000; i += 1) await ask(socket, '/groups');
    return { listMs: median(times), requestsPerSecond: 5_000_000 / (performance.now() - begun) };
  } finally {
    const gone = once(device, 'exit');
    device.kill('SIGTERM');
    await gone;
  }
}

async function listening(device: ChildProcess): Promise<void> {
  if (device.stderr === null) throw new Error('the simulator has no stderr');
  const [line] = (await once(device.stderr, 'data')) as [Buffer];
  if (!`${line}`.startsWith('statevisor: serving')) throw new Error(`${line}`);
}

function ask(path: string, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path, () => socket.write(`GET ${target} HTTP/1.0\r\n\r\n`));
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.once('error', reject).once('end', () => {
      if (answer.startsWith('HTTP/1.1 200 ')) resolve(answer);
      else reject(new Error(`GET ${target}: ${answer.slice(0, 100)}`));
    });
  });
}
