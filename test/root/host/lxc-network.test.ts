/** Gives `lxc-network-inside.ts` a network of its own, so that bridges, addresses and rules end with it. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { run } from '../../../adapters/host/exec.ts';

const MOCHA = join(import.meta.dirname, '../../../node_modules/mocha/bin/mocha.js');
const INSIDE = join(import.meta.dirname, 'lxc-network-inside.ts');
/** LXC asks /sys what is a bridge, and a mounted /sys knows the network it was mounted in. */
const OWN_SYS = [
  'mount --rbind /sys/fs/cgroup /mnt',
  'mount -t sysfs sysfs /sys',
  'mount --rbind /mnt /sys/fs/cgroup',
  'exec "$@"',
].join(' && ');

describe('the LXC runtime, for containers of a network pool', () => {
  it('keeps what lxc-network-inside.ts demands, in a network namespace', async () => {
    const node = [process.execPath, '-C', 'development', '--import', 'tsx'];
    const mocha = [MOCHA, '--no-config', '--exit', '--reporter', 'spec', '--timeout', '4000', INSIDE];
    const own = ['--net', '--mount', 'sh', '-c', OWN_SYS, 'sh'];
    const { code, stdout, stderr } = await run('unshare', [...own, ...node, ...mocha], {
      timeoutMs: 19_000,
    });
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stdout, /[1-9]\d* passing/);
  });
});
