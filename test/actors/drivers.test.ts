/** Drivers as containers and the control API share them: one alias, one truth, one order after the other. */

import assert from 'node:assert/strict';
import { createDrivers } from '../../actors/drivers.ts';
import type { DriverRecord, Ports } from '../../actors/ports.ts';
import type { SupervisorWithDrivers } from '../../actors/supervisor.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { ContainerSpec, Revision } from '../../machines/domain/revision.ts';
import { VirtualClock } from '../../sim/clock.ts';
import type { ModuleConduct } from '../../sim/conduct.ts';
import { revisionOf } from '../support/revision.ts';
import { boot, checkWorlds, createHost, type WorldOptions } from '../support/world.ts';

const OFFERED = {
  can: ['can_raw'],
  radio: ['phy_core', 'radio_usb power=3'],
  camera: ['cam'],
  light: ['led'],
  strange: ['led $x'],
  nothing: [],
};
const driverSections = [
  { scope: 'all' as const, match: '', aliases: new Map<string, readonly string[]>(Object.entries(OFFERED)) },
];
const needs = (parts: Partial<ContainerSpec['drivers']>) => ({
  drivers: { required: [], optional: [], manual: [], ...parts },
});
const using = (containers: Readonly<Record<string, Partial<ContainerSpec['drivers']>>>): Revision =>
  revisionOf(
    {
      g1: {
        containers: Object.fromEntries(Object.entries(containers).map(([name, own]) => [name, needs(own)])),
      },
    },
    { driverSections },
  );
const failing = (message: string): ModuleConduct => ({
  loadFails: { fault: { code: 'MODULE_FAILED', message }, times: 1 },
});

describe('drivers of a running revision (control API §6.11, state format §12)', () => {
  afterEach(checkWorlds);

  const begin = async (revision: Revision, options: WorldOptions = {}) => {
    const world = await boot(revision, options);
    await world.pass(0);
    const { drivers } = world.supervisor as SupervisorWithDrivers;
    const standing = (container: string) =>
      drivers.list(container).map(({ name, type, status }) => `${name} ${type} ${status}`);
    return { world, drivers, standing };
  };

  it('lists required, optional and manual ones; what a start loaded is LOADED', async () => {
    const own = { manual: ['camera', 'gone'], optional: ['radio', 'nowhere'], required: ['can'] };
    const { standing } = await begin(using({ a: own, b: {} }));
    assert.deepEqual(standing('a'), [
      'can REQUIRED LOADED',
      'radio OPTIONAL LOADED',
      'nowhere OPTIONAL UNKNOWN',
      'camera MANUAL UNLOADED',
      'gone MANUAL UNKNOWN',
    ]);
    assert.deepEqual(standing('b'), []);
    assert.deepEqual(standing('no such container'), []);
  });

  it('an optional driver that did not load is UNLOADED', async () => {
    const { standing } = await begin(using({ a: { optional: ['radio'] } }), {
      modules: { radio_usb: failing('no such device') },
    });
    assert.deepEqual(standing('a'), ['radio OPTIONAL UNLOADED']);
  });

  it('loads manual ones on request: lines in order, aliases in order', async () => {
    const { world, drivers, standing } = await begin(using({ a: { manual: ['radio', 'camera'] } }));
    await drivers.load('a');
    assert.deepEqual(world.host.calls.slice(-3), ['load phy_core', 'load radio_usb power=3', 'load cam']);
    assert.deepEqual(standing('a'), ['radio MANUAL LOADED', 'camera MANUAL LOADED']);
  });

  it('unloads them in reverse, last line first', async () => {
    const { world, drivers, standing } = await begin(using({ a: { manual: ['radio', 'camera'] } }));
    await drivers.load('a');
    await drivers.unload('a');
    assert.deepEqual(world.host.calls.slice(-3), ['unload cam', 'unload radio_usb', 'unload phy_core']);
    assert.deepEqual(standing('a'), ['radio MANUAL UNLOADED', 'camera MANUAL UNLOADED']);
    assert.deepEqual([...world.host.modules], []);
  });

  it('one of them alone', async () => {
    const { drivers, standing } = await begin(using({ a: { manual: ['radio', 'camera'] } }));
    await drivers.load('a', 'camera');
    assert.deepEqual(standing('a'), ['radio MANUAL UNLOADED', 'camera MANUAL LOADED']);
    await drivers.unload('a', 'camera');
    assert.deepEqual(standing('a'), ['radio MANUAL UNLOADED', 'camera MANUAL UNLOADED']);
  });

  for (const alias of ['can', 'radio', 'light', 'no such alias']) {
    it(`passes over ${alias}, which is no manual one of the caller`, async () => {
      const { world, drivers } = await begin(using({ a: { required: ['can'], optional: ['radio'] } }));
      const before = world.host.calls.length;
      await drivers.load('a', alias);
      await drivers.unload('a', alias);
      assert.equal(world.host.calls.length, before);
    });
  }

  it('unloading what is not loaded does nothing (lifecycle §10)', async () => {
    const { world, drivers } = await begin(using({ a: { manual: ['camera', 'gone'] } }));
    await drivers.unload('a');
    assert.ok(!world.host.calls.some((call) => call.startsWith('unload')));
  });

  it('loading again asks again: there are no reference counts', async () => {
    const { world, drivers, standing } = await begin(using({ a: { manual: ['camera'] } }));
    await drivers.load('a');
    await drivers.load('a');
    assert.equal(world.host.calls.filter((call) => call === 'load cam').length, 2);
    await drivers.unload('a');
    assert.deepEqual(standing('a'), ['camera MANUAL UNLOADED']);
  });

  it('two containers see one alias; unloading it takes it from both', async () => {
    const { drivers, standing } = await begin(using({ a: { manual: ['can'] }, b: { required: ['can'] } }));
    assert.deepEqual(standing('a'), ['can MANUAL LOADED']);
    await drivers.unload('a');
    assert.deepEqual(standing('b'), ['can REQUIRED UNLOADED']);
  });

  const refusals = [
    { why: 'one that the BSP does not offer (state format §12.4)', alias: 'gone', message: /does not offer/ },
    {
      why: 'one with a strange module line (state format §12.2)',
      alias: 'strange',
      message: /driver strange:/,
    },
    { why: 'one that does not load', alias: 'radio', message: /no such device/ },
  ];
  for (const { why, alias, message } of refusals) {
    it(`fails for ${why}, complains, and loads the others`, async () => {
      const { world, drivers, standing } = await begin(using({ a: { manual: [alias, 'camera'] } }), {
        modules: { radio_usb: failing('no such device') },
      });
      const error = await drivers.load('a').then(
        () => assert.fail('nothing failed'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof SupervisorError);
      assert.equal(error.fault.code, 'MODULE_FAILED');
      assert.match(error.message, message);
      const status = alias === 'gone' ? 'UNKNOWN' : 'UNLOADED';
      assert.deepEqual(standing('a'), [`${alias} MANUAL ${status}`, 'camera MANUAL LOADED']);
      const complaints = world.host.diary.filter(({ line }) => line.startsWith('complaint: '));
      assert.equal(complaints.length, 1);
    });
  }

  it('a load that fails leaves UNLOADED what was LOADED', async () => {
    const { drivers, standing } = await begin(using({ a: { manual: ['radio'] } }), {
      decide: (operation, subject) => {
        if (operation !== 'load' || subject !== 'phy_core') return {};
        asked += 1;
        return asked === 2 ? { fault: { code: 'MODULE_FAILED', message: 'not any more' } } : {};
      },
    });
    let asked = 0;
    await drivers.load('a');
    await assert.rejects(drivers.load('a'));
    assert.deepEqual(standing('a'), ['radio MANUAL UNLOADED']);
  });

  const stuck = [
    { why: 'one that stays keeps no other', stays: ['phy_core'], status: 'UNLOADED' },
    { why: 'when all stay, it is LOADED still', stays: ['phy_core', 'radio_usb'], status: 'LOADED' },
  ];
  for (const { why, stays, status } of stuck) {
    it(`unloads what it can and complains of the rest: ${why}`, async () => {
      const inUse: Fault = { code: 'MODULE_FAILED', message: 'in use', errno: 'EBUSY' };
      const { world, drivers, standing } = await begin(using({ a: { manual: ['radio'] } }), {
        decide: (operation, subject) =>
          operation === 'unload' && stays.includes(subject) ? { fault: inUse } : {},
      });
      await drivers.load('a');
      await drivers.unload('a');
      assert.deepEqual(standing('a'), [`radio MANUAL ${status}`]);
      const complaints = world.host.diary.filter(({ line }) => line.startsWith('complaint: '));
      assert.equal(complaints.length, stays.length);
    });
  }

  it('an alias without modules loads', async () => {
    const { drivers, standing } = await begin(using({ a: { manual: ['nothing'] } }));
    await drivers.load('a');
    assert.deepEqual(standing('a'), ['nothing MANUAL LOADED']);
    await drivers.unload('a');
    assert.deepEqual(standing('a'), ['nothing MANUAL UNLOADED']);
  });

  it('orders for one alias wait for each other, those for another do not', async () => {
    const { world, drivers } = await begin(using({ a: { manual: ['can', 'camera'] } }), {
      modules: { can_raw: { load: 1000 } },
    });
    const done: string[] = [];
    const first = drivers.load('a', 'can').then(() => done.push('load'));
    const second = drivers.unload('a', 'can').then(() => done.push('unload'));
    await drivers.load('a', 'camera');
    assert.deepEqual(done, []);
    assert.ok(!world.host.calls.includes('unload can_raw'));
    await world.pass(1000);
    await Promise.all([first, second]);
    assert.deepEqual(done, ['load', 'unload']);
    assert.deepEqual([...world.host.modules], ['cam']);
  });

  it('a start that is given up ends its own load only', async () => {
    const { world, standing } = await begin(using({ a: { required: ['can'] }, b: { required: ['can'] } }), {
      modules: { can_raw: { load: 1000 } },
    });
    await world.order('container.stop', 'a');
    await world.pass(1000);
    assert.ok(world.host.diary.some(({ line }) => line === 'load can_raw aborted'));
    assert.deepEqual(standing('b'), ['can REQUIRED LOADED']);
    assert.deepEqual(world.host.alive, ['b']);
  });

  it('a start that is given up while it waits for its turn is never carried out', async () => {
    const { world } = await begin(using({ a: { required: ['can'] }, b: { required: ['can'] } }), {
      modules: { can_raw: { load: 1000 } },
    });
    await world.order('container.stop', 'b');
    await world.pass(5000);
    assert.equal(world.host.calls.filter((call) => call === 'load can_raw').length, 1);
    assert.deepEqual(world.host.alive, ['a']);
  });

  it('whoever waits for a load is told when the supervisor ends', async () => {
    const { world, drivers } = await begin(using({ a: { manual: ['can'] } }), {
      modules: { can_raw: { load: 1000 } },
    });
    const waiting = drivers.load('a');
    world.supervisor.detach();
    await assert.rejects(waiting, /given up/);
  });
});

describe('which drivers are loaded', () => {
  /** A record in memory, as long as the device. */
  const createRecord = () => {
    const written: (readonly string[])[] = [];
    const record: DriverRecord = {
      read: () => written.at(-1) ?? [],
      write: (loaded) => written.push(loaded),
    };
    return { record, written };
  };
  const hub = (record: DriverRecord, complaints: Fault[] = []) => {
    const clock = new VirtualClock();
    const { ports } = createHost(clock, {}).attach(() => ({ ok: true }));
    const recorded: Ports = { ...ports, driverRecord: record, complain: (fault) => complaints.push(fault) };
    return createDrivers(recorded, using({ a: { manual: ['can', 'camera'] } }));
  };

  it('is remembered over the death of the supervisor (R-08)', async () => {
    const { record, written } = createRecord();
    const first = hub(record);
    await first.load('a');
    await first.unload('a', 'can');
    first.close();
    assert.deepEqual(written, [['can'], ['can', 'camera'], ['camera']]);
    const second = hub(record);
    assert.deepEqual(
      second.list('a').map(({ name, status }) => `${name} ${status}`),
      ['can UNLOADED', 'camera LOADED'],
    );
    await second.unload('a');
    assert.deepEqual(written.at(-1), []);
    second.close();
  });

  it('that cannot be recorded is not told as loaded (R-09)', async () => {
    const full = new SupervisorError('JOURNAL_FAILED', 'write drivers: ENOSPC');
    const record: DriverRecord = {
      read: () => [],
      write: () => {
        throw full;
      },
    };
    const complaints: Fault[] = [];
    const drivers = hub(record, complaints);
    await assert.rejects(drivers.load('a', 'can'), full);
    assert.deepEqual(complaints, [full.fault]);
    assert.deepEqual(
      drivers.list('a').map(({ status }) => status),
      ['UNLOADED', 'UNLOADED'],
    );
    drivers.close();
  });

  it('that cannot be recorded is not told as unloaded either; an unload fails for nobody', async () => {
    const full = new SupervisorError('JOURNAL_FAILED', 'write drivers: ENOSPC');
    const record: DriverRecord = {
      read: () => ['can'],
      write: () => {
        throw full;
      },
    };
    const complaints: Fault[] = [];
    const drivers = hub(record, complaints);
    await drivers.unload('a');
    assert.deepEqual(complaints, [full.fault]);
    assert.deepEqual(
      drivers.list('a').map(({ status }) => status),
      ['LOADED', 'UNLOADED'],
    );
    drivers.close();
  });

  it('costs nothing where no container asks: no record is read', async () => {
    const record: DriverRecord = {
      read: () => assert.fail('read'),
      write: () => assert.fail('written'),
    };
    const world = await boot(using({ a: {}, b: {} }), {
      ports: (ports) => ({ ...ports, driverRecord: record }),
    });
    await world.pass(0);
    assert.deepEqual(world.host.alive, ['a', 'b']);
    checkWorlds();
  });
});
