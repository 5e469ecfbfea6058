/** Commands as they are written and what speaks against them (control API §6.5). */

import assert from 'node:assert/strict';
import {
  answerToCommand,
  type CommandAnswer,
  OPS,
  type Op,
  readCommand,
  type Situation,
} from '../../../machines/domain/command.ts';

describe('the body of a command (control API §6.5)', () => {
  const read = [
    { why: 'a string', payload: '"a\\"b\\u0041"', means: 'a"bA' },
    { why: 'an empty string', payload: '""', means: '' },
    { why: 'an object, as it was written', payload: '{ "a" : 1.0 }', means: '{ "a" : 1.0 }' },
    { why: 'a list', payload: '[1, 2]', means: '[1, 2]' },
    { why: 'a number, as it was written', payload: '1.50', means: '1.50' },
    { why: 'a literal', payload: 'null', means: 'null' },
  ];
  for (const { why, payload, means } of read) {
    it(`takes a payload that is ${why}`, () => {
      assert.deepEqual(readCommand(` {"payload": ${payload} ,"op":"RUN_GC","more":1}`), {
        op: 'RUN_GC',
        payload: means,
      });
    });
  }

  for (const op of OPS) {
    it(`knows ${op}`, () => assert.equal(readCommand(`{"op":"${op}","payload":""}`)?.op, op));
  }

  for (const body of [
    '',
    'reboot',
    '{"op":"RUN_GC","payload":""',
    '"RUN_GC"',
    '["RUN_GC",""]',
    '{"op":"RUN_GC"}',
    '{"payload":""}',
    '{"op":"","payload":""}',
    '{"op":"REBOOT","payload":""}',
    '{"op":"REBOOT_DEVICES","payload":""}',
    '{"op":"reboot_device","payload":""}',
    '{"op":["RUN_GC"],"payload":""}',
    '{"op":1,"payload":""}',
    '{"op":"toString","payload":""}',
    '{"op":"REBOOT_DEVICE","payload":"say "hello""}',
  ]) {
    it(`does not take ${body === '' ? 'an empty body' : body}`, () =>
      assert.equal(readCommand(body), undefined));
  }
});

describe('what speaks against a command (control API §6.5)', () => {
  /** Nothing does. */
  const free: Situation = {
    remote: true,
    claimed: true,
    hubClient: true,
    remoteAllowed: true,
    debugShell: true,
    store: true,
    updating: false,
    busy: false,
  };
  const refused = (error: string): CommandAnswer => ({ status: 409, error });
  const updating: CommandAnswer = {
    status: 503,
    error: 'Cannot do this operation while update is ongoing',
    retryAfterSeconds: 600,
  };
  const busy: CommandAnswer = {
    status: 503,
    error: 'A command is already in progress. Try again',
    retryAfterSeconds: 120,
  };

  const rows: readonly {
    readonly row: string;
    readonly given: Partial<Situation>;
    readonly ops: readonly Op[];
    readonly answer: CommandAnswer;
  }[] = [
    {
      row: '3: in local mode',
      given: { remote: false },
      ops: ['UPDATE_METADATA'],
      answer: refused('Cannot do this operation while on local mode'),
    },
    {
      row: '4: during an update',
      given: { updating: true },
      ops: ['REBOOT_DEVICE', 'POWEROFF_DEVICE', 'LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'UNCLAIM'],
      answer: updating,
    },
    {
      row: '5: on a claimed device',
      given: { claimed: true },
      ops: ['MAKE_FACTORY'],
      answer: refused('Cannot do this operation if device is already claimed'),
    },
    {
      row: '6: with remote mode disabled',
      given: { remoteAllowed: false },
      ops: ['GO_REMOTE'],
      answer: refused('Cannot do this operation when remote mode is disabled by config'),
    },
    {
      row: 'our own: without a Hub client',
      given: { hubClient: false },
      ops: ['GO_REMOTE'],
      answer: refused('Cannot do this operation without a Hub client'),
    },
    {
      row: '7: without debug shell',
      given: { debugShell: false },
      ops: ['DEFER_REBOOT'],
      answer: refused('Cannot do this operation when debug shell is not active'),
    },
    { row: '8: in remote mode', given: { remote: true }, ops: ['GO_REMOTE'], answer: { status: 204 } },
    {
      row: '9: on an unclaimed device',
      given: { claimed: false },
      ops: ['UNCLAIM'],
      answer: { status: 204 },
    },
    {
      row: 'our own: without a revision store',
      given: { store: false },
      ops: ['LOCAL_RUN', 'LOCAL_RUN_COMMIT', 'MAKE_FACTORY', 'RUN_GC'],
      answer: refused('Cannot do this operation without a revision store'),
    },
  ];

  /** As `free`, but for what refuses an op on every device of that kind. */
  const easy = (op: Op): Situation => ({
    ...free,
    claimed: op !== 'MAKE_FACTORY',
    remote: op !== 'GO_REMOTE',
  });

  for (const { row, given, ops, answer } of rows) {
    it(`row ${row}: ${ops.join(', ')}, and nothing else`, () => {
      for (const op of ops) assert.deepEqual(answerToCommand(op, { ...easy(op), ...given }), answer);
      for (const op of OPS.filter((other) => !ops.includes(other))) {
        assert.deepEqual(answerToCommand(op, { ...easy(op), ...given }), { status: 200 }, op);
      }
    });
  }

  it('row 10: any, while another one holds the slot (R-10)', () => {
    for (const op of OPS) assert.deepEqual(answerToCommand(op, { ...easy(op), busy: true }), busy);
  });

  it('accepts every op that nothing speaks against', () => {
    for (const op of OPS) assert.deepEqual(answerToCommand(op, easy(op)), { status: 200 }, op);
  });

  const order: readonly { readonly why: string; readonly op: Op; readonly given: Partial<Situation> }[] = [
    { why: '3 before 10', op: 'UPDATE_METADATA', given: { remote: false, busy: true } },
    { why: '4 before 5', op: 'MAKE_FACTORY', given: { updating: true, claimed: true } },
    { why: '4 before 9', op: 'UNCLAIM', given: { updating: true, claimed: false } },
    { why: '4 before 10', op: 'REBOOT_DEVICE', given: { updating: true, busy: true } },
    { why: '6 before 8', op: 'GO_REMOTE', given: { remoteAllowed: false, remote: true } },
    { why: '8 before 10', op: 'GO_REMOTE', given: { remote: true, busy: true } },
  ];
  for (const { why, op, given } of order) {
    it(`checks ${why}`, () => {
      const expected = rows.find(({ row }) => row.startsWith(`${why[0]}:`))?.answer;
      assert.deepEqual(answerToCommand(op, { ...easy(op), ...given }), expected);
    });
  }
});
