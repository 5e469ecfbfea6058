/** What is told apart by bytes (control API §2, §8): one connection each, and all that comes back on it. */

import type { Manner } from './client.ts';
import { CONTAINERS_TEXT, type Who } from './device.ts';

export interface FramingCase extends Manner {
  readonly why: string;
  readonly from?: Who;
  /** Sent in these pieces. */
  readonly send: string | readonly string[];
  /** Statuses and bodies in order; none: closed without a byte. */
  readonly answers: readonly (readonly [status: number, body: string])[];
}

const UNSUPPORTED = '{"Error": "Unsupported protocol"}';
const NOT_EXPECTED = '{"Error":"Signal not expected from this platform"}';
const BAD_FORMAT = '{"Error":"Signal has bad format"}';
const refused = (status: number) => [[status, UNSUPPORTED]] as const;
const served = [[200, CONTAINERS_TEXT]] as const;
const graph = [200, '[]'] as const;
const get = (more = '', target = '/containers', version = '1.1') =>
  `GET ${target} HTTP/${version}\r\nConnection: close\r\n${more}\r\n`;
const signal = (fields: string, body: string, version = '1.1') =>
  `POST /signal HTTP/${version}\r\nConnection: close\r\n${fields}\r\n${body}`;
const READY = '{"type":"ready"}';

export const FRAMING: readonly FramingCase[] = [
  { why: '§2 another method', send: 'PATCH /containers HTTP/1.1\r\n\r\n', answers: refused(501) },
  { why: '§11 garbage', send: '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', answers: refused(400) },
  { why: '§2 no version', send: 'GET /containers\r\n\r\n', answers: refused(400) },
  { why: '§2 a header without a colon', send: get('Host\r\n'), answers: refused(400) },
  {
    why: '§2 a length that is no number',
    send: signal('Content-Length: abc\r\n', ''),
    answers: refused(400),
  },
  { why: '§2 a negative length', send: signal('Content-Length: -1\r\n', ''), answers: refused(400) },
  { why: '§2 another host', send: get('Host: example.org\r\n'), answers: [] },
  { why: '§2 another host in the target', send: get('', 'http://example.org/containers'), answers: [] },
  { why: '§2 localhost with a port', send: get('Host: localhost:80\r\n'), answers: served },
  { why: '§2 an empty host', send: get('Host:\r\n'), answers: served },
  { why: '§2 no host', send: get(), answers: served },
  { why: '§2 localhost in the target', send: get('', 'http://localhost/containers'), answers: served },
  { why: '§2 HTTP/1.0 closes', send: 'GET /containers HTTP/1.0\r\n\r\n', answers: served },
  { why: '§6.15 with no header at all', send: 'GET /xconnect-graph HTTP/1.0\r\n\r\n', answers: [graph] },
  { why: '§2 half-closed', send: get('', '/containers', '1.0'), answers: served, halfClose: true },
  {
    why: '§2 half-closed in HTTP/1.1',
    send: 'GET /containers HTTP/1.1\r\n\r\n',
    answers: served,
    halfClose: true,
  },
  {
    why: '§2 two requests on one connection',
    send: `GET /xconnect-graph HTTP/1.1\r\n\r\n${get()}`,
    answers: [graph, ...served],
  },
  {
    why: '§2 HTTP/1.0 that keeps the connection',
    send: `GET /xconnect-graph HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${get('', '/containers', '1.0')}`,
    answers: [graph, ...served],
  },
  { why: '§2 in many pieces', send: get().split(''), answers: served },
  {
    why: '§2 Expect: 100-continue',
    send: [signal('Expect: 100-continue\r\nContent-Length: 16\r\n', ''), READY],
    answers: [
      [100, ''],
      [500, NOT_EXPECTED],
    ],
    waits: true,
  },
  {
    why: '§2 another expectation',
    send: signal('Expect: much\r\nContent-Length: 16\r\n', READY),
    answers: refused(417),
  },
  {
    why: '§2 Transfer-Encoding: identity with a length',
    send: signal('Transfer-Encoding: identity\r\nContent-Length: 16\r\n', READY),
    answers: [[500, NOT_EXPECTED]],
  },
  {
    why: '§8 a second, empty length',
    send: signal('Content-Length: 16\r\nContent-Length:\r\n', READY),
    answers: [[500, NOT_EXPECTED]],
  },
  {
    why: '§8 two equal lengths',
    send: signal('Content-Length: 16\r\nContent-Length: 16\r\n', READY),
    answers: [[500, NOT_EXPECTED]],
  },
  { why: '§2 neither length nor chunks: no body', send: signal('', ''), answers: [[400, BAD_FORMAT]] },
  {
    why: '§2 in chunks',
    send: signal('Transfer-Encoding: chunked\r\n', '8\r\n{"type":\r\n8\r\n"ready"}\r\n0\r\n\r\n'),
    answers: [[500, NOT_EXPECTED]],
  },
  {
    why: '§7.3 as pvcurl writes it',
    send:
      `POST /signal HTTP/1.0\r\nHost: localhost\r\nContent-Length:16\r\n` +
      `Content-Type: application/json\r\nContent-Length: \r\n\r\n${READY}`,
    answers: [[500, NOT_EXPECTED]],
    halfClose: true,
  },
  {
    why: '§7.4 content types are not looked at',
    send: signal('Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n', READY),
    answers: [[500, NOT_EXPECTED]],
  },
];
