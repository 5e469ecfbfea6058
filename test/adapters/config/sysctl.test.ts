import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSysctls } from '../../../adapters/config/sysctl.ts';
import { type Level, settle } from '../../../machines/domain/config.ts';
import { useScratch } from '../scratch.ts';

describe('kernel parameters of the configuration (logs and metadata §7.3)', () => {
  const scratch = useScratch();

  function kernel({ crashHandler = false } = {}) {
    const root = scratch();
    mkdirSync(join(root, 'sys/net/ipv4/conf'), { recursive: true });
    mkdirSync(join(root, 'sys/kernel'));
    for (const name of ['net/ipv4/ip_forward', 'kernel/core_pattern', 'kernel/hostname']) {
      writeFileSync(join(root, 'sys', name), 'as it was, and long');
    }
    const handler = join(root, 'pvcrash');
    if (crashHandler) writeFileSync(handler, '', { mode: 0o755 });
    const write = (...said: readonly (readonly [level: Level, name: string, text: string])[]) => {
      const sayings = said.map(([level, name, text]) => ({ level, place: 'here', name, text }));
      const faults = writeSysctls(settle(sayings), { root: join(root, 'sys'), crashHandler: handler });
      return faults.map(({ message }) => message);
    };
    return { root, handler, write, read: (name: string) => readFileSync(join(root, 'sys', name), 'utf8') };
  }

  it('are found where the directories are', () => {
    const { write, read } = kernel();
    assert.deepEqual(
      write(['env', 'pv_sysctl_net_ipv4_ip_forward', '1'], ['policy', 'sysctl.kernel.hostname', 'box']),
      [],
    );
    assert.deepEqual([read('net/ipv4/ip_forward'), read('kernel/hostname')], ['1', 'box']);
  });

  it('are written once, as the highest level says', () => {
    const { write, read } = kernel();
    assert.deepEqual(
      write(['env', 'PV_SYSCTL_KERNEL_HOSTNAME', 'env'], ['pv conf file', 'sysctl.kernel.hostname', 'file']),
      [],
    );
    assert.equal(read('kernel/hostname'), 'env');
  });

  it('are never set by user metadata (§18 test 27)', () => {
    const { write, read } = kernel();
    assert.deepEqual(
      write(
        ['metadata', 'PV_SYSCTL_KERNEL_HOSTNAME', 'evil'],
        ['metadata', 'sysctl.kernel.hostname', 'evil'],
      ),
      [],
    );
    assert.equal(read('kernel/hostname'), 'as it was, and long');
  });

  it('that are not there are complained of, and not made', () => {
    const { root, write, read } = kernel();
    const faults = write(
      ['env', 'PV_SYSCTL_KERNEL_NO_SUCH', '1'],
      ['env', `PV_SYSCTL_${'X'.repeat(300)}`, '1'],
      ['env', 'PV_SYSCTL_KERNEL_HOSTNAME', 'box'],
    );
    assert.match(
      faults[0] ?? '',
      /writing "1" to .*\/kernel\/no_such, as PV_SYSCTL_KERNEL_NO_SUCH \(here\) demands, failed: ENOENT/,
    );
    assert.match(faults[1] ?? '', /ENAMETOOLONG/);
    assert.equal(existsSync(join(root, 'sys/kernel/no_such')), false);
    assert.equal(read('kernel/hostname'), 'box');
  });

  describe('core dumps', () => {
    const untouched = 'as it was, and long';

    it('go to the crash handler of a device', () => {
      const { handler, write, read } = kernel({ crashHandler: true });
      write();
      assert.equal(read('kernel/core_pattern'), `|${handler} --skip`);
    });

    it('stay as they are where there is no such handler', () => {
      const { write, read } = kernel();
      write();
      assert.equal(read('kernel/core_pattern'), untouched);
    });

    it('stay as they are inside another system', () => {
      const { write, read } = kernel({ crashHandler: true });
      write(['env', 'PV_SYSTEM_INIT_MODE', 'appengine']);
      assert.equal(read('kernel/core_pattern'), untouched);
    });

    it('go where the configuration says', () => {
      const { write, read } = kernel({ crashHandler: true });
      write(['pv conf file', 'PV_SYSCTL_KERNEL_CORE_PATTERN', '/tmp/core']);
      assert.equal(read('kernel/core_pattern'), '/tmp/core');
    });
  });
});
