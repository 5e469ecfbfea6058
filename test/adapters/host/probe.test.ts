import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { type Finding, probe } from '../../../adapters/host/probe.ts';
import { useScratch } from '../scratch.ts';

describe('the doctor looks at a machine', () => {
  const scratch = useScratch();

  async function look(
    files: Readonly<Record<string, string>>,
    runDir = '/run/sv',
  ): Promise<Map<string, Finding>> {
    const root = scratch();
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const findings = await probe({ storage: root, runDir, packageRoot: root, searchPath: '/nowhere', root });
    return new Map(findings.map((finding) => [finding.what, finding]));
  }

  it('without file systems, loop devices, control groups and programs', async () => {
    const findings = await look({});
    for (const what of ['squashfs', 'overlay', 'loop devices', 'cgroups', 'mkfifo']) {
      assert.equal(findings.get(what)?.verdict, 'FAIL', what);
      assert.ok(findings.get(what)?.fix, what);
    }
    for (const what of ['kernel modules', 'modprobe', 'kernel back-end']) {
      assert.equal(findings.get(what)?.verdict, 'WARN', what);
    }
  });

  it('with file systems built in, and as modules', async () => {
    const findings = await look({
      'proc/filesystems': 'nodev\ttmpfs\n\tsquashfs\n',
      [`lib/modules/${release()}/modules.dep`]:
        'kernel/fs/overlayfs/overlay.ko.xz:\nkernel/drivers/block/loop.ko:\n',
    });
    assert.equal(findings.get('squashfs')?.verdict, 'OK');
    assert.equal(findings.get('tmpfs')?.verdict, 'OK');
    assert.match(findings.get('overlay')?.fix ?? '', /modprobe overlay/);
    assert.match(findings.get('loop devices')?.fix ?? '', /modprobe loop/);
  });

  it('with a run directory whose name is too long for sockets', async () => {
    const findings = await look({}, `/run/${'x'.repeat(60)}`);
    assert.equal(findings.get('run directory name')?.verdict, 'WARN');
  });
});
