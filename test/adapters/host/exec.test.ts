/** Short commands: what they say is kept within bounds, and giving up ends all of their processes. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../adapters/host/exec.ts';
import { useScratch } from '../scratch.ts';

describe('a short command', () => {
  const scratch = useScratch();

  it('answers with status and both outputs, whatever the status', async () => {
    assert.deepEqual(await run('sh', ['-c', 'echo out; echo err >&2; exit 3']), {
      code: 3,
      signal: undefined,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('answers with the signal that ended it', async () => {
    const { code, signal } = await run('sh', ['-c', 'kill -TERM $$']);
    assert.deepEqual({ code, signal }, { code: undefined, signal: 'SIGTERM' });
  });

  it('speaks English, and sees what is added to the environment', async () => {
    const { stdout } = await run('sh', ['-c', 'echo $LC_ALL $EXTRA'], { env: { EXTRA: 'yes' } });
    assert.equal(stdout, 'C yes\n');
  });

  it('may say more than is kept', async () => {
    const { code, stdout } = await run('head', ['-c', '1000000', '/dev/zero'], { maxOutputBytes: 10 });
    assert.deepEqual({ code, kept: stdout.length }, { code: 0, kept: 10 });
  });

  it('that does not exist is an error', async () => {
    await assert.rejects(run('/nonexistent/program', []), { code: 'ENOENT' });
  });

  it('is not begun when given up before', async () => {
    await assert.rejects(run('true', [], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('that is given up takes its children with it, even when it is gone itself', async () => {
    const pipe = join(scratch(), 'pipe');
    await run('mkfifo', [pipe]);
    const giveUp = new AbortController();
    // The child keeps our pipes; reading the FIFO ends only when its last writer has gone.
    const attempt = run('sh', ['-c', `sleep 1000 3> ${pipe} & exit 0`], { signal: giveUp.signal });
    const reader = createReadStream(pipe);
    await once(reader, 'open');
    const ended = once(reader.resume(), 'end');
    giveUp.abort();
    await assert.rejects(attempt, { name: 'AbortError' });
    await ended;
  });

  it('that takes too long is ended', async () => {
    await assert.rejects(run('sleep', ['1000'], { timeoutMs: 1 }), { name: 'TimeoutError' });
  });
});
