/** Kernel modules: the real modprobe on a scratch module tree (dry), and on stand-ins for kernels that load them. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createModuleLoader, type ModuleLoaderOptions } from '../../../adapters/host/modules.ts';
import { SupervisorError } from '../../../machines/domain/fault.ts';

const RELEASE = '6.1.0-test';
const NEVER = new AbortController().signal;

describe('kernel modules (state format §12)', () => {
  let root: string;
  let tree: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sv-'));
    tree = join(root, 'lib/modules', RELEASE);
    mkdirSync(join(tree, 'kernel'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const write = (path: string, text: string) => {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  };

  /** A module as far as kmod looks at it: an object file with a `.modinfo` section. */
  const makeModule = (name: string, ...info: readonly string[]) => {
    const text = [`name=${name}`, ...info].map((entry) => `${entry}\\0`).join('');
    const source = write(
      `${name}.c`,
      `static const char i[] __attribute__((section(".modinfo"), used)) = "${text}";`,
    );
    execFileSync('cc', ['-c', '-o', join(tree, 'kernel', `${name}.ko`), source]);
  };
  const makeTree = () => {
    makeModule('phy_core');
    makeModule('radio_usb', 'depends=phy_core', 'parm=power:int', 'parmtype=power:int', 'parm=hidden:int');
    writeFileSync(join(tree, 'modules.order'), 'kernel/phy_core.ko\nkernel/radio_usb.ko\n');
    writeFileSync(join(tree, 'modules.builtin'), 'kernel/drivers/net/can-raw.ko\n');
    writeFileSync(join(tree, 'modules.builtin.modinfo'), '');
    execFileSync('depmod', ['-b', root, RELEASE]);
  };

  /** A kernel that loads modules: its sysfs and /proc/modules, and a modprobe that ends as `script` says. */
  const loading = (script: string): ModuleLoaderOptions => {
    const modprobe = write('modprobe', `#!/bin/sh\necho "$@" >> ${root}/calls\n${script}\n`);
    chmodSync(modprobe, 0o755);
    const procModules = write('proc-modules', '');
    return { root, release: RELEASE, modprobe, procModules, sysModule: join(root, 'sys') };
  };
  const calls = () => (existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8') : '');

  async function faultOf(attempt: Promise<void>) {
    try {
      await attempt;
    } catch (error) {
      assert.ok(error instanceof SupervisorError, String(error));
      assert.equal(error.fault.code, 'MODULE_FAILED');
      return error.fault;
    }
    return assert.fail('nothing failed');
  }

  const load = (options: ModuleLoaderOptions, module: string, ...parameters: readonly string[]) =>
    createModuleLoader(options).load({ module, parameters }, NEVER);

  describe('with the real modprobe, dry', () => {
    const dry = (): ModuleLoaderOptions => ({ root, release: RELEASE, dryRun: true });
    beforeEach(makeTree);

    it('loads a module with its dependencies and parameters', () => load(dry(), 'radio-usb', 'power=3'));

    it('unloads it', () => createModuleLoader(dry()).unload('radio_usb'));

    it('takes a built-in one for loaded, however it spells the dash', () => load(dry(), 'can_raw'));

    it('says that a module is missing', async () => {
      const fault = await faultOf(load(dry(), 'nosuch'));
      assert.equal(fault.errno, 'ENOENT');
      assert.equal(fault.subject, 'nosuch');
      assert.match(fault.message, /kernel module "nosuch": kernel 6\.1\.0-test has no such module/);
    });

    it('says that the tree is for another kernel', async () => {
      const fault = await faultOf(load({ ...dry(), release: '9.9' }, 'radio_usb'));
      assert.match(fault.message, /no modules for kernel 9\.9 in .*found: 6\.1\.0-test/);
      assert.match(fault.fix ?? '', /same build/);
    });
  });

  describe('on a kernel that loads modules', () => {
    beforeEach(makeTree);

    it('passes parameters on, one word each', async () => {
      await load(loading(''), 'radio_usb', 'hidden=1 2');
      assert.equal(calls(), `-d ${root} -S ${RELEASE} -- radio_usb hidden=1 2\n`);
    });

    it('asks nobody for a module that is loaded', async () => {
      const options = loading('exit 1');
      write('sys/radio_usb/initstate', 'live\n');
      await load(options, 'radio-usb', 'power=3');
      assert.equal(calls(), '');
    });

    it('lets modprobe wait for one that is just coming', async () => {
      const options = loading('');
      write('sys/radio_usb/initstate', 'coming\n');
      await load(options, 'radio_usb');
      assert.notEqual(calls(), '');
    });

    it('finds a parameter that the module does not have, which the kernel ignores', async () => {
      const fault = await faultOf(load(loading(''), 'radio_usb', 'pwoer=3'));
      assert.match(fault.message, /has no parameter "pwoer", so "pwoer=3" was ignored/);
    });

    it('accepts one that is declared but kept from view', () => load(loading(''), 'radio_usb', 'hidden=7'));

    const values: { wanted: string; shown: string; took: boolean }[] = [
      { wanted: 'power=3', shown: '3', took: true },
      { wanted: 'power=0x10', shown: '16', took: true },
      { wanted: 'power=3', shown: '1', took: false },
      { wanted: 'power=1', shown: 'Y', took: true },
      { wanted: 'power', shown: 'Y', took: true },
      { wanted: 'power=off', shown: 'Y', took: false },
      { wanted: 'power=0', shown: 'N', took: true },
      { wanted: 'power=1,2', shown: '1,2,0', took: true },
      { wanted: 'power=eth0', shown: 'eth0', took: true },
      { wanted: 'power=eth0', shown: '(null)', took: false },
    ];
    for (const { wanted, shown, took } of values) {
      it(`${wanted} and ${shown} in sysfs: ${took ? 'took' : 'did not take'}`, async () => {
        const parameters = `${root}/sys/radio_usb/parameters`;
        const options = loading(`mkdir -p ${parameters}; echo '${shown}' > ${parameters}/power`);
        if (took) return load(options, 'radio_usb', wanted);
        const fault = await faultOf(load(options, 'radio_usb', wanted));
        assert.match(fault.message, /after loading, not/);
      });
    }

    const refusals: { text: string; errno: string; fix: RegExp }[] = [
      {
        text: "could not insert 'radio_usb': Operation not permitted",
        errno: 'EPERM',
        fix: /CAP_SYS_MODULE/,
      },
      { text: "could not insert 'radio_usb': Exec format error", errno: 'ENOEXEC', fix: /another kernel/ },
      { text: "could not insert 'radio_usb': Invalid argument", errno: 'EINVAL', fix: /parameter/ },
      {
        text: "could not insert 'radio_usb': Key was rejected by service",
        errno: 'EKEYREJECTED',
        fix: /Sign/,
      },
      {
        text: "could not insert 'radio_usb': Unknown symbol in module, or unknown parameter (see dmesg)",
        errno: 'ENOENT',
        fix: /symbol/,
      },
    ];
    for (const { text, errno, fix } of refusals) {
      it(`${errno}: says what to do`, async () => {
        const fault = await faultOf(
          load(loading(`echo "modprobe: ERROR: ${text}" >&2; exit 1`), 'radio_usb'),
        );
        assert.equal(fault.errno, errno);
        assert.ok(fault.message.includes(text.slice(0, 30)), fault.message);
        assert.match(fault.fix ?? '', fix);
      });
    }

    it('unloads with modprobe -r, and nothing that is not loaded', async () => {
      const options = loading('');
      await createModuleLoader(options).unload('radio_usb');
      assert.equal(calls(), '');
      write('sys/radio_usb/initstate', 'live\n');
      await createModuleLoader(options).unload('radio_usb');
      assert.equal(calls(), `-d ${root} -S ${RELEASE} -r -- radio_usb\n`);
    });

    it('says that a module is in use', async () => {
      const options = loading('echo "modprobe: FATAL: Module radio_usb is in use." >&2; exit 1');
      write('sys/radio_usb/initstate', 'live\n');
      const fault = await faultOf(createModuleLoader(options).unload('radio_usb'));
      assert.equal(fault.errno, 'EBUSY');
    });

    it('ends modprobe when the start is given up', async () => {
      const giveUp = new AbortController();
      const options = loading(`mkfifo ${root}/never; : > ${root}/begun; cat ${root}/never`);
      const attempt = createModuleLoader(options).load(
        { module: 'radio_usb', parameters: [] },
        giveUp.signal,
      );
      giveUp.abort();
      assert.match((await faultOf(attempt)).message, /given up on request/);
    });
  });

  it('says that the kernel has no modules at all', async () => {
    const procModules = join(root, 'none');
    const fault = await faultOf(load({ root, release: RELEASE, procModules, sysModule: root }, 'dummy'));
    assert.equal(fault.errno, 'ENOSYS');
    assert.match(
      fault.message,
      /kernel 6\.1\.0-test was built without module support and does not have it built in/,
    );
  });

  it('says that modprobe is not installed', async () => {
    const fault = await faultOf(load({ ...loading(''), modprobe: join(root, 'none') }, 'dummy'));
    assert.match(`${fault.message} ${fault.fix}`, /cannot be run.*Install kmod/);
  });
});
