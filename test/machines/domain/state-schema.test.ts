import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z } from 'zod';
import { NAME_PATTERN, nameFault, PATH_PATTERN, pathFault } from '../../../machines/domain/names.ts';
import { parseState } from '../../../machines/domain/state-json.ts';
import { stateSchema } from '../../../machines/domain/state-schema.ts';
import { container, OBJECT, type State, state } from './states.ts';

const schema = z.fromJSONSchema(stateSchema() as Parameters<typeof z.fromJSONSchema>[0]);

/** A container that is read without a warning. */
const whole = (keys: State = {}) => ({
  ...container('a', { group: 'app', 'root-volume': 'r.squashfs', ...keys }),
  'a/c': OBJECT,
  'a/r.squashfs': OBJECT,
});
const device = (keys: State) => ({ 'device.json': { volumes: {}, ...keys } });

describe('The JSON Schema of a state', () => {
  const documents: readonly { why: string; parts: State; valid: boolean }[] = [
    { why: 'nothing but the format', parts: {}, valid: true },
    { why: 'another format', parts: { '#spec': 'x' }, valid: false },
    { why: 'a whole container', parts: whole(), valid: true },
    { why: 'a container without a type', parts: { 'a/run.json': { name: 'a', config: 'c' } }, valid: false },
    { why: 'a container that is a text', parts: { 'a/run.json': OBJECT }, valid: false },
    {
      why: 'a run.json deeper down',
      parts: { 'a/b/run.json': OBJECT, '_config/a/run.json': 5 },
      valid: true,
    },
    { why: 'a status goal', parts: whole({ status_goal: 'READY' }), valid: true },
    { why: 'a status goal in lower case', parts: whole({ status_goal: 'ready' }), valid: false },
    { why: 'a restart policy', parts: whole({ restart_policy: 'always' }), valid: false },
    { why: 'roles', parts: whole({ roles: ['mgmt'] }), valid: true },
    { why: 'an unknown role', parts: whole({ roles: ['admin'] }), valid: false },
    { why: 'roles as a text', parts: whole({ roles: 'mgmt' }), valid: false },
    { why: 'a volume without an extension', parts: whole({ volumes: ['v'] }), valid: false },
    { why: 'a config that leads out', parts: whole({ config: '../c' }), valid: false },
    { why: 'storage', parts: whole({ storage: { s: { persistence: 'boot' } } }), valid: true },
    { why: 'storage without persistence', parts: whole({ storage: { s: {} } }), valid: false },
    {
      why: 'storage of unknown persistence',
      parts: whole({ storage: { s: { persistence: 'x' } } }),
      valid: false,
    },
    {
      why: 'a recovery',
      parts: whole({ auto_recovery: { policy: 'always', max_retries: '3', backoff_policy: '10min' } }),
      valid: true,
    },
    {
      why: 'a recovery with a strange duration',
      parts: whole({ auto_recovery: { backoff_policy: '30m' } }),
      valid: false,
    },
    {
      why: 'a recovery with a negative count',
      parts: whole({ auto_recovery: { max_retries: -1 } }),
      valid: false,
    },
    { why: 'an empty logger', parts: whole({ logs: [{}] }), valid: false },
    {
      why: 'a logger',
      parts: whole({ logs: [{ file: '/var/log/z', truncate: 'true', maxsize: 9 }] }),
      valid: true,
    },
    { why: 'a relative log file', parts: whole({ logs: [{ file: 'z' }] }), valid: false },
    { why: 'dev-log', parts: whole({ 'dev-log': 'true' }), valid: true },
    { why: 'dev-log as a number', parts: whole({ 'dev-log': 1 }), valid: false },
    { why: 'automodfw as a boolean', parts: whole({ automodfw: false }), valid: false },
    { why: 'drivers', parts: whole({ drivers: { required: ['can'] } }), valid: true },
    { why: 'drivers as a text', parts: whole({ drivers: { required: 'can' } }), valid: false },
    {
      why: 'services by name',
      parts: {
        ...whole({ services: { required: ['x', { name: 'y', type: 'rest' }] } }),
        'a/services.json': [{ name: 'x' }, { name: 'y' }],
      },
      valid: true,
    },
    {
      why: 'a service of an unknown type',
      parts: whole({ services: { optional: [{ name: 'y', type: 'x' }] } }),
      valid: false,
    },
    { why: 'exports', parts: whole({ exports: ['/a/b'] }), valid: true },
    { why: 'a relative export', parts: whole({ exports: ['a'] }), valid: false },
    { why: 'unknown keys', parts: whole({ future: 1 }), valid: true },
    {
      why: 'groups',
      parts: { ...whole(), ...device({ groups: [{ name: 'app', timeout: '5' }] }) },
      valid: true,
    },
    { why: 'no groups in an array', parts: device({ groups: [] }), valid: false },
    { why: 'a group without a name', parts: device({ groups: [{}] }), valid: false },
    {
      why: 'a group with a broken timeout',
      parts: device({ groups: [{ name: 'g', timeout: '7s' }] }),
      valid: false,
    },
    { why: 'legacy groups', parts: { 'groups.json': [{ name: 'g' }] }, valid: true },
    { why: 'legacy groups as an object', parts: { 'groups.json': {} }, valid: false },
    {
      why: 'a disk',
      parts: device({ disks: [{ name: 'd', type: 'dm-crypt-caam', default: 'yes' }] }),
      valid: true,
    },
    {
      why: 'a disk of an unknown type',
      parts: device({ disks_v3: [{ name: 'd', type: 'directory' }] }),
      valid: false,
    },
    {
      why: 'a default that is no text',
      parts: device({ disks: [{ name: 'd', type: 'dm-crypt-caam', default: true }] }),
      valid: false,
    },
    { why: 'a remount policy', parts: device({ remount: { default: [{ '/': 'ro' }] } }), valid: true },
    {
      why: 'a remount rule with two paths',
      parts: device({ remount: { default: [{ '/': 'ro', '/x': 'ro' }] } }),
      valid: false,
    },
    {
      why: 'a kernel',
      parts: { 'bsp/run.json': { linux: 'l', initrd: 'i', 'modules_6.1': 'm' } },
      valid: true,
    },
    { why: 'half a kernel', parts: { 'bsp/run.json': { linux: 'l' } }, valid: false },
    {
      why: 'drivers of the board',
      parts: { 'bsp/drivers.json': { all: { can: ['can_raw'] }, 'dtb:x': {} } },
      valid: true,
    },
    {
      why: 'an alias that is a text',
      parts: { 'bsp/drivers.json': { all: { can: 'can_raw' } } },
      valid: false,
    },
    {
      why: 'services in an object',
      parts: { ...whole(), 'a/services.json': { services: [{ name: 'x' }] } },
      valid: true,
    },
    {
      why: 'rules for device nodes',
      parts: {
        ...whole(),
        'a/mdev.json': { rules: ['ttyUSB.* 0:0 660 =serial/%0', '-@8,0-3\troot:disk\t660'] },
      },
      valid: true,
    },
    {
      why: 'a rule for device nodes without a mode',
      parts: { ...whole(), 'a/mdev.json': { rules: ['ttyUSB.* 0:0'] } },
      valid: false,
    },
    { why: 'services in an array', parts: { ...whole(), 'a/services.json': [{ name: 'x' }] }, valid: true },
    { why: 'services without a list', parts: { ...whole(), 'a/services.json': {} }, valid: false },
    { why: 'objects', parts: { 'README.md': OBJECT, d: OBJECT }, valid: true },
    { why: 'free text', parts: { 'README.md': 'Hello' }, valid: false },
    { why: 'an id in upper case', parts: { d: OBJECT.toUpperCase() }, valid: false },
    { why: 'what is ignored', parts: { 'a/src.json': 1, '_sigs/a': 2, 'x.json': 3 }, valid: true },
    { why: 'a path that leads out', parts: { '../x': OBJECT }, valid: false },
  ];
  for (const { why, parts, valid } of documents) {
    it(`${valid ? 'accepts' : 'refuses'} ${why}, as the parser does without problem and warning`, () => {
      const text = state(parts);
      const parsed = parseState(text);
      assert.equal(parsed.ok && parsed.warnings.length === 0, valid, JSON.stringify(parsed, undefined, 1));
      assert.equal(schema.safeParse(JSON.parse(text)).success, valid);
    });
  }

  it('describes every key with its section of the format', () => {
    const descriptions: string[] = [];
    JSON.stringify(stateSchema(), (key, value: unknown) => {
      if (key === 'description' && typeof value === 'string') descriptions.push(value);
      return value;
    });
    assert.ok(descriptions.length > 80);
    const loose = descriptions.filter((text) => !text.includes('§'));
    assert.deepEqual(loose, []);
  });

  it('has patterns that agree with the checks of paths and names', () => {
    const piece = fc.constantFrom(
      '.',
      '..',
      '/',
      'a',
      '.pv',
      '.pvr',
      '_',
      '-',
      ':',
      ' ',
      '\u0000',
      '\u0085',
      '\u2028',
      '\\',
      'é',
    );
    const words = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(words, (word) => {
        assert.equal(new RegExp(PATH_PATTERN, 'u').test(word), pathFault(word) === undefined);
        assert.equal(new RegExp(NAME_PATTERN, 'u').test(word), nameFault(word) === undefined);
      }),
      { numRuns: 2000 },
    );
  });
});
