import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal, readPast } from '../../../adapters/store/journal.ts';
import type { Fault } from '../../../machines/domain/fault.ts';
import type { ContainerRecord } from '../../../machines/domain/record.ts';
import { useScratch } from '../scratch.ts';

const HEADER = { bootId: 'boot-1', revision: 'locals/abc' };

function record(name: string, change: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    name,
    status: 'STARTED',
    since: 1234.567,
    intent: 'run',
    stopReason: undefined,
    pid: 4711,
    startedAt: 1200,
    goalDeadlineAt: 31_200,
    signalled: false,
    reached: true,
    stableAt: undefined,
    retries: 2,
    retryAt: undefined,
    killAt: undefined,
    lastExit: { kind: 'signal', signal: 'SIGSEGV' },
    fault: undefined,
    ...change,
  };
}

describe('the journal in the run directory (R-08)', () => {
  const scratch = useScratch();
  const faults: Fault[] = [];
  const report = (fault: Fault) => void faults.push(fault);
  beforeEach(() => faults.splice(0));

  it('is absent in a fresh directory', () => {
    assert.equal(readPast(scratch(), 'boot-1', report), undefined);
    assert.deepEqual(faults, []);
  });

  it('gives every field back, the undefined ones too', async () => {
    const directory = scratch();
    const written = [
      record('web'),
      record('data', {
        status: 'STOPPED',
        stopReason: 'failed',
        pid: undefined,
        lastExit: {
          kind: 'startFailed',
          fault: { code: 'START_FAILED', message: 'no init', fix: 'add one' },
        },
        fault: { code: 'START_FAILED', message: 'no init', subject: 'data', errno: 'ENOENT' },
      }),
    ];
    const first = openJournal(directory, HEADER, undefined);
    for (const one of written) first.write(one);
    const past = readPast(directory, 'boot-1', report);
    const read = await openJournal(directory, HEADER, past).read();
    assert.deepEqual(
      [...read].sort((a, b) => (a.name < b.name ? 1 : -1)),
      written,
    );
    assert.deepEqual(faults, []);
  });

  it('goes by the last of many records, and does not grow without end', () => {
    const directory = scratch();
    const journal = openJournal(directory, HEADER, undefined);
    journal.write(record('data'));
    for (let retries = 0; retries < 5000; retries += 1) journal.write(record('web', { retries }));
    const records = readPast(directory, 'boot-1', report)?.records;
    assert.deepEqual(
      records?.map(({ name, retries }) => [name, retries]),
      [
        ['data', 2],
        ['web', 4999],
      ],
    );
    assert.ok(statSync(join(directory, 'journal')).size < 600_000);
    assert.deepEqual(readdirSync(directory), ['journal']);
  });

  it('is empty after another boot', async () => {
    const directory = scratch();
    openJournal(directory, HEADER, undefined).write(record('web'));
    const past = readPast(directory, 'boot-2', report);
    assert.equal(past, undefined);
    assert.deepEqual(await openJournal(directory, { ...HEADER, bootId: 'boot-2' }, past).read(), []);
    assert.equal(readPast(directory, 'boot-1', report), undefined);
  });

  it('tells whose records it holds, and starts afresh for another revision', async () => {
    const directory = scratch();
    openJournal(directory, HEADER, undefined).write(record('web'));
    const past = readPast(directory, 'boot-1', report);
    assert.equal(past?.revision, 'locals/abc');
    assert.equal(past.records[0]?.pid, 4711);
    const next = openJournal(directory, { ...HEADER, revision: 'locals/def' }, past);
    assert.deepEqual(await next.read(), []);
    assert.deepEqual(readPast(directory, 'boot-1', report)?.records, []);
  });

  const broken = [
    { why: 'cut off', text: '{"name":"web","status":"STA' },
    { why: 'empty', text: '' },
    { why: 'without a name', text: '{"status":"READY"}' },
    { why: 'with a status nobody knows', text: JSON.stringify({ ...record('web'), status: 'FLYING' }) },
    { why: 'with the pid of a process group', text: JSON.stringify({ ...record('web'), pid: 0 }) },
    { why: 'that is no object', text: 'null' },
  ];
  for (const { why, text } of broken) {
    it(`passes over a record ${why}, and says so`, () => {
      const directory = scratch();
      openJournal(directory, HEADER, undefined).write(record('good'));
      appendFileSync(join(directory, 'journal'), `${text}\n${JSON.stringify(record('later'))}\n`);
      const names = readPast(directory, 'boot-1', report)?.records.map(({ name }) => name);
      assert.deepEqual(names, ['good', 'later']);
      assert.equal(faults.length, 1);
      assert.match(faults[0]?.message ?? '', /journal: 1 unreadable, passed over; line 3: ./);
    });
  }

  it('tells of many unreadable lines once', () => {
    const directory = scratch();
    openJournal(directory, HEADER, undefined).write(record('good'));
    appendFileSync(join(directory, 'journal'), 'x\ny\nz\n');
    assert.equal(readPast(directory, 'boot-1', report)?.records.length, 1);
    assert.equal(faults.length, 1);
    assert.match(faults[0]?.message ?? '', /journal: 3 unreadable, passed over; line 3: ./);
  });

  it('goes on cleanly behind a torn last line', () => {
    const directory = scratch();
    openJournal(directory, HEADER, undefined).write(record('web'));
    appendFileSync(join(directory, 'journal'), '{"name":"web","sta');
    openJournal(directory, HEADER, readPast(directory, 'boot-1', report)).write(
      record('web', { retries: 9 }),
    );
    faults.splice(0);
    assert.equal(readPast(directory, 'boot-1', report)?.records[0]?.retries, 9);
    assert.deepEqual(faults, []);
  });

  it('knows the containers but no revision when the header is torn', () => {
    const directory = scratch();
    openJournal(directory, HEADER, undefined).write(record('web'));
    const [, ...records] = readFileSync(join(directory, 'journal'), 'utf8').split('\n');
    writeFileSync(join(directory, 'journal'), ['{"bootId":"boo', ...records].join('\n'));
    const past = readPast(directory, 'boot-1', report);
    assert.equal(past?.revision, undefined);
    assert.equal(past?.records.length, 1);
    assert.equal(faults.length, 1);
  });

  it('says what it could not write, and why', () => {
    const directory = scratch();
    const journal = openJournal(directory, HEADER, undefined);
    journal.close();
    assert.throws(() => journal.write(record('web')), {
      name: 'SupervisorError',
      message: 'recording container web failed: EBADF',
    });
    rmSync(directory, { recursive: true });
    assert.throws(() => openJournal(directory, HEADER, undefined), /starting the journal .* failed: ENOENT/);
  });
});
