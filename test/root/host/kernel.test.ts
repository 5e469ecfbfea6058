/** The kernel port on the real kernel: both back-ends pass the same tests (design §5). */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel, KernelName } from '../../../adapters/host/kernel.ts';
import { KernelError } from '../../../adapters/host/kernel-error.ts';
import { readMountTable } from '../../../adapters/host/mount-table.ts';
import { openKernel } from '../../../adapters/host/open-kernel.ts';
import { openBoth, UNTOUCHED, useScratchDevice } from './scratch-device.ts';

/** `ENOENT open`, as one string to compare. */
async function failureOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof KernelError, String(error));
    return `${error.code} ${error.syscall}`;
  }
  return 'no failure';
}

for (const name of ['native', 'spawn'] as const satisfies readonly KernelName[]) {
  describe(`the ${name} kernel back-end`, () => {
    const device = useScratchDevice();
    let kernel: Kernel;
    const running: ChildProcess[] = [];
    before(async () => {
      kernel = (await openBoth())[name].kernel;
      assert.equal(kernel.name, name);
    });
    afterEach(() => {
      for (const child of running.splice(0)) child.kill('SIGKILL');
    });

    const directory = (path: string) => {
      const full = join(device().root, path);
      mkdirSync(full, { recursive: true });
      return full;
    };
    const sleeper = async () => {
      const child = spawn('sleep', ['1000']);
      running.push(child);
      await once(child, 'spawn');
      assert.ok(child.pid !== undefined);
      return { child, pid: child.pid };
    };

    it('mounts an image read-only over a loop device that frees itself', async () => {
      const image = device().image('a.squashfs', { hello: 'world' });
      const target = directory('m');
      await kernel.mountImage(image, target, 'squashfs');
      assert.equal(readFileSync(join(target, 'hello'), 'utf8'), 'world');
      assert.throws(() => writeFileSync(join(target, 'x'), ''), { code: 'EROFS' });
      assert.deepEqual(device().traces(), { mounts: ['m'], loops: [image] });
      await kernel.unmount(target);
      assert.deepEqual(device().traces(), UNTOUCHED);
    });

    it('mounts tmpfs with options, and overlays whose paths hold colons and commas', async () => {
      const tmp = directory('t');
      await kernel.mount('tmpfs', tmp, 'tmpfs', { data: 'mode=0700,size=64k' });
      const lower = directory('t/a:b,c');
      writeFileSync(join(lower, 'f'), 'below');
      const [upper, work, target] = [directory('t/u'), directory('t/w'), directory('o')];
      const escaped = lower.replace(/[\\:,]/g, '\\$&');
      const data = `lowerdir=${escaped},upperdir=${upper},workdir=${work}`;
      await kernel.mount('overlay', target, 'overlay', { data });
      assert.equal(readFileSync(join(target, 'f'), 'utf8'), 'below');
      writeFileSync(join(target, 'f'), 'above');
      assert.equal(readFileSync(join(upper, 'f'), 'utf8'), 'above');
    });

    it('mounts read-only where asked', async () => {
      const target = directory('ro');
      await kernel.mount('tmpfs', target, 'tmpfs', { readOnly: true });
      assert.throws(() => writeFileSync(join(target, 'x'), ''), { code: 'EROFS' });
    });

    it('binds files and directories', async () => {
      const file = device().write('file', 'one');
      const second = device().write('second', '');
      await kernel.bind(file, second);
      writeFileSync(second, 'two');
      assert.equal(readFileSync(file, 'utf8'), 'two');
      await kernel.bind(directory('a'), directory('b'));
      writeFileSync(join(device().root, 'b/x'), '');
      assert.ok(existsSync(join(device().root, 'a/x')));
    });

    it('binds a tree with what is mounted below, which its unmounting leaves alone', async () => {
      const tree = directory('tree');
      const inner = directory('tree/inner');
      await kernel.mount('tmpfs', inner, 'tmpfs');
      writeFileSync(join(inner, 'x'), '');
      const copy = directory('copy');
      await kernel.bindTree(tree, copy);
      assert.ok(existsSync(join(copy, 'inner/x')));
      await kernel.unmount(join(copy, 'inner'));
      await kernel.unmount(copy);
      assert.ok(existsSync(join(inner, 'x')));
      assert.deepEqual(device().traces().mounts, ['tree/inner']);
    });

    describe('with PV_LOOP_INDEX_BASE (storage §6.1)', () => {
      /** Nobody else is there, not even another run of the tests. Few bases, for the devices that are made stay. */
      const base = 5000 + (process.pid % 8) * 10;
      let from: Kernel;
      before(async () => {
        from = (await openBoth(base))[name].kernel;
      });
      const loopOf = (target: string) =>
        readMountTable()
          .find((mount) => mount.target === target)
          ?.source.slice('/dev/loop'.length);

      it('takes the first free loop device from there on, made when there is none', async () => {
        const images = ['a', 'b', 'c'].map((letter) => device().image(`${letter}.squashfs`, { letter }));
        const targets = ['ma', 'mb', 'mc'].map(directory);
        for (const index of [0, 1]) {
          await from.mountImage(images[index] ?? '', targets[index] ?? '', 'squashfs');
        }
        assert.deepEqual(targets.slice(0, 2).map(loopOf), [`${base}`, `${base + 1}`]);
        assert.equal(readFileSync(join(targets[1] ?? '', 'letter'), 'utf8'), 'b');
        await from.unmount(targets[0] ?? '');
        await from.mountImage(images[2] ?? '', targets[2] ?? '', 'squashfs');
        assert.deepEqual(targets.map(loopOf), [undefined, `${base + 1}`, `${base}`]);
        for (const target of targets.slice(1)) await from.unmount(target);
        assert.deepEqual(device().traces(), UNTOUCHED);
      });

      it('gives each of many that come at once one of its own', async () => {
        const targets = Array.from({ length: 6 }, (_, index) => directory(`many${index}`));
        const image = device().image('a.squashfs', { a: 'a' });
        await Promise.all(targets.map((target) => from.mountImage(image, target, 'squashfs')));
        const loops = targets.map((target) => Number(loopOf(target)));
        assert.deepEqual(
          loops.toSorted((left, right) => left - right),
          targets.map((_, index) => base + index),
        );
        await Promise.all(targets.map((target) => from.unmount(target)));
        assert.deepEqual(device().traces(), UNTOUCHED);
      });

      const images: { why: string; expected: string; image: () => string }[] = [
        { why: 'a missing image', expected: 'ENOENT open', image: () => join(device().root, 'none') },
        { why: 'a directory', expected: 'EINVAL LOOP_CONFIGURE', image: () => directory('d') },
        {
          why: 'garbage',
          expected: 'EINVAL mount',
          image: () => device().write('g', 'x'.repeat(8192)),
        },
      ];
      for (const { why, expected, image } of images) {
        it(`${why}: ${expected}, and nothing is left`, async () => {
          assert.equal(await failureOf(from.mountImage(image(), directory('m'), 'squashfs')), expected);
          assert.deepEqual(device().traces(), UNTOUCHED);
        });
      }
    });

    const failures: { why: string; expected: string; attempt: (place: string) => Promise<unknown> }[] = [
      {
        why: 'a missing image',
        expected: 'ENOENT open',
        attempt: (target) => kernel.mountImage(join(device().root, 'none.squashfs'), target, 'squashfs'),
      },
      {
        why: 'garbage for an image',
        expected: 'EINVAL mount',
        attempt: (target) => kernel.mountImage(device().write('g', 'x'.repeat(8192)), target, 'squashfs'),
      },
      {
        why: 'a directory for an image',
        expected: 'EINVAL LOOP_CONFIGURE',
        attempt: (target) => kernel.mountImage(directory('d'), target, 'squashfs'),
      },
      {
        why: 'an image of an unknown file system',
        expected: 'ENODEV mount',
        attempt: (target) => kernel.mountImage(device().write('g', 'x'.repeat(8192)), target, 'weirdfs'),
      },
      {
        why: 'a file system whose name begins like a negation',
        expected: 'ENODEV mount',
        attempt: (target) => kernel.mount('x', target, 'notafs'),
      },
      {
        why: 'a mount point that does not exist',
        expected: 'ENOENT mount',
        attempt: (target) => kernel.mount('tmpfs', `${target}/none`, 'tmpfs'),
      },
      {
        why: 'a mount point that is a file',
        expected: 'ENOTDIR mount',
        attempt: () => kernel.mount('tmpfs', device().write('f', ''), 'tmpfs'),
      },
      {
        why: 'an option the file system does not know',
        expected: 'EINVAL mount',
        attempt: (target) => kernel.mount('tmpfs', target, 'tmpfs', { data: 'nonsense=1' }),
      },
      {
        why: 'an overlay without its upper directory',
        expected: 'ENOENT mount',
        attempt: (target) =>
          kernel.mount('overlay', target, 'overlay', {
            data: `lowerdir=${directory('l')},upperdir=${target}/no,workdir=${target}/now`,
          }),
      },
      {
        why: 'a bind of nothing',
        expected: 'ENOENT mount',
        attempt: (target) => kernel.bind(join(device().root, 'none'), target),
      },
      {
        why: 'unmounting what is not mounted',
        expected: 'EINVAL umount2',
        attempt: (target) => kernel.unmount(target),
      },
      {
        why: 'unmounting what does not exist',
        expected: 'ENOENT umount2',
        attempt: (target) => kernel.unmount(`${target}/none`),
      },
    ];
    for (const { why, expected, attempt } of failures) {
      it(`${why}: ${expected}, and nothing is left`, async () => {
        assert.equal(await failureOf(attempt(directory('m'))), expected);
        assert.deepEqual(device().traces(), UNTOUCHED);
      });
    }

    it('says EBUSY for a mount in use', async () => {
      const target = directory('m');
      await kernel.mount('tmpfs', target, 'tmpfs');
      const child = spawn('sleep', ['1000'], { cwd: target });
      running.push(child);
      await once(child, 'spawn');
      assert.equal(await failureOf(kernel.unmount(target)), 'EBUSY umount2');
      child.kill('SIGKILL');
      await once(child, 'exit');
      await kernel.unmount(target);
    });

    it('tells once when a process is gone, its own child or not', async () => {
      const { child, pid } = await sleeper();
      // The shell ends at once and leaves us the pid of its child, which is not ours.
      const shell = spawn('sh', ['-c', 'sleep 1000 >&- 2>&- & echo $!'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [answer] = await once(shell.stdout, 'data');
      const orphan = Number(String(answer));
      const told: number[] = [];
      const gone = (which: number) =>
        new Promise<void>((resolve) => {
          kernel.watchProcess(which, () => {
            told.push(which);
            resolve();
          });
        });
      const both = [gone(pid), gone(orphan)];
      assert.deepEqual(told, []);
      child.kill('SIGKILL');
      await both[0];
      assert.deepEqual(told, [pid]);
      assert.equal(kernel.signalProcess(orphan, 'SIGTERM'), true);
      await both[1];
      assert.deepEqual(told, [pid, orphan]);
    });

    it('tells of a process that is gone already, but not before returning', async () => {
      const { child, pid } = await sleeper();
      child.kill('SIGKILL');
      await once(child, 'exit');
      let returned = false;
      const told = new Promise<boolean>((resolve) => {
        kernel.watchProcess(pid, () => resolve(returned));
      });
      returned = true;
      assert.equal(await told, true);
    });

    it('tells nothing after the watch is closed, however often', async () => {
      const { child, pid } = await sleeper();
      const watch = kernel.watchProcess(pid, () => assert.fail('told after close'));
      watch.close();
      watch.close();
      const other = new Promise<void>((resolve) => {
        kernel.watchProcess(pid, resolve);
      });
      child.kill('SIGKILL');
      await other;
      watch.close();
    });

    it('signals a process, and says when there is none', async () => {
      const { child, pid } = await sleeper();
      assert.equal(kernel.signalProcess(pid, 'SIGTERM'), true);
      const [, signal] = await once(child, 'exit');
      assert.equal(signal, 'SIGTERM');
      assert.equal(kernel.signalProcess(pid, 'SIGTERM'), false);
    });

    it('refuses pids that mean more than one process', () => {
      for (const pid of [1, 0, -1, -4, 1.5, Number.NaN]) {
        assert.throws(() => kernel.signalProcess(pid, 'SIGTERM'), RangeError);
        assert.throws(() => kernel.watchProcess(pid, () => {}), RangeError);
      }
    });

    it('frees a loop device', async () => {
      const image = device().image('a.squashfs', { a: 'a' });
      const attach = spawn('losetup', ['--find', '--show', '-r', image], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [loop] = await once(attach.stdout, 'data');
      assert.deepEqual(device().traces().loops, [image]);
      await kernel.detachLoop(String(loop).trim());
      assert.deepEqual(device().traces(), UNTOUCHED);
      assert.equal(await failureOf(kernel.detachLoop(String(loop).trim())), 'ENXIO LOOP_CLR_FD');
    });

    it('runs programs to their end and tells how they ended', async () => {
      assert.deepEqual(await kernel.run(['sh', '-c', 'exit 7']), { kind: 'code', code: 7 });
      assert.deepEqual(await kernel.run(['sh', '-c', 'kill -TERM $$']), {
        kind: 'signal',
        signal: 'SIGTERM',
      });
      assert.equal(await failureOf(kernel.run(['no-such-program'])), 'ENOENT posix_spawn');
    });

    it('runs them in a session of their own, from the root directory, without a file of ours', async () => {
      const seen = join(device().layout.runDir, 'seen');
      mkdirSync(device().layout.runDir, { recursive: true });
      const look = `{ cut -d" " -f6 /proc/$$/stat; echo $$; pwd; readlink /proc/$$/fd/0; } >${seen}; ls /proc/$$/fd >${seen}-files`;
      assert.deepEqual(await kernel.run(['sh', '-c', look]), { kind: 'code', code: 0 });
      const [session, pid, directory, input] = readFileSync(seen, 'utf8').trim().split('\n');
      assert.equal(session, pid);
      assert.deepEqual([directory, input], ['/', '/dev/null']);
      const files = readFileSync(`${seen}-files`, 'utf8').trim().split('\n');
      assert.ok(files.length <= 6, `open files: ${files.join(' ')}`);
    });
  });
}

describe('the choice of a kernel back-end', () => {
  it('takes the native one when it was built, and says why when it was not', async () => {
    const { native } = await openBoth();
    assert.equal(native.name, 'native');
    assert.equal(native.note, undefined);
    const fallback = openKernel('/nonexistent');
    assert.equal(fallback.name, 'spawn');
    assert.match(fallback.note ?? '', /no native addon at \/nonexistent/);
    assert.throws(() => openKernel('/nonexistent', 'native'), /native kernel back-end is not available/);
  });
});
