/** Drivers of containers with the real modprobe, dry, on a scratch module tree: what loads is LOADED, what kmod does not
 *  find is not. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDrivers } from '../../../actors/drivers.ts';
import { createModuleLoader } from '../../../adapters/host/modules.ts';
import { openDriverRecord } from '../../../adapters/store/driver-record.ts';
import { type Fault, SupervisorError } from '../../../machines/domain/fault.ts';
import { revisionOf } from '../../support/revision.ts';

const RELEASE = '6.1.0-test';
const ALIASES = {
  radio: ['phy_core', `radio_usb power=$\{user-meta:radio.power}`],
  can: ['can_raw'],
  lost: ['phy_core', 'nosuch'],
};
const revision = revisionOf(
  { g: { containers: { app: { drivers: { required: ['can'], optional: [], manual: ['radio', 'lost'] } } } } },
  { driverSections: [{ scope: 'all', match: '', aliases: new Map(Object.entries(ALIASES)) }] },
);

describe('drivers with the real modprobe (state format §12, control API §6.11)', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sv-'));
    const tree = join(root, 'lib/modules', RELEASE);
    mkdirSync(join(tree, 'kernel'), { recursive: true });
    for (const name of ['phy_core', 'radio_usb']) {
      const source = join(root, `${name}.c`);
      const info = `name=${name}\\0`;
      writeFileSync(source, `static const char i[] __attribute__((section(".modinfo"), used)) = "${info}";`);
      execFileSync('cc', ['-c', '-o', join(tree, 'kernel', `${name}.ko`), source]);
    }
    writeFileSync(join(tree, 'modules.order'), 'kernel/phy_core.ko\nkernel/radio_usb.ko\n');
    writeFileSync(join(tree, 'modules.builtin'), 'kernel/drivers/net/can-raw.ko\n');
    writeFileSync(join(tree, 'modules.builtin.modinfo'), '');
    execFileSync('depmod', ['-b', root, RELEASE]);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const begin = () => {
    // The real one, which writes down what it is asked.
    const modprobe = join(root, 'modprobe');
    writeFileSync(modprobe, `#!/bin/sh\necho "$*" >> ${root}/calls\nexec modprobe "$@"\n`);
    chmodSync(modprobe, 0o755);
    const complaints: Fault[] = [];
    const complain = (fault: Fault) => complaints.push(fault);
    const device = {
      deviceTree: undefined,
      overlays: [],
      fitConfig: undefined,
      userMeta: (key: string) => (key === 'radio.power' ? '3' : undefined),
      deviceMeta: () => undefined,
    };
    const drivers = createDrivers(
      {
        modules: createModuleLoader({ root, release: RELEASE, dryRun: true, modprobe }),
        device,
        complain,
        driverRecord: openDriverRecord(root, 'boot', complain),
      },
      revision,
    );
    const shown = () => drivers.list('app').map(({ name, status }) => `${name} ${status}`);
    const calls = () => readFileSync(join(root, 'calls'), 'utf8').trimEnd().split('\n');
    return { drivers, shown, calls, complaints };
  };

  it('a start loads its own; a built-in module is loaded', async () => {
    const { drivers, shown } = begin();
    await drivers.loadForStart('can', new AbortController().signal);
    assert.deepEqual(shown(), ['can LOADED', 'radio UNLOADED', 'lost UNLOADED']);
  });

  it('loads lines in order with their parameters, unloads in reverse without', async () => {
    const { drivers, shown, calls } = begin();
    await drivers.load('app', 'radio');
    assert.deepEqual(shown(), ['can UNLOADED', 'radio LOADED', 'lost UNLOADED']);
    await drivers.unload('app');
    assert.deepEqual(shown(), ['can UNLOADED', 'radio UNLOADED', 'lost UNLOADED']);
    const place = `-n -d ${root} -S ${RELEASE}`;
    assert.deepEqual(calls(), [
      `${place} -- phy_core`,
      `${place} -- radio_usb power=3`,
      `${place} -r -- radio_usb`,
      `${place} -r -- phy_core`,
    ]);
  });

  it('an alias of which one module is missing does not load, and says which', async () => {
    const { drivers, shown, complaints } = begin();
    await assert.rejects(drivers.load('app'), (error: unknown) => {
      assert.ok(error instanceof SupervisorError);
      assert.equal(error.fault.subject, 'nosuch');
      return true;
    });
    assert.deepEqual(shown(), ['can UNLOADED', 'radio LOADED', 'lost UNLOADED']);
    assert.deepEqual(
      complaints.map(({ subject }) => subject),
      ['nosuch'],
    );
  });

  it('the next supervisor knows what is loaded (R-08)', async () => {
    const first = begin();
    await first.drivers.load('app', 'radio');
    first.drivers.close();
    assert.deepEqual(begin().shown(), ['can UNLOADED', 'radio LOADED', 'lost UNLOADED']);
  });
});
