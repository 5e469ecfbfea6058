/** Hooks of a device, as shell scripts: which are run, what they see, and when they count as failed. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { chmodSync, closeSync, constants, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { HookFacts, Hooks } from '../../../actors/update-ports.ts';
import { run } from '../../../adapters/host/exec.ts';
import { createHooks, hookEnvironment } from '../../../adapters/host/hooks.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { useScratch } from '../scratch.ts';

const FACTS: HookFacts = { revision: '1', trying: '2', tryBoot: false, status: 'INPROGRESS' };

interface World {
  readonly hooks: Hooks;
  readonly directory: string;
  readonly said: readonly string[];
  /** Emits each of them as `line`. */
  readonly voice: EventEmitter;
  add(name: string, script: string, mode?: number): string;
}

describe('hooks (logs and metadata §8)', () => {
  const scratch = useScratch();

  function world(limitMs?: number): World {
    const libDir = scratch();
    const directory = join(libDir, 'pv/hooks/system.d');
    mkdirSync(directory, { recursive: true });
    const said: string[] = [];
    const voice = new EventEmitter();
    voice.on('line', (line: string) => said.push(line));
    const hooks = createHooks({
      libDir,
      storage: '/storage',
      path: process.env['PATH'],
      say: (source, level, line) => voice.emit('line', `${source} ${level} ${line}`),
      ...(limitMs === undefined ? {} : { limitMs }),
    });
    const add = (name: string, script: string, mode = 0o755) => {
      const path = join(directory, name);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, mode);
      return path;
    };
    return { hooks, directory, said, voice, add };
  }

  it('are none where there is no directory', async () => {
    const hooks = createHooks({
      libDir: join(scratch(), 'none'),
      storage: '/storage',
      path: undefined,
      say: () => undefined,
    });
    await hooks.run('system-start', FACTS);
  });

  it('run in the order of their names; links are followed (L-26, test idea 31)', async () => {
    const { hooks, directory, said, add } = world();
    for (const name of ['20-b', '10-a', '9-c']) add(name, 'echo here');
    symlinkSync(join(directory, '10-a'), join(directory, '15-link'));
    await hooks.run('system-start', FACTS);
    assert.deepEqual(said, ['10-a info here', '15-link info here', '20-b info here', '9-c info here']);
  });

  it('are regular files that their owner may execute, and nothing else', async () => {
    const { hooks, directory, said, add } = world();
    add('readable', 'echo here', 0o644);
    add('for-others', 'echo here', 0o655);
    mkdirSync(join(directory, 'directory'));
    symlinkSync('/nonexistent', join(directory, 'nowhere'));
    await hooks.run('system-start', FACTS);
    assert.deepEqual(said, []);
  });

  it('see what they are run for, and PATH, and nothing else', async () => {
    const { hooks, said, add } = world();
    add('show', '/usr/bin/env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort; echo "$# $(pwd)"');
    await hooks.run('system-install-update', FACTS);
    assert.deepEqual(
      said.map((line) => line.replace('show info ', '')),
      [
        `PATH=${process.env['PATH']}`,
        'PV_OBJ_STORAGE=/storage/objects/',
        'PV_OP=system-install-update',
        'PV_REV=1',
        'PV_STATUS=INPROGRESS',
        'PV_TRAILS_STORAGE=/storage/trails/1',
        'PV_TRY=2',
        'PV_TRYBOOT=false',
        '0 /',
      ],
    );
  });

  const environments = [
    { why: 'a start of a tried revision', point: 'system-start', tryBoot: true, shown: ['2', 'true'] },
    { why: 'an install', point: 'system-install-update', tryBoot: false, shown: ['2', 'false'] },
    { why: 'a commit after a reboot (L-29)', point: 'system-boot-done', tryBoot: false, shown: ['', 'true'] },
    { why: 'goals that are reached in a trial', point: 'system-done', tryBoot: true, shown: ['', 'true'] },
  ] as const;
  for (const { why, point, tryBoot, shown } of environments) {
    it(`know PV_TRY and PV_TRYBOOT of ${why}`, () => {
      const seen = hookEnvironment(point, { ...FACTS, tryBoot }, { storage: '/storage', path: undefined });
      assert.deepEqual([seen['PV_TRY'], seen['PV_TRYBOOT']], shown);
    });
  }

  it('are stopped by the first that fails', async () => {
    const { hooks, said, add } = world();
    add('1', 'echo one');
    add('2', 'echo why >&2; exit 7');
    add('3', 'echo three');
    await assert.rejects(
      hooks.run('system-start', FACTS),
      failed(/hook 2 for system-start exited with status 7/),
    );
    assert.deepEqual(said, ['1 info one', '2_err warn why']);
  });

  it('fail by a signal, or when they cannot be started', async () => {
    const killed = world();
    killed.add('1', 'kill -9 $$');
    await assert.rejects(killed.hooks.run('system-done', FACTS), failed(/was killed by SIGKILL/));
    const broken = world();
    writeFileSync(join(broken.directory, '1'), '#!/nonexistent/interpreter\n', { mode: 0o755 });
    await assert.rejects(broken.hooks.run('system-done', FACTS), failed(/could not be started: ENOENT/));
  });

  it('that take too long are killed with their children, and have failed (test idea 33)', async () => {
    const { hooks, add } = world(300);
    const fifo = join(scratch(), 'fifo');
    await run('mkfifo', [fifo]);
    add('1', `exec 3> ${fifo}; sleep 1000 & sleep 1000`);
    // It ends with the last process that holds the FIFO open for writing; until the hook had its chance, that is us.
    const reader = new Socket({ fd: openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK) });
    const writer = openSync(fifo, constants.O_WRONLY);
    const ended = once(reader.resume(), 'end');
    await assert.rejects(hooks.run('system-start', FACTS), failed(/took longer than 0\.3 s/));
    closeSync(writer);
    await ended;
  });

  it('may leave something running in the background, which may go on talking', async () => {
    const { hooks, said, voice, add } = world();
    const fifo = join(scratch(), 'fifo');
    await run('mkfifo', [fifo]);
    add('1', `(read word < ${fifo}; echo "$word") & echo started`);
    await hooks.run('system-start', FACTS);
    assert.deepEqual(said, ['1 info started']);
    const line = once(voice, 'line');
    writeFileSync(fifo, 'later\n');
    assert.deepEqual(await line, ['1 info later']);
  });

  it('may say a lot, in lines of any length', async () => {
    const { hooks, said, add } = world();
    add('1', 'head -c 100000 /dev/zero | tr "\\0" x; echo; yes line | head -n 20000; printf "no newline"');
    await hooks.run('system-start', FACTS);
    assert.equal(said[0], `1 info ${'x'.repeat(4096)}`);
    assert.equal(said.length, 20_002);
    assert.equal(said.at(-1), '1 info no newline');
  });
});

function failed(message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof SupervisorError);
    assert.equal(error.fault.code, 'START_FAILED');
    assert.match(error.fault.message, message);
    return true;
  };
}
