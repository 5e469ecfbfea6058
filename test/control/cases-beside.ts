/** Rows of the conformance suite about what stands beside the containers: metadata, drivers, daemons, commands. */

import * as schemas from '../../adapters/control/api-schemas.ts';
import { type Case, error, FULL, ONCE, padded } from './case.ts';
import { MGMT } from './device.ts';

/** The same of both kinds, apart from the words of errors. The device's own keys stand beside those of device-meta. */
function metadata(kind: 'user-meta' | 'device-meta', words: 'user' | 'device'): readonly Case[] {
  const refused = error(`Cannot add or update ${words} meta`);
  const gone = error(`${words === 'user' ? 'User' : 'Device'} meta does not exist`);
  const put = (key: string, value: string) => `PUT /${kind}/${key} ${value}`;
  const shows = (text: string) => (kind === 'user-meta' ? `{${text}}` : new RegExp(`\\{${escaped(text)},`));
  const list = `GET /${kind}`;
  const chunked = { fields: ['Transfer-Encoding: chunked'], clients: ['curl'] } as const;
  return [
    ['§6.8 put', 'admin', put('t.one', 'first'), 200],
    ['§6.8 put an object', 'host', put('t.two', '{"a":[1]}'), 200],
    ['§6.8 put a number', 'admin', put('t.three', '12'), 200],
    ['§6.8 newest first', MGMT, list, 200, shows('"t.three":"12","t.two":{"a":[1]},"t.one":"first"')],
    ['§6.8', MGMT, list, 200, schemas.metadata],
    ['§6.8 an update keeps its place', 'admin', put('t.one', '[1]'), 200],
    ['§6.8 a value ends at NUL', 'admin', put('t.two', 'ab\0cd'), 200],
    ['§6.8 objects and arrays embedded', 'host', list, 200, shows('"t.three":"12","t.two":"ab","t.one":[1]')],
    ['§9 4096 bytes', 'admin', put('t.two', 'x'.repeat(4096)), 200],
    ['§9 4097 bytes', 'admin', put('t.two', 'x'.repeat(4097)), 507, FULL],
    ['§6.8 no value', 'admin', put('t.two', ''), 400, refused],
    ['§6.8 in chunks', 'admin', put('t.two', 'abc'), 400, refused, chunked],
    ['§6.8 the key ..', 'admin', put('..', 'x'), 400, refused],
    ['§6.8 the query is part of the key', 'admin', put('t.q?x=1', 'y'), 200],
    ['§6.8 nothing is decoded', 'admin', `DELETE /${kind}/t%2Eone`, 404, gone],
    ['§6.8 delete', 'admin', `DELETE /${kind}/t.q?x=1`, 200, '', ONCE],
    ['§6.8 delete what is not there', MGMT, `DELETE /${kind}/t.q?x=1`, 404, gone],
    ['§6.8 delete', 'host', `DELETE /${kind}/t.one`, 200, '', ONCE],
    ['§6.8 delete', 'host', `DELETE /${kind}/t.two`, 200, '', ONCE],
    ['§6.8 delete', 'host', `DELETE /${kind}/t.three`, 200, '', ONCE],
  ];
}

const OVERRIDDEN = /\{"key":"PV_LOG_LEVEL","value":"5","modified":"metadata"\}/;
const RESTORED = /\{"key":"PV_LOG_LEVEL","value":"\d+","modified":"default"\}/;
export const METADATA: readonly Case[] = [
  ['§6.8 empty', MGMT, 'GET /user-meta', 200, '{}'],
  ...metadata('user-meta', 'user'),
  ['§6.8 empty again', MGMT, 'GET /user-meta', 200, '{}'],
  ...metadata('device-meta', 'device'),
  ['§6.8 a key of the configuration', 'admin', 'PUT /user-meta/PV_LOG_LEVEL 5', 200],
  ['§6.8 overrides it', 'host', 'GET /config2', 200, OVERRIDDEN],
  ['§6.8 until it is deleted', 'admin', 'DELETE /user-meta/PV_LOG_LEVEL', 200, '', ONCE],
  ['§6.8 then no longer', 'host', 'GET /config2', 200, RESTORED],
];

function listed(camera: string, display: string): Case {
  const own = [
    ['bus', 'REQUIRED', 'LOADED'],
    ['radio', 'OPTIONAL', 'UNKNOWN'],
    ['camera', 'MANUAL', camera],
    ['display', 'MANUAL', display],
  ].map(([name, type, status]) => ({ name, type, status }));
  return ['§6.11 list', 'driver', 'GET /drivers', 200, JSON.stringify(own)];
}
const NOT_LOADED = 'Error loading driver';
export const DRIVERS: readonly Case[] = [
  ['§6.11 a caller without drivers', MGMT, 'GET /drivers', 200, '{}'],
  listed('UNLOADED', 'UNLOADED'),
  ['§6.11', 'driver', 'GET /drivers', 200, schemas.driverList],
  ['§6.11 one', 'driver', 'PUT /drivers/camera/load', 200],
  listed('LOADED', 'UNLOADED'),
  ['§6.11 all', 'driver', 'PUT /drivers/load', 200],
  listed('LOADED', 'LOADED'),
  ['§6.11 one', 'driver', 'PUT /drivers/display/unload', 200],
  listed('LOADED', 'UNLOADED'),
  ['§6.11 all', 'driver', 'PUT /drivers/unload', 200],
  ['§6.11 not a manual driver', 'driver', 'PUT /drivers/bus/unload', 200],
  ['§6.11 not a driver', 'driver', 'PUT /drivers/nothing/load', 200],
  listed('UNLOADED', 'UNLOADED'),
  ['§6.11 callers without drivers', MGMT, 'PUT /drivers/load', 200],
  ['§6.11 callers without drivers', MGMT, 'PUT /drivers/unload', 200],
  ['§6.11 callers without drivers', MGMT, 'PUT /drivers/camera/load', 200],
  ['§6.11 callers without drivers', MGMT, 'PUT /drivers/camera/unload', 200],
  ['§6.11 one fails', 'lost', 'PUT /drivers/gone/load', 400, error(NOT_LOADED)],
  ['§6.11 one of all fails', 'lost', 'PUT /drivers/load', 400, error(`${NOT_LOADED}s`)],
  ['§6.11 unloading never fails', 'lost', 'PUT /drivers/gone/unload', 200],
  ['§6.11 unloading never fails', 'lost', 'PUT /drivers/unload', 200],
  ['§6.11 no name', 'driver', 'PUT /drivers/load/load', 400, error('No driver name')],
];

const xconnect = (body: string) => `PUT /daemons/pv-xconnect ${body}`;
export const DAEMONS: readonly Case[] = [
  ['§6.12', MGMT, 'GET /daemons', 200, schemas.daemonList],
  ['§6.12 in order', MGMT, 'GET /daemons', 200, /"hwrngd",.*"pv-xconnect",.*"pv-dbus",/],
  ['§6.12 it runs', 'host', 'GET /daemons', 200, /"name":"pv-xconnect","pid":[1-9]\d*,"respawn":true/],
  ['§6.12 unknown', MGMT, `PUT /daemons/none ${padded('{}', 1025)}`, 404, error('Daemon not found')],
  ['§9 1025 bytes', 'admin', xconnect(padded('{}', 1025)), 507, FULL],
  ['§6.12 no JSON', 'admin', xconnect('stop'), 400, error('Invalid JSON')],
  ['§6.12 no body', 'admin', xconnect(''), 400, error('No data')],
  ['§6.12 no action', 'admin', xconnect('{}'), 200],
  ['§6.12 unknown action', 'admin', xconnect('{"action":"burn"}'), 200],
  ['§9 1024 bytes', 'admin', xconnect(padded('{"action":"start"}', 1024)), 200],
  ['§6.12 stop', 'admin', xconnect('{"action":"stop"}'), 200],
  ['§6.12 it stays away', 'host', 'GET /daemons', 200, /"name":"pv-xconnect","pid":-?\d+,"respawn":false/],
  ['§6.12 start', 'admin', xconnect('{"action":"start"}'), 200],
  ['§6.12 it comes back', 'host', 'GET /daemons', 200, /"name":"pv-xconnect","pid":\d+,"respawn":true/],
];

const MALFORMED = error('Command has bad format');
const LOCAL = error('Cannot do this operation while on local mode');
const NO_HUB = error('Cannot do this operation without a Hub client');
const command = (op: string, payload: unknown = '') => `POST /commands ${JSON.stringify({ op, payload })}`;
/** Accepted. There is one slot, and it is free again when the request behind it has been answered. */
const accepted = (why: string, op: string, payload?: unknown): readonly Case[] => [
  [why, 'admin', command(op, payload), 200, '', ONCE],
  ['§6.5 the slot is free', 'host', 'GET /xconnect-graph', 200, '[]'],
];
const ssh = (value: string) =>
  new RegExp(`\\{"key":"PV_DEBUG_SSH","value":"${value}","modified":"metadata"\\}`);
export const COMMANDS: readonly Case[] = [
  ['§6.5 row 1', 'admin', `POST /commands ${padded('{"op":"RUN_GC","payload":""}', 4097)}`, 507, FULL],
  ['§6.5 row 2, no JSON', 'admin', 'POST /commands REBOOT_DEVICE', 400, MALFORMED],
  ['§6.5 row 2, no body', 'admin', 'POST /commands ', 400, MALFORMED],
  ['§6.5 row 2, no op', 'admin', 'POST /commands {"payload":""}', 400, MALFORMED],
  ['§6.5 row 2, no payload', 'admin', 'POST /commands {"op":"REBOOT_DEVICE"}', 400, MALFORMED],
  ['§6.5 row 2, the beginning of an op', 'admin', command('REBOOT'), 400, MALFORMED],
  ['§6.5 row 2, an empty op', 'admin', command(''), 400, MALFORMED],
  ['§6.5 row 3', 'admin', command('UPDATE_METADATA', { a: 'b' }), 409, LOCAL],
  ['§6.5 no Hub to go to', 'admin', command('GO_REMOTE'), 409, NO_HUB],
  ['§6.5 row 9', 'admin', command('UNCLAIM'), 204],
  ...accepted('§10 accepted and dropped', 'TRY_ONCE'),
  ...accepted('§10 accepted and dropped', 'LOCAL_APPLY', 7),
  ...accepted('§10 accepted and dropped', 'XCONNECT_GRAPH', { a: [null] }),
  ...accepted('§6.5 with the debug shell', 'DEFER_REBOOT', '60'),
  ...accepted('§6.5 off', 'DISABLE_SSH'),
  ['§6.5 on the metadata level', 'host', 'GET /config2', 200, ssh('0')],
  ...accepted('§6.5 on', 'ENABLE_SSH'),
  ['§6.5 on the metadata level', 'host', 'GET /config2', 200, ssh('1')],
];

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
