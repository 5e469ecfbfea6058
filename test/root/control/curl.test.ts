import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Route } from '../../../adapters/control/route.ts';
import { type Doorstep, echo, openDoorstep } from '../../adapters/control/doorstep.ts';
import { useScratch } from '../../adapters/scratch.ts';

/** Says which bytes have come. */
const upload: Route = {
  method: 'PUT',
  path: '/objects/{}',
  handle: async ({ request }) => {
    const hash = createHash('sha256');
    for await (const chunk of request) hash.update(chunk as Buffer);
    return { status: 200, json: JSON.stringify(hash.digest('hex')) };
  },
};

describe('curl on the socket of the host (control API §7.1, §7.4)', () => {
  const scratch = useScratch();
  let door: Doorstep;
  beforeEach(async () => {
    door = await openDoorstep({ runDir: scratch(), routes: [echo, upload] });
  });
  afterEach(async () => {
    assert.deepEqual(door.reported, []);
    await door.close();
  });

  /** As pvcontrol calls it: the body, then the status on a line of its own. */
  async function curl(args: readonly string[], input = Buffer.alloc(0)): Promise<string> {
    const common = ['-s', '-w', '\n%{http_code}', '--unix-socket', join(door.runDir, 'pv-ctrl')];
    const child = spawn('curl', [...common, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(input);
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return output;
  }

  const asPvcontrol = ['-H', 'Content-Type: application/octet-stream', '-H', 'Transfer-Encoding: identity'];
  for (const size of [0, 5 * 1024, 50 * 1024 * 1024]) {
    const content = Buffer.alloc(size, 'statevisor ');
    const expected = `"${createHash('sha256').update(content).digest('hex')}"\n200`;

    it(`puts an object of ${size} bytes with a length and a transfer encoding (§11 test 13)`, async () => {
      const file = join(door.runDir, 'object');
      writeFileSync(file, content);
      assert.equal(await curl([...asPvcontrol, '-T', file, 'http://localhost/objects/x']), expected);
    });

    it(`puts an object of ${size} bytes in chunks`, async () => {
      assert.equal(await curl(['-T', '-', 'http://localhost/objects/x'], content), expected);
    });
  }

  it('posts what is written on its command line', async () => {
    assert.equal(
      await curl(['-X', 'POST', '--data', '{"a":1}', 'http://localhost/echo']),
      'POST {"a":1}\n200',
    );
  });

  it('gets its answer although its body is too long', async () => {
    const answer = '{"Error":"Not enough disk space available"}\n507';
    assert.equal(
      await curl(['--data-binary', '@-', 'http://localhost/echo'], Buffer.alloc(1_000_000)),
      answer,
    );
  });

  it('asks twice on one connection', async () => {
    const twice = ['http://localhost/echo', 'http://localhost/echo', '--data', 'a'];
    assert.equal(await curl([...twice, '-w', '\n%{num_connects}\n']), 'POST a\n1\nPOST a\n0\n');
  });

  it('gets no answer from another host', async () => {
    assert.equal(await curl(['http://example.org/echo']), '\n000');
  });
});
