/** The table of the conformance suite: requests in the order in which they are made, who makes them, and the exact answer.
 *  Framing, which is bytes, has its own table in `framing-cases.ts`, what stands beside the containers is in
 *  `cases-beside.ts`. What needs installed revisions is not here. */

import * as schemas from '../../adapters/control/api-schemas.ts';
import { type Case, error, FULL, METHOD, ONCE, padded, unknown } from './case.ts';
import { COMMANDS, DAEMONS, DRIVERS, METADATA } from './cases-beside.ts';
import { CONTAINERS_TEXT, GROUPS_TEXT, MGMT, NOBODY } from './device.ts';

const EXACT = error('Request not sent from a mgmt platform');
const PATTERN = error('Request not sent from mgmt platform');
const NO_CONTAINER = error('Container not found');
const LONG = 'x'.repeat(255);
const DEEP = '/b'.repeat(10);

const ROUTING: readonly Case[] = [
  ['§3 unknown path', ['host', 'plain'], 'GET /nowhere', 400, unknown('/nowhere')],
  ['§3 exact paths have no trailing slash', 'host', 'GET /containers/', 400, unknown('/containers/')],
  ['§3 nor empty segments', 'host', 'GET //containers', 400, unknown('//containers')],
  ['§5 quotes in errors are escaped', 'host', 'GET /a"b', 400, unknown('/a"b')],
  ['§3 exact paths are decoded', 'host', 'GET /%63ontainers', 200, CONTAINERS_TEXT],
  ['§3 their query is ignored', 'host', 'GET /containers?x=1', 200, CONTAINERS_TEXT],
  ['§3 patterns ignore empty segments', 'host', 'PUT //daemons//none/ {}', 404, error('Daemon not found')],
  ['§3 patterns are not decoded', 'host', 'PUT /drivers%2Fa/load', 400, unknown('/drivers%2Fa/load')],
  ['§9 more than 10 segments', 'host', `PUT /a${DEEP}`, 400, unknown(`/a${DEEP}`)],
  ['§9 a segment of 255 bytes', 'host', `PUT /containers/${LONG} {}`, 404, NO_CONTAINER],
  ['§9 of 256 bytes', 'host', `PUT /containers/${LONG}x {}`, 400, unknown(`/containers/${LONG}x`)],
  ['§3 wrong method, exact', ['host', 'plain'], 'POST /containers {}', 400, METHOD],
  ['§3 wrong method, pattern', ['host', 'plain'], 'DELETE /containers/admin', 400, METHOD],
  ['§3 HEAD is a wrong method', 'host', 'HEAD /containers', 400],
  ['§6.8 a single key is not to be had', 'host', 'GET /user-meta/x', 400, METHOD],
  ['§4.2 without the role, exact', NOBODY, 'GET /containers', 403, EXACT],
  ['§4.2 without the role, pattern', NOBODY, 'PUT /containers/plain {"action":"stop"}', 403, PATTERN],
  ['R-12 unknown path of ours', 'host', 'GET /v1/nothing', 404, unknown('/v1/nothing')],
  ['R-12 wrong method of ours', 'host', 'POST /v1/status {}', 405, METHOD, { headers: { allow: 'GET' } }],
];

const TEXT = { headers: { 'content-type': 'text/plain' } };
const STATE: readonly Case[] = [
  ['§6.1 exactly', MGMT, 'GET /containers', 200, CONTAINERS_TEXT],
  ['§6.1', 'admin', 'GET /containers', 200, schemas.containerList],
  ['§6.3 exactly', MGMT, 'GET /groups', 200, GROUPS_TEXT],
  ['§6.3', 'admin', 'GET /groups', 200, schemas.groupList],
  ['§6.9', MGMT, 'GET /buildinfo', 200, /^statevisor /, TEXT],
  ['§6.10 legacy', MGMT, 'GET /config', 200, schemas.configuration],
  ['§6.10 legacy types', 'host', 'GET /config', 200, /"debug\.ssh":true,.*"system\.init\.mode":0/],
  ['§6.10', MGMT, 'GET /config2', 200, schemas.configuration2],
  [
    '§6.10 enumerations by name',
    'host',
    'GET /config2',
    200,
    /"key":"PV_SYSTEM_INIT_MODE","value":"embedded"/,
  ],
  [
    '§6.10 booleans',
    'host',
    'GET /config2',
    200,
    /"key":"PV_CONTROL_REMOTE","value":"1","modified":"default"/,
  ],
  ['§6.10 unset', 'host', 'GET /config2', 200, /"value":"\(null\)"/],
  ['§6.14', MGMT, 'GET /wakelocks', 200, schemas.wakelocks],
  ['§6.15 the graph is empty', MGMT, 'GET /xconnect-graph', 200, '[]'],
  ['R-12', MGMT, 'GET /v1/status', 200, schemas.statusDocument],
  ['R-12', MGMT, 'GET /v1/explain', 200, schemas.explanations],
  ['R-12', MGMT, 'GET /v1/explain/later', 200, schemas.explanation],
  ['R-12', MGMT, 'GET /v1/explain/nobody', 404, NO_CONTAINER],
  ['R-12', MGMT, 'GET /v1/metrics', 200, /^# HELP statevisor_info /, TEXT],
];

const BAD_SIGNAL = error('Signal has bad format');
const NOT_EXPECTED = error('Signal not expected from this platform');
const READY = '{"type":"ready"}';
const SIGNALS: readonly Case[] = [
  ['§6.4 no JSON', 'ready', 'POST /signal ready', 400, BAD_SIGNAL],
  ['§6.4 no type', 'ready', 'POST /signal {"payload":""}', 400, BAD_SIGNAL],
  ['§6.4 no object', 'ready', 'POST /signal "ready"', 400, BAD_SIGNAL],
  ['§6.4 an empty body', 'ready', 'POST /signal ', 400, BAD_SIGNAL],
  ['§6.4 no body', 'ready', 'POST /signal', 400, BAD_SIGNAL],
  ['§6.4 alive always fails', 'ready', 'POST /signal {"type":"alive","payload":""}', 500, NOT_EXPECTED],
  ['§6.4 another goal', ['plain', 'mute', 'admin'], `POST /signal ${READY}`, 500, NOT_EXPECTED],
  ['§6.4 the host', 'host', `POST /signal ${READY}`, 500, NOT_EXPECTED],
  ['§6.4 the body names nobody', 'plain', 'POST /signal {"type":"ready","name":"ready"}', 500, NOT_EXPECTED],
  ['§9 4097 bytes', 'ready', `POST /signal ${padded(READY, 4097)}`, 507, FULL],
  ['§6.4 who waits still waits', 'host', 'GET /containers', 200, CONTAINERS_TEXT],
];

const SYSTEM = error("Container has restart_policy 'system' and cannot be controlled via API");
const NO_ACTION = error("Missing 'action' field");
const NO_SUCH_ACTION = error("Invalid action. Use 'start', 'stop', or 'restart'");
const NO_START = error('Container must be in STOPPED, STOPPING, or RECOVERING state to start');
const USER_STOPPED = /"name":"plain","group":"app","status":"STOPPED"[^}]*\},"user_stopped":"true"/;
const order = (action: string) => `PUT /containers/plain ${JSON.stringify({ action, by: 'me' })}`;
const ORDERS: readonly Case[] = [
  ['§6.2 row 1', 'admin', `PUT /containers/nobody ${padded('{}', 1025)}`, 404, NO_CONTAINER],
  ['§6.2 row 2', MGMT, `PUT /containers/admin ${padded('{}', 1025)}`, 403, SYSTEM],
  ['§6.2 row 3', 'admin', `PUT /containers/plain ${padded('{"action":"start"}', 1025)}`, 507, FULL],
  ['§6.2 row 4', 'admin', 'PUT /containers/plain {', 400, error('Invalid JSON')],
  ['§6.2 no body', 'admin', 'PUT /containers/plain ', 400, error('No data')],
  ['§6.2 row 5', 'admin', 'PUT /containers/plain {"verb":"stop"}', 400, NO_ACTION],
  ['§6.2 row 5', 'admin', 'PUT /containers/plain []', 400, NO_ACTION],
  ['§6.2 row 6', 'admin', order('halt'), 400, NO_SUCH_ACTION],
  ['§6.2 row 7', 'admin', 'PUT /containers/later {"action":"start"}', 400, NO_START],
  [
    '§6.2 row 7',
    'admin',
    'PUT /containers/later {"action":"restart"}',
    400,
    error('Container state does not allow restart'),
  ],
  ['§6.2 start what runs', 'admin', order('start'), 200],
  ['§9 1024 bytes', 'admin', `PUT /containers/plain ${padded('{"action":"start"}', 1024)}`, 200],
  ['§6.2 stop', 'admin', order('stop'), 200, '', { ...ONCE, leads: ['plain', 'STOPPING', 'STOPPED'] }],
  ['§6.2 it is user-stopped', 'host', 'GET /containers', 200, USER_STOPPED],
  ['§6.2 stop what is stopped', 'admin', order('stop'), 200],
  ['§6.2 start', 'host', order('start'), 200, '', { ...ONCE, leads: ['plain', 'STARTING', 'STARTED'] }],
  ['§6.2 as before', 'host', 'GET /containers', 200, CONTAINERS_TEXT],
  ['§6.2 restart', 'admin', order('restart'), 200, '', { ...ONCE, leads: ['plain', 'STOPPING', 'STARTED'] }],
  ['§6.2 as before', 'host', 'GET /containers', 200, CONTAINERS_TEXT],
];

/** `ready` becomes ready by this, and `later` starts. */
const READINESS: readonly Case[] = [
  [
    '§9 4096 bytes',
    'ready',
    `POST /signal ${padded(READY, 4096)}`,
    200,
    '',
    { ...ONCE, leads: ['ready', 'READY'] },
  ],
  ['§6.4 once more', 'ready', 'POST /signal {"type":"ready","payload":{"a":1}}', 200],
  ['§6.1 it is', 'host', 'GET /containers', 200, /"name":"ready","group":"app","status":"READY"/],
];

/** From when `ready` is STARTED and `later` still waits. */
export const CASES: readonly Case[] = [
  ...ROUTING,
  ...STATE,
  ...SIGNALS,
  ...ORDERS,
  ...METADATA,
  ...DRIVERS,
  ...DAEMONS,
  ...COMMANDS,
  ...READINESS,
];
