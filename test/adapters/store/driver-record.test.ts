/** Which drivers are loaded, over the death of the supervisor and not over that of the boot. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDriverRecord } from '../../../adapters/store/driver-record.ts';
import { type Fault, SupervisorError } from '../../../machines/domain/fault.ts';
import { useScratch } from '../scratch.ts';

describe('the record of loaded drivers (R-08)', () => {
  const scratch = useScratch();
  const open = (directory: string, bootId = 'this boot') => {
    const faults: Fault[] = [];
    return { faults, record: openDriverRecord(directory, bootId, (fault) => faults.push(fault)) };
  };

  it('is empty in a fresh run directory, and makes nothing there', () => {
    const directory = scratch();
    const { faults, record } = open(directory);
    assert.deepEqual(record.read(), []);
    assert.deepEqual(faults, []);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('is there for the next supervisor, and leaves one file', () => {
    const directory = scratch();
    open(directory).record.write(['can', 'radio "5"']);
    assert.deepEqual(open(directory).record.read(), ['can', 'radio "5"']);
    assert.deepEqual(readdirSync(directory), ['drivers']);
  });

  it('of another boot means nothing', () => {
    const directory = scratch();
    open(directory, 'last boot').record.write(['can']);
    const { faults, record } = open(directory);
    assert.deepEqual(record.read(), []);
    assert.deepEqual(faults, []);
  });

  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"bootId":"this boot"}',
    '{"bootId":"this boot","loaded":[7]}',
  ]) {
    it(`that says ${JSON.stringify(text)} loads nothing`, () => {
      const directory = scratch();
      writeFileSync(join(directory, 'drivers'), text);
      assert.deepEqual(open(directory).record.read(), []);
    });
  }

  it('that cannot be read is reported', () => {
    const directory = scratch();
    writeFileSync(join(directory, 'drivers'), '{');
    const { faults, record } = open(directory);
    record.read();
    assert.deepEqual(
      faults.map(({ code }) => code),
      ['JOURNAL_FAILED'],
    );
  });

  it('that cannot be written is refused', () => {
    const directory = scratch();
    mkdirSync(join(directory, 'drivers'));
    assert.throws(
      () => open(directory).record.write(['can']),
      (error: unknown) => error instanceof SupervisorError && error.fault.code === 'JOURNAL_FAILED',
    );
  });
});
