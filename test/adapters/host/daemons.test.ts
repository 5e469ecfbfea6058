/** Helper processes for real: shell scripts that stand for daemons. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DaemonProcess } from '../../../actors/ports.ts';
import {
  createDaemonSpawner,
  daemonDirectories,
  type OpenDaemonSpawner,
} from '../../../adapters/host/daemons.ts';
import { openKernel } from '../../../adapters/host/open-kernel.ts';
import { packageRoot } from '../../../adapters/package-root.ts';
import { processStart } from '../../../adapters/store/boot.ts';
import type { DaemonFact } from '../../../machines/domain/daemon.ts';
import { useScratch } from '../scratch.ts';

const BOOT = '01234567-89ab-cdef-0123-456789abcdef';
/** The trap comes before the word, so that who has read it may send the signal. */
const OBEYS = 'sleep 1000 & trap "kill $!; exit 0" TERM; echo "up as $$"; while :; do wait; done';
const IGNORES = 'trap "" TERM; sleep 1000 & echo "up as $$"; while :; do wait; done';

/** What comes one after the other, to be awaited in this order. */
class Inbox<T> {
  readonly #come: T[] = [];
  readonly #awaited: ((item: T) => void)[] = [];

  readonly put = (item: T): void => {
    const waiting = this.#awaited.shift();
    if (waiting === undefined) this.#come.push(item);
    else waiting(item);
  };

  next(): Promise<T> {
    const item = this.#come.shift();
    return item === undefined ? new Promise((resolve) => this.#awaited.push(resolve)) : Promise.resolve(item);
  }
}

describe('daemons on a device (control API §6.12)', function () {
  this.timeout(20_000);
  const scratch = useScratch();
  const { kernel } = openKernel(packageRoot());
  const spawners: OpenDaemonSpawner[] = [];
  const groups = new Set<number>();
  let directory: string;
  beforeEach(() => {
    directory = scratch();
    mkdirSync(join(directory, 'programs'));
  });
  afterEach(() => {
    for (const spawner of spawners.splice(0)) spawner.close();
    for (const group of groups) if (processStart(group) !== undefined) process.kill(-group, 'SIGKILL');
    groups.clear();
  });

  const install = (script: string, name = 'pv-xconnect') => {
    const path = join(directory, 'programs', name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  };
  const open = (bootId = BOOT) => {
    const lines = new Inbox<string>();
    const spawner = createDaemonSpawner({
      kernel,
      runDir: directory,
      bootId,
      directories: [join(directory, 'nothing here'), join(directory, 'programs')],
      say: (daemon, line) => lines.put(`${daemon}: ${line}`),
    });
    spawners.push(spawner);
    const begin = (name = 'pv-xconnect') => {
      const facts = new Inbox<DaemonFact>();
      return { facts, process: spawner.spawn(name, facts.put) };
    };
    return { lines, begin, spawner };
  };
  const pidOf = async (facts: Inbox<DaemonFact>): Promise<number> => {
    const fact = await facts.next();
    assert.equal(fact.type, 'daemon.started');
    const pid = fact.type === 'daemon.started' ? fact.pid : 0;
    groups.add(pid);
    return pid;
  };
  const ends = async (facts: Inbox<DaemonFact>) =>
    assert.deepEqual(await facts.next(), { type: 'daemon.exited' });

  it('starts, is heard, and ends on SIGTERM', async () => {
    install(OBEYS);
    const { lines, begin } = open();
    const { facts, process } = begin();
    const pid = await pidOf(facts);
    assert.equal(await lines.next(), `pv-xconnect: up as ${pid}`);
    process.terminate();
    await ends(facts);
    assert.equal(await lines.next(), 'pv-xconnect: exited with status 0');
    assert.equal(processStart(pid), undefined);
  });

  it('is killed with its children when it ignores SIGTERM', async () => {
    install(IGNORES);
    const { lines, begin } = open();
    const { facts, process } = begin();
    const pid = await pidOf(facts);
    await lines.next();
    process.terminate();
    process.kill();
    await ends(facts);
    assert.equal(await lines.next(), 'pv-xconnect: was killed by SIGKILL');
    assert.equal(processStart(pid), undefined);
  });

  it('says how it ended by itself', async () => {
    install('exit 7');
    const { lines, begin } = open();
    const { facts } = begin();
    await pidOf(facts);
    await ends(facts);
    assert.equal(await lines.next(), 'pv-xconnect: exited with status 7');
  });

  it('has the arguments that belong to it', async () => {
    install('echo "$@"', 'rngd');
    const { lines, begin } = open();
    begin('hwrngd');
    assert.equal(await lines.next(), 'hwrngd: -f');
  });

  it('is missing without an executable', async () => {
    const { begin } = open();
    assert.deepEqual(await begin().facts.next(), { type: 'daemon.missing' });
    writeFileSync(join(directory, 'programs', 'pv-dbus'), '');
    assert.deepEqual(await begin('pv-dbus').facts.next(), { type: 'daemon.missing' });
    assert.ok(!existsSync(join(directory, 'daemons')));
  });

  it('is not started when it cannot be written down, and says why', async () => {
    install(OBEYS);
    writeFileSync(join(directory, 'daemons'), 'in the way');
    const fact = await open().begin().facts.next();
    assert.ok(fact.type === 'daemon.exited' && fact.fault !== undefined);
    assert.equal(fact.fault.code, 'START_FAILED');
    assert.match(fact.fault.message, /starting daemon pv-xconnect failed/);
  });

  it('of a long line only the beginning is told', async () => {
    install('head -c 100000 /dev/zero | tr "\\0" x; echo; echo end');
    const { lines, begin } = open();
    begin();
    assert.equal((await lines.next()).length, 'pv-xconnect: '.length + 4096);
    assert.equal(await lines.next(), 'pv-xconnect: end');
  });

  const detach = (daemon: DaemonProcess, spawner: OpenDaemonSpawner) => {
    daemon.detach();
    spawner.close();
  };

  it('outlives its supervisor; the next one takes it over: same pid, heard, and its end is told (R-08)', async () => {
    install(`trap "echo still here" USR1; ${OBEYS}`);
    const first = open();
    const begun = first.begin();
    const pid = await pidOf(begun.facts);
    await first.lines.next();
    detach(begun.process, first.spawner);

    const second = open();
    const adopted = second.begin();
    assert.equal(await pidOf(adopted.facts), pid);
    process.kill(pid, 'SIGUSR1');
    assert.equal(await second.lines.next(), 'pv-xconnect: still here');
    adopted.process.terminate();
    await ends(adopted.facts);
    assert.equal(await second.lines.next(), 'pv-xconnect: ended');
    assert.notEqual(await pidOf(second.begin().facts), pid);
    assert.match(await second.lines.next(), /up as/);
  });

  it('that was taken over is killed with its children', async () => {
    install(IGNORES);
    const first = open();
    const begun = first.begin();
    const pid = await pidOf(begun.facts);
    await first.lines.next();
    detach(begun.process, first.spawner);
    const { facts, process } = open().begin();
    await pidOf(facts);
    process.kill();
    await ends(facts);
    assert.equal(processStart(pid), undefined);
  });

  it('a record of another boot, or of a process that is gone, means nothing', async () => {
    install(OBEYS);
    const first = open();
    const begun = first.begin();
    const pid = await pidOf(begun.facts);
    await first.lines.next();
    detach(begun.process, first.spawner);
    const other = open('another boot');
    assert.notEqual(await pidOf(other.begin().facts), pid);
    await other.lines.next();

    mkdirSync(join(directory, 'other', 'daemons'), { recursive: true });
    const stat = readFileSync('/proc/self/stat', 'latin1').split(' ');
    stat[21] = '1';
    writeFileSync(join(directory, 'other', 'daemons', 'pv-xconnect'), `${BOOT}\n${stat.join(' ')}`);
    directory = join(directory, 'other');
    assert.deepEqual(await open().begin().facts.next(), { type: 'daemon.missing' });
  });

  it('there is no second copy after kill -9 of the supervisor (R-08)', async () => {
    install(OBEYS);
    const owner = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', new URL('daemon-owner.ts', import.meta.url).pathname],
        ...[directory, BOOT, join(directory, 'programs')],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const pid = Number(/^pv-xconnect: up as (\d+)$/.exec(line)?.[1]);
    groups.add(pid);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    assert.notEqual(processStart(pid), undefined);
    assert.equal(await pidOf(open().begin().facts), pid);
  });

  it('are looked for in the library directory first, and never by a relative path', () => {
    assert.deepEqual(daemonDirectories('/lib', '/opt/bin::bin:/usr/local/bin'), [
      '/lib/pv',
      '/opt/bin',
      '/usr/local/bin',
      '/usr/bin',
      '/bin',
      '/usr/sbin',
      '/sbin',
    ]);
  });
});
